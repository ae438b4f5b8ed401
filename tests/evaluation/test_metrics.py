"""Metrics by hand."""

from __future__ import annotations

import numpy as np
import pytest

from musicgen_vae.evaluation.metrics import Hits, micro_f1, note_hits, song_interval, spearman
from musicgen_vae.music.clip import Clip, Note, Role, tidy


def clip(*notes: tuple[int, int, int]) -> Clip:
    return Clip(
        notes=tidy(
            Note(start=start, role=Role.MELODY, pitch=pitch, duration=duration)
            for start, pitch, duration in notes
        )
    )


def test_f1_by_hand() -> None:
    original = clip((0, 60, 12), (12, 62, 12), (24, 64, 12))
    copy = clip((0, 60, 24), (12, 62, 12), (36, 64, 12), (48, 65, 12))
    hits = note_hits(original, copy)
    assert hits == Hits(true=3, made=4, hit=2)
    assert hits.f1 == pytest.approx(4 / 7)
    assert note_hits(original, copy, with_duration=True).hit == 1
    assert note_hits(original, original, with_duration=True).f1 == 1.0
    assert note_hits(clip(), clip()).f1 == 1.0
    assert note_hits(original, clip()).f1 == 0.0


def test_roles_must_agree() -> None:
    original = clip((0, 60, 12))
    moved = Clip(notes=(Note(start=0, role=Role.BASS, pitch=60, duration=12),))
    assert note_hits(original, moved).hit == 0


def test_micro_f1_counts_notes_not_clips() -> None:
    assert micro_f1([Hits(true=90, made=90, hit=90), Hits(true=10, made=10, hit=0)]) == 0.9


def test_interval_draws_songs() -> None:
    good, bad = Hits(true=10, made=10, hit=10), Hits(true=10, made=10, hit=0)
    low, high = song_interval([good, bad], ["a", "b"])
    assert (low, high) == (0.0, 1.0)
    low, high = song_interval([good, bad] * 200, ["a", "a"] * 200)
    assert low == high == 0.5


def test_rank_correlation_ignores_missing_values() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0])
    assert spearman(x, np.array([1.0, 4.0, np.nan, 100.0])) == pytest.approx(1.0)
    assert spearman(x, -x) == pytest.approx(-1.0)
