"""The way between two clips: what the steps of a morph are, before their notes are written.

This module knows clips and kept notes; it does not know the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.keeping import Kept
from musicgen_vae.music.clip import Clip, Role

KeyChoice = Literal["a", "b", "switch"]
LatentPath = Literal["line", "circle"]
_FEW = 1e-6


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """A way through latent space; S steps.

    Attributes:
        z: as the decoder is shown it, shape (S, 4, D).
        control: from the control network, shape (S, 4, d_model).
        noise_level: how noisy the decoder shall think z is, 0 to 1, shape (S,).
        frames: key, meter, tempo, programs and number of bars of each step; no notes.
        kept: k of each step, the same for all.
    """

    z: Tensor
    control: Tensor
    noise_level: Tensor
    frames: tuple[Clip, ...]
    kept: tuple[Kept, ...]


def frames_between(
    a: Clip, b: Clip, steps: int, key: KeyChoice = "a", keep: Role | None = None
) -> tuple[Clip, ...]:
    """Everything but the notes of each step from ``a`` to ``b``.

    Args:
        a: one end.
        b: the other end.
        steps: 2 or more.
        key: whose key and meter: a's, b's, or a's in the first half and b's in the second.
        keep: a role of ``a`` that keeps its notes and program.

    Raises:
        ControlError: if what is kept is not there or should stand in another key and meter than its
            own.
    """
    if keep is not None and key != "a":
        raise ControlError("what is kept of A stays in A's key and meter; choose A's")
    if keep is not None and keep not in a.roles:
        raise ControlError(f"A has no {keep.label} to keep; choose another role or other bars")
    return tuple(_between(a, b, i / (steps - 1), key, keep) for i in range(steps))


def even_shares(shares: Sequence[float], outlines: Tensor, steps: int) -> list[float]:
    """Where to stop on a way so that as much changes from each step to the next.

    What changes is measured in what is expected to be struck: the notes that come and go as a share
    of those that are there.

    Args:
        shares: of n points on the way, from 0 up to 1.
        outlines: what is expected at each point, as probabilities, shape (n, ...).
        steps: how many stops, 2 or more; the first is 0 and the last 1.
    """
    flat = outlines.flatten(1).double()
    changed = (flat[1:] - flat[:-1]).abs().sum(1) / (flat[1:] + flat[:-1]).sum(1).clamp_min(_FEW)
    moved = np.concatenate([[0.0], (changed + _FEW).cumsum(0).cpu().numpy()])
    found = np.interp(np.linspace(0.0, moved[-1], steps), moved, np.array(shares))
    return [0.0, *found[1:-1].tolist(), 1.0]


def _between(a: Clip, b: Clip, share: float, key: KeyChoice, keep: Role | None) -> Clip:
    frame = {"a": a, "b": b, "switch": a if share < 0.5 else b}[key]
    near, far = (a, b) if share < 0.5 else (b, a)

    def program(role: Role) -> int:
        if role is keep:
            return a.programs[role]
        return (near if role in near.roles or role not in far.roles else far).programs[role]

    melody, harmony, bass, drums = (program(role) for role in Role)
    return Clip(
        meter=frame.meter,
        key=frame.key,
        tempo_qpm=float(a.tempo_qpm ** (1 - share) * b.tempo_qpm**share),
        programs=(melody, harmony, bass, drums),
        n_bars=max(a.n_bars, b.n_bars),
    )
