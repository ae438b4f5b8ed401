"""Stops on a way between two clips: as much changes from each to the next."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from musicgen_vae.generation.trajectory import even_shares


def test_an_even_way_is_left_as_it_is() -> None:
    points = [i / 8 for i in range(9)]
    # Each step adds a note of nine and takes one away.
    outlines = torch.stack([torch.arange(17.0) - i for i in range(9)])
    outlines = ((outlines >= 0) & (outlines < 9)).float()
    torch.testing.assert_close(even_shares(points, outlines, 5), [0.0, 0.25, 0.5, 0.75, 1.0])


def test_steps_crowd_where_much_changes() -> None:
    points = [i / 16 for i in range(17)]
    leap = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    outlines = torch.lerp(leap[:1], leap[1:], torch.tensor([[0.0]] * 8 + [[0.5]] + [[1.0]] * 8))
    shares = even_shares(points, outlines, 5)
    assert shares == pytest.approx([0.0, 7.5 / 16, 0.5, 8.5 / 16, 1.0], abs=1e-3)


def test_where_nothing_changes_steps_are_even() -> None:
    shares = even_shares([0.0, 0.5, 1.0], torch.zeros(3, 2, 5), 4)
    assert shares == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0])


@given(st.integers(2, 20), st.integers(2, 12), st.integers(0, 999))
def test_stops_rise_from_end_to_end(n: int, steps: int, seed: int) -> None:
    outlines = torch.rand(n, 3, 4, generator=torch.Generator().manual_seed(seed))
    shares = even_shares([i / (n - 1) for i in range(n)], outlines, steps)
    assert len(shares) == steps
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    assert (np.diff(shares) > 0).all()
