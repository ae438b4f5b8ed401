"""Clips as integer arrays, and exactly back: the alphabet that the model reads and writes.

A clip becomes one row per note, ordered as ``Note.sort_key``; a bar token opens each of the four
bars and an end token closes the clip. Drum hits on one step share one row, whose pitch field names
the set of drum classes. This module knows the alphabet; it does not know the model.

The array has shape (T, 6), dtype int16, with the columns of ``Field``:

====================  ===========================================================================
``STEP``   0 to 74    step in the bar (0 to 71), ``STEP_HELD``, ``STEP_BAR`` or ``STEP_END``
``ROLE``   0 to 4     ``Role``, or ``ROLE_NONE`` in bar and end tokens
``PITCH``  0 to 639   relative pitch 0 to 127; ``PITCH_NONE`` = 128; 128 + set of drum classes
                      (bit i = ``DRUM_PITCHES[i]``)
``DURATION`` 0 to 19  index into ``DURATIONS``, or ``DURATION_NONE`` (drums, bar and end tokens)
``VELOCITY`` 0 to 8   class 0 to 7, or ``VELOCITY_NONE`` (unknown; bar and end tokens)
``BAR``    0 to 4     bar of the clip; ``BAR_BEFORE`` = 4 is the bar before it, as kept context
====================  ===========================================================================
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.errors import ClipError
from musicgen_vae.music.clip import (
    BARS_PER_CLIP,
    DRUM_DURATION,
    DRUM_PITCHES,
    DURATIONS,
    MAX_STEPS_PER_BAR,
    N_VELOCITIES,
    Clip,
    Note,
    Role,
    tidy,
)

Tokens = NDArray[np.int16]
"""Shape (T, 6): see the module's docstring."""


class Field(IntEnum):
    """Columns of a token array."""

    STEP = 0
    ROLE = 1
    PITCH = 2
    DURATION = 3
    VELOCITY = 4
    BAR = 5


STEP_HELD = MAX_STEPS_PER_BAR
STEP_BAR = MAX_STEPS_PER_BAR + 1
STEP_END = MAX_STEPS_PER_BAR + 2
ROLE_NONE = len(Role)
PITCH_NONE = 128
DURATION_NONE = len(DURATIONS)
VELOCITY_NONE = N_VELOCITIES
BAR_BEFORE = BARS_PER_CLIP

FIELD_SIZES = (
    MAX_STEPS_PER_BAR + 3,
    ROLE_NONE + 1,
    PITCH_NONE + (1 << len(DRUM_PITCHES)),
    DURATION_NONE + 1,
    VELOCITY_NONE + 1,
    BARS_PER_CLIP + 1,
)
"""How many values each field can take, in the order of ``Field``."""

MAX_TOKENS = 512
"""No clip with more tokens is encoded: a dense full band has about 320."""

_DURATION_INDEX = {value: index for index, value in enumerate(DURATIONS)}
_DRUM_BIT = {pitch: 1 << index for index, pitch in enumerate(DRUM_PITCHES)}


def structural_token(step: int, bar: int) -> tuple[int, ...]:
    """The row of a bar or end token (``step`` is ``STEP_BAR`` or ``STEP_END``)."""
    return (step, ROLE_NONE, PITCH_NONE, DURATION_NONE, VELOCITY_NONE, bar)


def clip_to_tokens(clip: Clip) -> Tokens:
    """The clip's notes as an array of shape (T, 6); always four bar tokens and one end token.

    Raises:
        ClipError: if the clip needs more than ``MAX_TOKENS`` rows.
    """
    rows = note_rows(clip)
    bars: list[list[tuple[int, ...]]] = [[] for _ in range(BARS_PER_CLIP)]
    for row in rows:
        bars[row[Field.BAR]].append(row)
    result: list[tuple[int, ...]] = []
    for bar, members in enumerate(bars):
        result.append(structural_token(STEP_BAR, bar))
        result.extend(members)
    result.append(structural_token(STEP_END, BARS_PER_CLIP - 1))
    if len(result) > MAX_TOKENS:
        raise ClipError(
            f"these four bars hold {len(rows)} notes, more than the {MAX_TOKENS - 5} the model "
            "reads at once; choose a thinner passage"
        )
    return np.array(result, dtype=np.int16)


def note_rows(clip: Clip) -> list[tuple[int, ...]]:
    """One row per note (drum hits merged), without bar and end tokens, in order."""
    rows: list[tuple[int, ...]] = []
    for note in clip.notes:
        bar, step = divmod(note.start, clip.meter.steps)
        step = STEP_HELD if note.held else step
        velocity = VELOCITY_NONE if note.velocity is None else note.velocity
        if note.role is not Role.DRUMS:
            duration = _DURATION_INDEX[note.duration]
            rows.append((step, int(note.role), note.pitch, duration, velocity, bar))
            continue
        pitch = PITCH_NONE + _DRUM_BIT[note.pitch]
        last = rows[-1] if rows else None
        if last is not None and (last[0], last[1], last[5]) == (step, Role.DRUMS, bar):
            pitch += last[2] - PITCH_NONE
            rows.pop()
        rows.append((step, int(Role.DRUMS), pitch, DURATION_NONE, velocity, bar))
    return rows


def tokens_to_notes(tokens: Tokens, bar_steps: int) -> tuple[Note, ...]:
    """The notes of a token array: the exact inverse of ``clip_to_tokens``.

    Args:
        tokens: shape (T, 6); bar and end tokens are passed over.
        bar_steps: steps in a bar.
    """
    notes = []
    for step, role, pitch, duration, velocity, bar in tokens.tolist():
        if step >= STEP_BAR or bar >= BARS_PER_CLIP:
            continue
        held = step == STEP_HELD
        start = bar * bar_steps + (0 if held else step)
        level = None if velocity == VELOCITY_NONE else velocity
        if role != Role.DRUMS:
            notes.append(
                Note(
                    start=start,
                    role=Role(role),
                    pitch=pitch,
                    duration=DURATIONS[duration],
                    velocity=level,
                    held=held,
                )
            )
            continue
        for drum, bit in _DRUM_BIT.items():
            if (pitch - PITCH_NONE) & bit:
                notes.append(
                    Note(
                        start=start,
                        role=Role.DRUMS,
                        pitch=drum,
                        duration=DRUM_DURATION,
                        velocity=level,
                    )
                )
    return tidy(notes)


def tokens_to_clip(tokens: Tokens, template: Clip) -> Clip:
    """A clip with the notes of ``tokens`` and everything else from ``template``.

    Raises:
        ClipError: if a note lies outside the template's bars.
    """
    return replace(template, notes=tokens_to_notes(tokens, template.meter.steps))
