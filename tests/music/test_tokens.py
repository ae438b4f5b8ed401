"""Clips and token arrays are the same thing twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from musicgen_vae.errors import ClipError
from musicgen_vae.music.clip import DRUM_DURATION, Clip, Note, Role, tidy
from musicgen_vae.music.tokens import (
    FIELD_SIZES,
    PITCH_NONE,
    STEP_BAR,
    STEP_END,
    STEP_HELD,
    Field,
    clip_to_tokens,
    tokens_to_clip,
)
from tests.music.strategies import clips


def melody(start: int, pitch: int = 60, *, held: bool = False) -> Note:
    return Note(start=start, role=Role.MELODY, pitch=pitch, duration=6, velocity=4, held=held)


def drum(start: int, pitch: int) -> Note:
    return Note(start=start, role=Role.DRUMS, pitch=pitch, duration=DRUM_DURATION, velocity=5)


@given(clips())
def test_tokens_are_an_exact_inverse(clip: Clip) -> None:
    tokens = clip_to_tokens(clip)
    assert tokens_to_clip(tokens, clip) == clip


@given(clips())
def test_every_value_lies_in_its_alphabet_and_rows_are_ordered(clip: Clip) -> None:
    tokens = clip_to_tokens(clip).astype(int)
    assert (tokens >= 0).all()
    assert (tokens.max(axis=0) < np.array(FIELD_SIZES)).all()
    steps = tokens[:, Field.STEP]
    assert (steps == STEP_BAR).sum() == 4
    assert steps[0] == STEP_BAR
    assert steps[-1] == STEP_END
    place = np.where(steps == STEP_BAR, -2, np.where(steps == STEP_HELD, -1, steps))
    keys = list(
        zip(tokens[:, Field.BAR], place, tokens[:, Field.ROLE], tokens[:, Field.PITCH], strict=True)
    )
    assert keys == sorted(keys)


def test_drums_on_one_step_share_a_row() -> None:
    clip = Clip(notes=tidy([drum(0, 36), drum(0, 42), drum(6, 42), melody(0)]))
    tokens = clip_to_tokens(clip)
    drums = tokens[tokens[:, Field.ROLE] == Role.DRUMS]
    assert drums[:, Field.PITCH].tolist() == [PITCH_NONE + 0b101, PITCH_NONE + 0b100]
    assert tokens_to_clip(tokens, clip) == clip


def test_held_notes_come_first() -> None:
    clip = Clip(notes=tidy([melody(0, 72, held=True), melody(0, 60)]))
    assert clip_to_tokens(clip)[1, Field.STEP] == STEP_HELD


def test_a_clip_beyond_the_limit_is_refused_with_its_size() -> None:
    notes = tidy(melody(step, pitch) for step in range(0, 192, 3) for pitch in range(60, 70))
    with pytest.raises(ClipError, match="hold 640 notes"):
        clip_to_tokens(Clip(notes=notes))
