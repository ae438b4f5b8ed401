"""Augmented windows are still music of the alphabet."""

from __future__ import annotations

import numpy as np
import pytest

from musicgen_vae.music.clip import Clip, Meter, Note, Role, tidy
from musicgen_vae.music.tokens import STEP_HELD, Field, clip_to_tokens, tokens_to_notes
from musicgen_vae.training.augment import (
    AugmentConfig,
    augment,
    note_rows,
    recombine,
    sort_rows,
    split_bass,
    transpose_rows,
    with_structure,
)
from tests.training.corpora import song

ALWAYS = AugmentConfig(shift=1, recombine=1, octave=1, split_bass=1, solo=0)


def window(seed: int) -> np.ndarray:
    return note_rows(clip_to_tokens(song(seed).clip(0)))


def test_structure_is_the_inverse_of_taking_notes() -> None:
    tokens = clip_to_tokens(song(1).clip(1))
    assert np.array_equal(with_structure(note_rows(tokens)), tokens)


def test_sorting_keeps_held_notes_first() -> None:
    held = Note(start=0, role=Role.HARMONY, pitch=70, duration=12, held=True)
    struck = Note(start=0, role=Role.MELODY, pitch=60, duration=12)
    rows = note_rows(clip_to_tokens(Clip(notes=tidy([held, struck]))))
    mixed = sort_rows(rows[::-1])
    assert np.array_equal(mixed, rows)
    assert mixed[0, Field.STEP] == STEP_HELD


@pytest.mark.parametrize("seed", range(30))
def test_any_variant_is_a_clip(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = augment(window(seed), window(seed + 100), ALWAYS, rng)
    notes = tokens_to_notes(rows.astype(np.int16), Meter().steps)
    assert np.array_equal(
        note_rows(clip_to_tokens(Clip(notes=notes)))[:, Field.PITCH], rows[:, Field.PITCH]
    )
    assert {n.role for n in notes} <= {Role.MELODY, Role.HARMONY, Role.BASS}


def test_nothing_happens_at_probability_zero() -> None:
    never = AugmentConfig(shift=0, recombine=0, octave=0, split_bass=0, solo=0)
    rows = window(3)
    assert np.array_equal(augment(rows, window(4), never, np.random.default_rng(0)), rows)


def test_bass_is_the_lowest_line_of_the_harmony() -> None:
    notes = tidy(
        Note(start=s, role=Role.HARMONY, pitch=p, duration=12)
        for s in (0, 12)
        for p in (48, 52, 72)
    )
    rows = split_bass(note_rows(clip_to_tokens(Clip(notes=notes))))
    bass = rows[rows[:, Field.ROLE] == Role.BASS]
    assert bass[:, Field.PITCH].tolist() == [48, 48]
    assert len(rows) == 6


def test_recombination_takes_whole_roles_or_whole_bars() -> None:
    a, b = window(1), window(2)
    rows_a, rows_b = {tuple(r) for r in a}, {tuple(r) for r in b}
    for seed in range(20):
        mixed = recombine(a, b, np.random.default_rng(seed))
        assert {tuple(r) for r in mixed} <= rows_a | rows_b
        for bar in range(4):
            for role in (Role.MELODY, Role.HARMONY):
                cell = {tuple(r) for r in mixed if r[Field.BAR] == bar and r[Field.ROLE] == role}
                sources = [
                    {tuple(r) for r in w if r[Field.BAR] == bar and r[Field.ROLE] == role}
                    for w in (a, b)
                ]
                assert cell in sources


def test_transposition_leaves_what_would_leave_the_range() -> None:
    notes = tidy(Note(start=0, role=Role.MELODY, pitch=p, duration=12) for p in (2, 60, 125))
    rows = note_rows(clip_to_tokens(Clip(notes=notes)))
    assert transpose_rows(rows, 5)[:, Field.PITCH].tolist() == [7, 65, 125]
    assert transpose_rows(rows, -5)[:, Field.PITCH].tolist() == [2, 55, 120]
