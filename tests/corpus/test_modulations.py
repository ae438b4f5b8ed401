"""Scales from what is struck in each bar."""

from __future__ import annotations

import numpy as np
import pytest

from musicgen_vae.corpus.sources.modulations import find_scales

MAJOR = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], dtype=float)


def _bars(*tonics: int) -> np.ndarray:
    return np.stack([np.roll(2 * MAJOR, tonic) for tonic in tonics])


@pytest.mark.parametrize("tonic", range(12))
def test_one_scale(tonic: int) -> None:
    assert find_scales(_bars(*[tonic] * 6), [None] * 6) == (tonic,) * 6


def test_a_change_that_lasts_is_followed() -> None:
    tonics = [0] * 12 + [1] * 12
    assert find_scales(_bars(*tonics), [None] * 24) == tuple(tonics)


def test_a_borrowed_bar_is_not() -> None:
    tonics = [0] * 6 + [3] + [0] * 6
    assert find_scales(_bars(*tonics), [None] * 13) == (0,) * 13


def test_hints_decide_where_the_notes_do_not() -> None:
    # Five notes without the fourth and seventh degrees suit two scales a fifth apart.
    struck = np.zeros((4, 12))
    struck[:, [0, 2, 4, 7, 9]] = 1
    plain, hinted = find_scales(struck, [None] * 4), find_scales(struck, [5] * 4)
    assert plain == (0,) * 4
    assert hinted == (5,) * 4
