"""Changes to a window's note rows that keep it music: what makes the model copy, not remember.

A window here is an int64 array of note rows, shape (n, 6), without bar and end tokens. Functions
take and return such arrays; randomness comes from a NumPy generator. This module does not know
batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.music.clip import BARS_PER_CLIP, DURATIONS, Meter, Role
from musicgen_vae.music.tokens import (
    ROLE_NONE,
    STEP_BAR,
    STEP_END,
    STEP_HELD,
    Field,
    structural_token,
)

Rows = NDArray[np.int64]
DURATION_STEPS = np.array((*DURATIONS, 3), dtype=np.int64)
"""Steps of each duration class; drums (the last) nominally 3."""
_BASS_CEILING = 55
_KEY_MISTAKES = (-7, -5, 5, 7)


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Probabilities (0 to 1) of each change.

    Attributes:
        shift: all pitched roles move by a fifth, a fourth or any interval up to 6 semitones.
        recombine: some roles or bars come from another window of the same meter.
        octave: one role moves by an octave.
        split_bass: the lowest line of the harmony becomes a bass.
        solo: only one role stays.
    """

    shift: float = 0.25
    recombine: float = 0.2
    octave: float = 0.1
    split_bass: float = 0.2
    solo: float = 0.08


def note_rows(rows: NDArray[np.int16]) -> Rows:
    """The note rows of a token array, as int64."""
    notes: Rows = rows[rows[:, Field.ROLE] != ROLE_NONE].astype(np.int64)
    return notes


def sort_rows(notes: Rows) -> Rows:
    """Note rows in the order of ``Note.sort_key``."""
    step = notes[:, Field.STEP]
    step = np.where(step == STEP_HELD, -1, step)
    order = np.lexsort((notes[:, Field.PITCH], notes[:, Field.ROLE], step, notes[:, Field.BAR]))
    ordered: Rows = notes[order]
    return ordered


def with_structure(notes: Rows) -> Rows:
    """Note rows of a clip with its bar and end tokens, shape (n + 5, 6)."""
    bars = []
    for bar in range(BARS_PER_CLIP):
        bars.append(np.array([structural_token(STEP_BAR, bar)], dtype=np.int64))
        bars.append(notes[notes[:, Field.BAR] == bar])
    bars.append(np.array([structural_token(STEP_END, BARS_PER_CLIP - 1)], dtype=np.int64))
    return np.concatenate(bars)


def note_columns(notes: Rows, meter: Meter) -> tuple[Rows, Rows, Rows, Rows, NDArray[np.bool_]]:
    """Start, role, pitch, duration (all in steps or as in ``Note``) and held, each (n,)."""
    held = notes[:, Field.STEP] == STEP_HELD
    start = notes[:, Field.BAR] * meter.steps + np.where(held, 0, notes[:, Field.STEP])
    duration = DURATION_STEPS[notes[:, Field.DURATION]]
    return start, notes[:, Field.ROLE], notes[:, Field.PITCH], duration, held


def transpose_rows(notes: Rows, semitones: int, role: int | None = None) -> Rows:
    """Pitched rows (of one role, or all) moved; rows that would leave 0 to 127 stay."""
    moved: Rows = notes.copy()
    pitch = notes[:, Field.PITCH] + semitones
    chosen = (notes[:, Field.ROLE] != Role.DRUMS) & (pitch >= 0) & (pitch < 128)
    if role is not None:
        chosen &= notes[:, Field.ROLE] == role
    moved[chosen, Field.PITCH] = pitch[chosen]
    return moved


def random_shift(rng: np.random.Generator) -> int:
    """Semitones of a mistaken key: a fifth or fourth half of the time, else -6 to 6."""
    if rng.random() < 0.5:
        return int(rng.choice(_KEY_MISTAKES))
    return int(rng.integers(-6, 7))


def split_bass(notes: Rows) -> Rows:
    """The lowest harmony note of each step, where it is low, becomes bass."""
    harmony = np.flatnonzero(
        (notes[:, Field.ROLE] == Role.HARMONY) & (notes[:, Field.PITCH] < _BASS_CEILING)
    )
    if not len(harmony) or (notes[:, Field.ROLE] == Role.BASS).any():
        return notes
    time = notes[harmony, Field.BAR] * 1000 + notes[harmony, Field.STEP]
    # Rows are sorted by pitch within a step, so the first of each time is the lowest.
    _, first = np.unique(time, return_index=True)
    changed: Rows = notes.copy()
    changed[harmony[first], Field.ROLE] = Role.BASS
    return sort_rows(changed)


def recombine(notes: Rows, other: Rows, rng: np.random.Generator) -> Rows:
    """Roles, or whole bars, of one window replaced by those of another."""
    if rng.random() < 0.6:
        roles = np.unique(np.concatenate([notes[:, Field.ROLE], other[:, Field.ROLE]]))
        from_other = np.isin(roles, rng.permutation(roles)[: max(1, len(roles) // 2)])
        mine = ~np.isin(notes[:, Field.ROLE], roles[from_other])
        theirs = np.isin(other[:, Field.ROLE], roles[from_other])
    else:
        bars = np.flatnonzero(rng.random(BARS_PER_CLIP) < 0.5)
        mine = ~np.isin(notes[:, Field.BAR], bars)
        theirs = np.isin(other[:, Field.BAR], bars)
    return sort_rows(np.concatenate([notes[mine], other[theirs]]))


def augment(notes: Rows, other: Rows, config: AugmentConfig, rng: np.random.Generator) -> Rows:
    """One random variant of a window.

    Args:
        notes: the window.
        other: another window of the same meter, for recombination.
        config: probabilities.
        rng: randomness.
    """
    if rng.random() < config.recombine:
        mixed = recombine(notes, other, rng)
        notes = mixed if len(mixed) else notes
    if rng.random() < config.split_bass:
        notes = split_bass(notes)
    roles = np.unique(notes[:, Field.ROLE])
    if rng.random() < config.solo and len(roles) > 1:
        chosen = notes[notes[:, Field.ROLE] == rng.choice(roles)]
        notes = chosen if len(chosen) else notes
    if rng.random() < config.octave:
        notes = transpose_rows(notes, int(rng.choice((-12, 12))), int(rng.choice(roles)))
    if rng.random() < config.shift:
        notes = transpose_rows(notes, random_shift(rng))
    return sort_rows(notes)
