"""Kept notes (k): which notes of a clip stay, as rows for prior and decoder.

This module knows clips and token rows; it does not know the model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.decoding import before_rows
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip, Role
from musicgen_vae.music.tokens import Field, Tokens, note_rows

_ALL_ROLES = (1 << len(Role)) - 1


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The notes of a clip that stay, and those that are to be written.

    Attributes:
        rows: note rows that stay, shape (n, 6).
        hidden: note rows that are hidden, shape (m, 6).
        before: note rows of the bar before the clip, shape (l, 6).
        roles: roles (bits) that stay completely in each bar, shape (4,).
    """

    rows: Tokens
    hidden: Tokens
    before: Tokens
    roles: tuple[int, ...]

    @property
    def shown(self) -> Tokens:
        """What prior and decoder see: the bar before and the notes that stay."""
        return np.concatenate([self.before, self.rows])


NOTHING_KEPT = Kept(
    rows=np.zeros((0, len(Field)), dtype=np.int16),
    hidden=np.zeros((0, len(Field)), dtype=np.int16),
    before=np.zeros((0, len(Field)), dtype=np.int16),
    roles=(0,) * BARS_PER_CLIP,
)


def keep_notes(
    clip: Clip,
    *,
    roles: Iterable[Role] = (),
    bars: Iterable[int] | None = None,
    before: Clip | None = None,
) -> Kept:
    """Keep ``roles`` in every bar and everything outside ``bars``.

    Args:
        clip: where the notes come from.
        roles: kept in every bar.
        bars: bars (0 to 3) to be rewritten; None rewrites all.
        before: the clip that precedes it, whose last bar is context.

    Raises:
        ControlError: if a bar is outside the clip.
    """
    rewrite = set(range(BARS_PER_CLIP) if bars is None else bars)
    if bars is not None and not rewrite <= set(range(clip.n_bars)):
        raise ControlError(f"bars to rewrite must lie in 1 to {clip.n_bars}")
    bits = sum(1 << role for role in set(roles))
    kept_roles = tuple(bits if bar in rewrite else _ALL_ROLES for bar in range(BARS_PER_CLIP))
    rows = _rows(clip)
    stays = np.array(
        [bool(kept_roles[bar] >> role & 1) for _, role, _, _, _, bar in rows.tolist()], dtype=bool
    )
    return Kept(
        rows=rows[stays],
        hidden=rows[~stays],
        before=_rows(None) if before is None else bar_before(before),
        roles=kept_roles,
    )


def bar_before(clip: Clip) -> Tokens:
    """The last bar of ``clip`` as context of what follows, shape (n, 6)."""
    return before_rows(_rows(clip), clip.n_bars)


def _rows(clip: Clip | None) -> Tokens:
    notes = [] if clip is None else note_rows(clip)
    rows: Tokens = np.array(notes, dtype=np.int16).reshape(-1, len(Field))
    return rows
