"""The way between two clips: where a morph may stop, and which of its stops make it even.

This module knows clips, kept notes and the model; it does not know how notes are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.defaults import MORPH_NOISE_LEVEL, MORPH_SPREAD
from musicgen_vae.generation.encoding import Encoded
from musicgen_vae.generation.keeping import Kept, keep_notes
from musicgen_vae.generation.latent import lerp, slerp, unwhiten, whiten
from musicgen_vae.model.outline import N_STRUCK, outline_steps
from musicgen_vae.model.vae import ConditionalVAE, Rows
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip, Role
from musicgen_vae.music.distance import clip_distances

KeyChoice = Literal["a", "b", "switch"]
LatentPath = Literal["line", "circle"]
FloatArray = NDArray[np.float64]
_FEW = 1e-6
_WAY_POINTS = 16
_SHARPNESS = 2.0
_POWER = 6
_BACKWARDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """A way through latent space; S stops.

    Attributes:
        z: as the decoder is shown it, shape (S, 4, D).
        control: from the control network, shape (S, 4, d_model).
        noise_level: how noisy the decoder shall think z is, 0 to 1, shape (S,).
        frames: key, meter, tempo, programs and number of bars of each stop; no notes.
        kept: k of each stop, the same for all.
    """

    z: Tensor
    control: Tensor
    noise_level: Tensor
    frames: tuple[Clip, ...]
    kept: tuple[Kept, ...]


@dataclass(frozen=True, kw_only=True)
class Morph:
    """What was written on a way between two clips; S steps.

    Attributes:
        clips: the steps; the first and the last are the ends.
        z: of each, as the decoder was shown it, shape (S, 4, D).
    """

    clips: tuple[Clip, ...]
    z: Tensor


@torch.inference_mode()
def trajectory(
    model: ConditionalVAE,
    ends: tuple[Clip, Clip],
    encoded: Encoded,
    middle: Tensor,
    *,
    stops: int,
    key: KeyChoice = "a",
    path: LatentPath = "line",
    keep: Role | None = None,
) -> Trajectory:
    """The way from a clip to another, with ``stops`` where as much changes from each to the next.

    Controls move in a line; z moves in coordinates whitened by the prior, later bars before earlier
    ones (``bar_shares``). What lies between two z is like neither: it is drawn towards the middle
    of all z, and the decoder is told that it is noisy, most so half-way. z takes the same way
    whether a role is kept or not: measured, more of B's other roles arrives then than on a way
    whitened by the prior given each end's own notes of the role.

    Args:
        model: whose latent space it is.
        ends: A and B, of roles that the model knows.
        encoded: both of them.
        middle: the mean of all z, shape (4, D).
        stops: 2 or more.
        key: whose key and meter: a's, b's, or a's in the first half and b's in the second.
        path: a straight line or a great circle.
        keep: a role of A that keeps its notes and program; the key must then be a's.

    Raises:
        ControlError: if what is kept is not there or should stand in another key and meter than its
            own.
    """
    a, b = ends
    device, n_bars = middle.device, max(a.n_bars, b.n_bars)
    whitened = whiten(encoded.posterior.mode(), encoded.prior)

    def along(shares: Sequence[float]) -> tuple[Tensor, Tensor, Tensor, tuple[Clip, ...]]:
        """z, control, noise level and frame at each of the points; frames change evenly."""
        frames = frames_between(a, b, len(shares), key, keep)
        share = torch.tensor(shares, device=device)
        of_bars = bar_shares(share, n_bars)
        control = _move(encoded.control, of_bars, "line")
        bar_steps = torch.tensor([f.meter.steps for f in frames], device=device)
        none = Rows.none(len(shares), device)
        prior = model.encoder(none, control, bar_steps, partial=True)[0]
        z = unwhiten(_move(whitened, of_bars, path), prior)
        level = MORPH_NOISE_LEVEL * 4 * share * (1 - share)
        return torch.lerp(z, middle, level[:, None, None]), control, level, frames

    points = [i / _WAY_POINTS for i in range(_WAY_POINTS + 1)]
    shares = even_shares(points, _expected(model, *along(points)), stops)
    z, control, noise_level, frames = along(shares)
    kept = keep_notes(a, roles=() if keep is None else (keep,))
    if keep is not None:
        roles = torch.tensor([kept.roles] * 2, device=device)
        told = model.control(replace(encoded.condition, kept_roles=roles))
        share = torch.tensor(shares, device=device)
        control = _move(told, bar_shares(share, n_bars), "line")
    return Trajectory(
        z=z, control=control, noise_level=noise_level, frames=frames, kept=(kept,) * stops
    )


def bar_shares(shares: Tensor, n_bars: int = BARS_PER_CLIP) -> Tensor:
    """How far each bar is where a whole clip is ``shares`` (S,) of the way, shape (S, 4).

    Bars set out one after another, the last one first, and arrive so too: what all bars did at once
    would happen in one or two steps. At 0 and 1 they all are where the clip is; a bar that is alone
    always is.
    """
    bars = torch.arange(BARS_PER_CLIP, device=shares.device)
    lag = (n_bars - 1 - bars).clamp(min=0) / max(1, n_bars - 1)
    spread = MORPH_SPREAD if n_bars > 1 else 0.0
    return (shares[:, None] + spread * (shares[:, None] - lag)).clamp(0.0, 1.0)


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


def n_stops(steps: int) -> int:
    """At how many stops to write notes so that ``steps`` (2 or more) of them can be chosen."""
    return 2 * steps - 2


def even_steps(distances: FloatArray, fits: NDArray[np.bool_]) -> list[int]:
    """Which of the n clips on a way make a morph that moves evenly and does not turn back.

    Of all choices that begin and end where the way does, the one with the least sum of sixth powers
    of its moves, by dynamic programming. What a move takes back, towards the first clip or from the
    last one, counts twice on top.

    Args:
        distances: of each clip from each other, shape (n, n).
        fits: whether each step may be each clip, shape (steps, n); some choice must be possible.

    Returns:
        Increasing indices.
    """
    from_a, from_b = distances[0], distances[-1]
    back = np.maximum(0.0, from_a[:, None] - from_a) + np.maximum(0.0, from_b - from_b[:, None])
    price = (distances + _BACKWARDS * back) ** _POWER
    steps, n = fits.shape
    least = np.full((steps, n), np.inf)
    came_from = np.zeros((steps, n), dtype=np.int64)
    least[0, 0] = 0.0
    for step in range(1, steps):
        for at in range(step, n):
            if fits[step, at]:
                total = least[step - 1, :at] + price[:at, at]
                came_from[step, at] = total.argmin()
                least[step, at] = total.min()
    chosen = [n - 1]
    for step in range(steps - 1, 0, -1):
        chosen.append(int(came_from[step, chosen[-1]]))
    return chosen[::-1]


def even_morph(z: Tensor, clips: Sequence[Clip], frames: Sequence[Clip]) -> Morph:
    """Of the clips written on a way those that move evenly, in the frames of the morph's steps.

    Args:
        z: of each clip, shape (n, 4, D).
        clips: as written at the stops of a trajectory.
        frames: of the steps; no more than there are clips.
    """
    fits = np.array([[clip.meter == frame.meter for clip in clips] for frame in frames])
    chosen = even_steps(clip_distances(clips), fits)
    steps = [
        replace(frame, notes=clips[at].notes) for frame, at in zip(frames, chosen, strict=True)
    ]
    return Morph(clips=tuple(steps), z=z[chosen])


def frames_between(
    a: Clip, b: Clip, stops: int, key: KeyChoice = "a", keep: Role | None = None
) -> tuple[Clip, ...]:
    """Everything but the notes at each stop from ``a`` to ``b``; as in ``trajectory``."""
    if keep is not None and key != "a":
        raise ControlError("what is kept of A stays in A's key and meter; choose A's")
    if keep is not None and keep not in a.roles:
        raise ControlError(f"A has no {keep.label} to keep; choose another role or other bars")
    return tuple(_between(a, b, i / (stops - 1), key, keep) for i in range(stops))


def _between(a: Clip, b: Clip, share: float, key: KeyChoice, keep: Role | None) -> Clip:
    frame = {"a": a, "b": b, "switch": a if share < 0.5 else b}[key]
    near, far = (a, b) if share < 0.5 else (b, a)

    def program(role: Role) -> int:
        if role is keep:
            return a.programs[role]
        return (near if role in near.roles or role not in far.roles else far).programs[role]

    melody, harmony, bass, drums = (program(role) for role in Role)
    tempo_qpm = float(a.tempo_qpm ** (1 - share) * b.tempo_qpm**share)
    slow, fast = sorted([a.tempo_qpm, b.tempo_qpm])  # which rounding may leave
    return Clip(
        meter=frame.meter,
        key=frame.key,
        tempo_qpm=min(max(tempo_qpm, slow), fast),
        programs=(melody, harmony, bass, drums),
        n_bars=max(a.n_bars, b.n_bars),
    )


def _move(ends: Tensor, of_bars: Tensor, path: LatentPath) -> Tensor:
    """Points between two ends (2, 4, n), each bar as far as ``of_bars`` (S, 4) says: (S, 4, n)."""
    if path == "line":
        return lerp(ends[0], ends[1], of_bars[..., None])
    # The circle is that of the whole clip; each bar stands where all of it would be.
    at = [
        [slerp(ends[0], ends[1], share)[bar] for bar, share in enumerate(shares)]
        for shares in of_bars.tolist()
    ]
    return torch.stack([torch.stack(bars) for bars in at])


def _expected(
    model: ConditionalVAE,
    z: Tensor,
    control: Tensor,
    noise_level: Tensor,
    frames: Sequence[Clip],
) -> Tensor:
    """What the decoder's outline expects to be struck, before any note is written.

    Probabilities sharpened towards 0 and 1, as the likeliest notes are what will be written; shape
    (S, 4, steps, columns).
    """
    bar_steps = torch.tensor([frame.meter.steps for frame in frames], device=z.device)
    none = Rows.none(len(frames), z.device)
    context = model.decoder.prefix(z, control, none, bar_steps, noise_level).context
    steps = outline_steps(int(bar_steps.max())).to(z.device)
    struck = model.decoder.outline_logits(context, steps)[..., :N_STRUCK]
    return torch.sigmoid(_SHARPNESS * struck)
