"""What is measured is what one would count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from musicgen_vae.music.attributes import (
    N_CHORDS,
    N_CLASSES,
    Edges,
    beat_steps,
    chord_name,
    clip_repetition,
    measure,
    pitch_class_profile,
    summary,
)
from musicgen_vae.music.clip import Clip, Key, Meter, Mode, Note, Role, tidy
from tests.music.strategies import clips


def note(start: int, pitch: int, duration: int = 12, role: Role = Role.HARMONY) -> Note:
    return Note(start=start, role=role, pitch=pitch, duration=duration)


def test_one_bar_by_hand() -> None:
    clip = Clip(
        notes=tidy(
            [
                *(note(0, p, 24) for p in (48, 64, 67)),  # C major, two beats
                note(24, 72, 12, Role.MELODY),
                note(42, 74, 6, Role.MELODY),  # off the beat, next beat silent
            ]
        )
    )
    bars = measure(clip)
    assert bars.density[0] == pytest.approx(5 / 4)
    assert bars.polyphony[0] == pytest.approx((24 * 3 + 12 + 6) / 42)
    assert bars.register[0] == pytest.approx((48 + 64 + 67 + 72 + 74) / 5)
    assert bars.syncopation[0] == pytest.approx(1 / 3)
    assert bars.roles[0] == (1 << Role.MELODY) + (1 << Role.HARMONY)
    assert chord_name(int(bars.chord[0])) == "C"


def test_silent_bars_have_no_values() -> None:
    bars = measure(Clip(notes=(note(0, 60),)))
    assert bars.density.tolist() == [0.25, 0, 0, 0]
    assert np.isnan(bars.polyphony[1:]).all()
    assert np.isnan(bars.register[1:]).all()
    assert bars.chord[1:].tolist() == [-1, -1, -1]
    assert bars.roles[1:].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("pitches", "name"),
    [
        ((45, 60, 64), "Am"),
        ((43, 59, 62, 65), "G7"),
        ((47, 62, 65), "Bdim"),
        ((50, 57, 67), "Dsus4"),
    ],
)
def test_chords(pitches: tuple[int, ...], name: str) -> None:
    bars = measure(Clip(notes=tidy(note(0, p, 48) for p in pitches)))
    assert chord_name(int(bars.chord[0])) == name
    assert chord_name(int(bars.chord[0]), shift=2) == {
        "Am": "Bm", "G7": "A7", "Bdim": "Dbdim", "Dsus4": "Esus4"
    }[name]  # fmt: skip


@given(clips())
def test_ranges(clip: Clip) -> None:
    bars = measure(clip)
    pitched = [n for n in clip.notes if n.role is not Role.DRUMS]
    assert bars.density.sum() * clip.meter.steps / 12 == pytest.approx(
        sum(not n.held for n in pitched)
    )
    finite = bars.polyphony[np.isfinite(bars.polyphony)]
    assert (finite >= 1).all()
    usable = bars.syncopation[np.isfinite(bars.syncopation)]
    assert ((usable >= 0) & (usable <= 1)).all()
    assert ((bars.chord >= -1) & (bars.chord < N_CHORDS)).all()
    assert summary(clip)["n_notes"] == len(clip.notes)
    assert pitch_class_profile([clip]).sum() == pytest.approx(1.0 if pitched else 0.0)


def test_felt_beats() -> None:
    assert [beat_steps(Meter.parse(m)) for m in ("4/4", "3/4", "6/8", "3/8")] == [12, 12, 18, 12]


def test_edges_split_a_sample_evenly() -> None:
    sample = np.random.default_rng(0).normal(size=8000)
    edges = Edges.fit({"density": sample})
    counts = np.bincount(edges.classify("density", sample), minlength=N_CLASSES)
    assert counts.min() > 990
    assert edges.classify("density", np.array([np.nan, -99.0, 99.0])).tolist() == [-1, 0, 7]


def test_edges_give_a_common_minimum_a_class_of_its_own() -> None:
    sample = np.concatenate([np.zeros(500), np.linspace(0.1, 1, 700)])
    edges = Edges.fit({"syncopation": sample})
    classes = edges.classify("syncopation", sample)
    assert (classes[:500] == 0).all()
    assert np.bincount(classes[500:]).tolist() == [0, *[100] * 7]


def test_the_middle_of_a_class_lies_in_it() -> None:
    edges = Edges.fit({"tempo": np.random.default_rng(1).uniform(60, 180, 2000)})
    for index in range(N_CLASSES):
        assert edges.classify("tempo", np.array(edges.middle("tempo", index))) == index


def test_the_profile_sounds_in_the_clips_key() -> None:
    clip = Clip(notes=(note(0, 60),), key=Key(tonic=2, mode=Mode.MAJOR))
    assert pitch_class_profile([clip]).argmax() == 2


def repeated(pitches: list[list[int]]) -> float:
    notes = [
        Note(start=48 * bar + 12 * i, role=Role.MELODY, pitch=pitch, duration=12)
        for bar, members in enumerate(pitches)
        for i, pitch in enumerate(members)
    ]
    return clip_repetition(Clip(notes=tidy(notes)))


def test_repetition() -> None:
    theme, other = [60, 62, 64, 65], [67, 65, 64, 62]
    assert repeated([theme] * 4) == 1.0
    assert repeated([theme, other, theme, other]) == pytest.approx((1 + 1 + 1 / 7) / 3)
    assert repeated([[60], [61], [62], [63]]) == 0.0
    assert np.isnan(repeated([theme, [], [], []]))
