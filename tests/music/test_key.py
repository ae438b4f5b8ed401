"""Keys: the scale is found in any transposition, and relatives are told apart by the bass."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen_vae.music.clip import DRUM_PITCHES, Key, Mode, Note, Role, tidy, transpose
from musicgen_vae.music.key import estimate_key, rank_keys
from tests.music.strategies import notes

MINUET = "D5:12 G4:6 A4:6 B4:6 C5:6 D5:12 G4:12 G4:12 E5:12 C5:6 D5:6 E5:6 F#5:6 G5:12 G4:12 G4:12"
"""Petzold's minuet in G major, four bars."""

_NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def tune(text: str) -> tuple[Note, ...]:
    result, at = [], 0
    for word in text.split():
        name, duration = word.split(":")
        pitch = 12 * (int(name[-1]) + 1) + _NAMES[name[0]] + name.count("#") - name[1:].count("b")
        result.append(Note(start=at, role=Role.MELODY, pitch=pitch, duration=int(duration)))
        at += int(duration)
    return tuple(result)


def chords(*triads: tuple[int, ...]) -> tuple[Note, ...]:
    """Triads of a bar each, the first pitch two octaves down as bass."""
    result = []
    for i, triad in enumerate(triads):
        result.append(Note(start=48 * i, role=Role.BASS, pitch=triad[0] - 24, duration=48))
        result += [
            Note(start=48 * i, role=Role.HARMONY, pitch=pitch, duration=48) for pitch in triad
        ]
    return tidy(result)


C, D, E = (60, 64, 67), (62, 65, 69), (64, 68, 71)
F, G, A = (65, 69, 72), (67, 71, 74), (69, 72, 76)


@pytest.mark.parametrize("up", range(-6, 6))
def test_a_tune_is_found_in_every_transposition(up: int) -> None:
    assert estimate_key(transpose(tune(MINUET), up)) == Key(tonic=(7 + up) % 12)


def test_relatives_are_told_apart() -> None:
    assert estimate_key(chords(C, F, G, C)) == Key()
    assert estimate_key(chords(A, D, E, A)) == Key(tonic=9, mode=Mode.MINOR)
    assert estimate_key(chords(A, F, C, G, A)) == Key(tonic=9, mode=Mode.MINOR)
    assert estimate_key(chords(C, A, F, G, C)) == Key()


def test_long_notes_count_more() -> None:
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    made = [Note(start=12 * i, role=Role.MELODY, pitch=p, duration=12) for i, p in enumerate(scale)]
    passing = [Note(start=12 * i, role=Role.HARMONY, pitch=66, duration=1) for i in range(8)]
    assert estimate_key([*made, *passing]).shift == 0


def test_without_pitched_notes_it_is_c_major() -> None:
    drums = [Note(start=0, role=Role.DRUMS, pitch=p, duration=3) for p in DRUM_PITCHES]
    assert estimate_key([]) == estimate_key(drums) == Key()
    assert [key.shift for key in rank_keys([])] == [0, 5, -5]


def test_drums_are_ignored() -> None:
    drums = [Note(start=s, role=Role.DRUMS, pitch=42, duration=3) for s in range(96)]
    assert estimate_key([*tune(MINUET), *drums]) == estimate_key(tune(MINUET))


def test_neighbours_by_fifths_come_next() -> None:
    ranked = rank_keys(chords(C, F, G, C))
    assert ranked[0] == Key()
    assert {key.shift for key in ranked[1:]} == {5, -5}


@given(notes(192), st.integers(1, 12))
def test_ranked_keys_differ_in_shift(made: tuple[Note, ...], n: int) -> None:
    ranked = rank_keys(made, n)
    assert len({key.shift for key in ranked}) == len(ranked) == n
    assert ranked[0] == estimate_key(made)
    assert rank_keys(made)[:n] == ranked[:3]


@given(st.randoms(use_true_random=False))
def test_order_does_not_matter(rng: random.Random) -> None:
    made = [*tune(MINUET), *chords(G, C, D, G)]
    shuffled = made[:]
    rng.shuffle(shuffled)
    assert rank_keys(shuffled) == rank_keys(made)
