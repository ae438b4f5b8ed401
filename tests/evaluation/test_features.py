"""Features by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from musicgen_vae.evaluation.features import (
    HISTOGRAMS,
    SCALARS,
    histograms,
    in_key_share,
    scalar_table,
    scalars,
    texture_table,
)
from musicgen_vae.music.clip import Clip, Note, Role, tidy
from tests.evaluation.clips import line, songs


def value(clip: Clip, name: str) -> float:
    return float(scalars(clip)[SCALARS.index(name)])


def test_numbers_by_hand() -> None:
    # C for two beats, then E and G together for one, in every bar.
    bars = [
        (48 * bar + at, pitch, length)
        for bar in range(4)
        for at, pitch, length in ((0, 60, 24), (24, 64, 12), (24, 67, 12))
    ]
    clip = line(*bars)
    assert value(clip, "pitch_count") == 3
    assert value(clip, "note_count") == 3
    assert value(clip, "pitch_range") == 7
    assert value(clip, "pitch_entropy") == pytest.approx(np.log2(3))
    assert value(clip, "polyphony") == pytest.approx(4 / 3)
    assert value(clip, "polyphony_rate") == pytest.approx(1 / 4)
    assert value(clip, "empty_beat_rate") == pytest.approx(1 / 4)
    assert value(clip, "groove_consistency") == 1.0
    assert value(clip, "repetition") == 1.0
    assert value(clip, "onset_interval") == pytest.approx(2.0)
    assert value(clip, "note_length") == pytest.approx(4 / 3)
    assert value(clip, "scale_consistency") == value(clip, "in_key") == 1.0
    # 4, 3 and, over the bar line, 7 semitones.
    assert value(clip, "pitch_interval") == pytest.approx((4 * 4 + 4 * 3 + 3 * 7) / 11)


def test_keys_and_scales() -> None:
    sharp = line((0, 61, 12), (12, 63, 12), (24, 60, 12), (36, 66, 12))
    assert in_key_share([sharp]) == 0.25
    assert value(sharp, "scale_consistency") == 1.0  # Db major has them all
    assert np.isnan(in_key_share([Clip()]))


def test_drums_count_where_they_should() -> None:
    melody = line((0, 60, 12), (12, 62, 12))
    drums = [Note(start=s, role=Role.DRUMS, pitch=36, duration=3, velocity=4) for s in (0, 96)]
    both = replace(melody, notes=tidy([*melody.notes, *drums]))
    assert value(both, "drum_hits") == 0.5
    for name in ("pitch_count", "note_count", "polyphony", "register"):
        assert value(both, name) == value(melody, name)
    assert value(both, "empty_beat_rate") < value(melody, "empty_beat_rate")


def test_distributions_sum_to_one() -> None:
    shapes = histograms(songs(0, 1).clips[0])
    assert tuple(shapes) == HISTOGRAMS
    assert all(shape.sum() == pytest.approx(1) for shape in shapes.values())
    empty = histograms(Clip())
    assert all(shape.sum() == 0 for shape in empty.values())
    moved = line((0, 60, 12), (12, 67, 12), (24, 60, 6))
    steps = histograms(moved)["pitch_class_transitions"].reshape(12, 12)
    assert steps[0, 7] == steps[7, 0] == 0.5


def test_silence_has_no_features_but_is_counted() -> None:
    table = scalar_table([Clip(), songs(0, 1).clips[0]])
    assert np.isnan(table[0, SCALARS.index("register")])
    assert table[0, SCALARS.index("note_count")] == 0
    assert np.isfinite(table[1]).all()
    assert texture_table([Clip(), songs(0, 1).clips[0]]).shape[0] == 2
