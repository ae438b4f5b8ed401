"""What may be written next: the order of the token alphabet, the meter and the kept roles.

Rules are masks over the values of one field, for some items at once. This module knows tokens; it
does not know networks or random numbers.

Axes: B items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.music.clip import BARS_PER_CLIP, Role
from musicgen_vae.music.tokens import (
    FIELD_SIZES,
    MAX_TOKENS,
    PITCH_NONE,
    STEP_BAR,
    STEP_END,
    STEP_HELD,
    Field,
)

Values = NDArray[np.int64]
Mask = NDArray[np.bool_]

_STEPS = np.arange(FIELD_SIZES[Field.STEP])
_ROLES = np.arange(FIELD_SIZES[Field.ROLE])
_PITCHES = np.arange(FIELD_SIZES[Field.PITCH])
_IN_SCALE = np.isin(_PITCHES % 12, [0, 2, 4, 5, 7, 9, 11]) | (_PITCHES >= PITCH_NONE)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules of B items.

    Attributes:
        bar_steps: steps in a bar, shape (B,).
        roles: whether a role may be written in a bar, shape (B, 4, 4).
        in_scale: leave out pitches that are not in C major / A natural minor.
    """

    bar_steps: Values
    roles: Mask
    in_scale: bool

    @classmethod
    def of(cls, bar_steps: Sequence[int], roles: Sequence[Sequence[int]], in_scale: bool) -> Rules:
        """Rules from the roles (bits) that may be written in each of the 4 bars of each item."""
        bits = np.array(roles)[..., None] >> np.arange(len(Role)) & 1
        return cls(bar_steps=np.array(bar_steps), roles=bits.astype(np.bool_), in_scale=in_scale)

    def steps(self, previous: Values, n_written: int) -> Mask:
        """Steps that may follow the ``previous`` rows (B, 6), shape (B, 75).

        After ``n_written`` rows near the alphabet's limit only bar lines and the end may.
        """
        step, bar = previous[:, Field.STEP, None], previous[:, Field.BAR, None]
        last = bar == BARS_PER_CLIP - 1
        lines: Mask = ((_STEPS == STEP_BAR) & ~last) | ((_STEPS == STEP_END) & last)
        if n_written >= MAX_TOKENS - 2 * BARS_PER_CLIP:
            return lines
        roles = self._roles_of(previous)
        opening, held = step == STEP_BAR, step == STEP_HELD
        same = self._same_step_possible(previous)[:, None]
        later = opening | held | (step < _STEPS) | ((step == _STEPS) & same)
        notes = (_STEPS < self.bar_steps[:, None]) & later & roles.any(-1, keepdims=True)
        pitched = roles[:, : Role.DRUMS].any(-1, keepdims=True)
        still_held = (bar == 0) & (opening | (held & same)) & pitched
        allowed: Mask = notes | ((_STEPS == STEP_HELD) & still_held) | lines
        return allowed

    def roles_at(self, previous: Values, step: Values) -> Mask:
        """Roles that may be written on ``step`` (B,), shape (B, 5)."""
        allowed = np.zeros((len(step), len(_ROLES)), dtype=np.bool_)
        allowed[:, : len(Role)] = self._roles_of(previous)
        allowed[:, Role.DRUMS] &= step != STEP_HELD
        same = (step == previous[:, Field.STEP])[:, None]
        role, pitch = previous[:, Field.ROLE, None], previous[:, Field.PITCH, None]
        again = (role == _ROLES) & (role < Role.DRUMS) & (pitch < PITCH_NONE - 1)
        allowed &= ~same | (role < _ROLES) | again
        # Rows whose step is a bar line draw no role; any value will do.
        return allowed | (step >= STEP_BAR)[:, None]

    def pitches(self, previous: Values, step: Values, role: Values) -> Mask:
        """Pitches, or sets of drums, that ``role`` (B,) may strike on ``step``, shape (B, 640)."""
        drums = (role == Role.DRUMS)[:, None]
        same = (step == previous[:, Field.STEP]) & (role == previous[:, Field.ROLE])
        lowest = np.where(same, previous[:, Field.PITCH] + 1, 0)[:, None]
        allowed = np.where(drums, _PITCHES > PITCH_NONE, _PITCHES < PITCH_NONE)
        allowed &= drums | (lowest <= _PITCHES)
        if self.in_scale:
            scaled = allowed & _IN_SCALE
            allowed = np.where(scaled.any(-1, keepdims=True), scaled, allowed)
        return allowed

    def _roles_of(self, previous: Values) -> Mask:
        """Roles that may be written in the bar of the previous row, shape (B, 4)."""
        roles: Mask = self.roles[np.arange(len(previous)), previous[:, Field.BAR]]
        return roles

    def _same_step_possible(self, previous: Values) -> Mask:
        """Whether another note can follow on the previous row's step, shape (B,).

        Notes of one step come in the order of role and pitch, and drums are one row.
        """
        role, pitch = previous[:, Field.ROLE], previous[:, Field.PITCH]
        later = (self._roles_of(previous) & (_ROLES[: len(Role)] > role[:, None])).any(-1)
        possible: Mask = later | ((role < Role.DRUMS) & (pitch < PITCH_NONE - 1))
        return possible
