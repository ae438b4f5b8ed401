"""Copies are found wherever they stand, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musicgen_vae.corpus.shards import shard_from_windows
from musicgen_vae.evaluation.copies import NoteIndex, copy_figures, note_codes
from musicgen_vae.music.clip import Clip, Key, Role, tidy, transpose
from musicgen_vae.music.tokens import clip_to_tokens
from tests.evaluation.clips import line, songs


@pytest.fixture(scope="module")
def training() -> tuple[Clip, ...]:
    return songs(0, 6).clips


@pytest.fixture(scope="module")
def index(training: tuple[Clip, ...]) -> NoteIndex:
    windows = [(clip, clip_to_tokens(clip), i, 0, True) for i, clip in enumerate(training)]
    return NoteIndex(shard_from_windows(windows), np.arange(len(windows)))


def test_what_was_trained_on_is_a_copy(index: NoteIndex, training: tuple[Clip, ...]) -> None:
    assert [index.nearest_share(clip) for clip in training] == [1.0] * len(training)
    figures = copy_figures(index, training)
    assert figures["share"] == 1.0
    assert figures["judged"] == len(training)


def test_key_role_and_length_do_not_hide_it(index: NoteIndex, training: tuple[Clip, ...]) -> None:
    clip = training[3]
    hidden = replace(
        clip,
        key=Key(tonic=5),
        notes=tidy(replace(n, role=Role.BASS, duration=3) for n in clip.notes),
    )
    assert index.nearest_share(hidden) == 1.0


def test_a_share_by_brute_force(index: NoteIndex, training: tuple[Clip, ...]) -> None:
    for clip in songs(50, 3).clips:
        codes = set(note_codes(clip).tolist())
        best = max(len(codes & set(note_codes(t).tolist())) for t in training) / len(codes)
        assert index.nearest_share(clip) == pytest.approx(best)


def test_other_music_and_few_notes_are_none(index: NoteIndex, training: tuple[Clip, ...]) -> None:
    moved = replace(training[0], notes=transpose(training[0].notes, 1))
    assert index.nearest_share(moved) < 0.5
    assert np.isnan(index.nearest_share(line((0, 60, 12))))
    assert copy_figures(index, [line((0, 60, 12))]) == {"judged": 0.0}
    assert copy_figures(index, [moved])["share"] == 0.0


def test_held_notes_and_other_meters(tmp_path: Path) -> None:
    from musicgen_vae.music.clip import Meter
    from tests.training.corpora import song

    clip = song(1, meter="3/4").clip(1)
    assert clip.meter == Meter.parse("3/4")
    shard = shard_from_windows([(clip, clip_to_tokens(clip), 0, 0, True)])
    assert NoteIndex(shard, np.arange(1)).nearest_share(clip) == 1.0
