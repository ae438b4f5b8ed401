"""Distances, cross-fades and paths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from musicgen_vae.evaluation.morphs import (
    choose_pairs,
    cost_ratio,
    cross_fade,
    morph_figures,
    path_figures,
)
from musicgen_vae.music.clip import Clip
from tests.evaluation.clips import line, songs

CLIPS = songs(0, 4)
A, B = CLIPS.clips[0], CLIPS.clips[4]


def test_a_cross_fade_goes_from_one_to_the_other() -> None:
    path = cross_fade(A, B, 9, seed=1)
    assert path[0].notes == A.notes
    assert path[-1].notes == B.notes
    assert path == cross_fade(A, B, 9, seed=1)
    only_a = set(A.notes) - set(B.notes)
    shares = [len(set(c.notes) & only_a) for c in path]
    assert shares == sorted(shares, reverse=True)
    figures = path_figures(path)
    assert figures["forward"] > 0.8
    assert figures["thinnest"] > 0.6


def test_what_is_wrong_with_a_path_is_seen() -> None:
    still = path_figures([A] * 5)
    assert still["forward"] == 1.0
    assert np.isnan(still["evenness"])
    there_and_back = path_figures([A, B, A, B])
    assert there_and_back["forward"] == pytest.approx(2 / 3)
    jump = path_figures([A, A, A, B, B])
    assert jump["evenness"] == pytest.approx(4.0)
    assert path_figures([A, Clip(), B])["thinnest"] == 0.0
    figures = morph_figures([[A, Clip(), B], [A, A, A, A, B]], ["a", "b"])
    assert figures["near_empty"] == 0.5
    assert figures["uneven"] == 0.5
    assert "cost" not in figures


def test_cost_is_that_of_the_middle() -> None:
    def pitch_cost(clips: Sequence[Clip]) -> np.ndarray:
        return np.array([np.mean([n.pitch for n in clip.notes]) for clip in clips])

    low, high = line((0, 50, 12)), line((0, 100, 12))
    assert cost_ratio([low, high, low], pitch_cost) == 2.0
    assert cost_ratio([low, Clip(), high, low], pitch_cost) == 2.0
    assert np.isnan(cost_ratio([low, Clip(), low], pitch_cost))
    figures = morph_figures([[low, high, low]], ["a"], pitch_cost)
    assert figures["cost"]["mean"] == 2.0  # type: ignore[index]


def test_pairs_are_of_different_songs_and_one_meter() -> None:
    pairs = choose_pairs(CLIPS.clips, CLIPS.songs, 100)
    assert pairs
    assert all(CLIPS.songs[i] != CLIPS.songs[j] for i, j in pairs)
    assert all(CLIPS.clips[i].meter == CLIPS.clips[j].meter for i, j in pairs)
    assert max(np.bincount(np.array(pairs).ravel())) <= 2
    assert len(choose_pairs(CLIPS.clips, CLIPS.songs, 3)) == 3
