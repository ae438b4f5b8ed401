"""Whether a morph goes steadily from A to B and stays music on the way.

A path is the row of clips from A to B. It is judged by a distance of clips (chroma and onsets), its
number of notes, its notes' place in the key and, where there is a language model, by their cost.
Beside it stands the same for a cross-fade of the notes themselves. This module knows clips; it does
not know models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.evaluation.features import in_key_share
from musicgen_vae.evaluation.metrics import mean_with_interval
from musicgen_vae.music.clip import Clip, tidy
from musicgen_vae.music.distance import clip_distances

FloatArray = NDArray[np.float64]
NoteCost = Callable[[Sequence[Clip]], FloatArray]
"""Nats per note of each clip under a language model, shape (n,)."""
TOLERANCE = 0.02
"""A step backwards that is no larger than this counts as none."""
_STILL = 1e-9
THIN = 0.7
"""A step is near-empty if it has fewer notes than this share of the emptier end's."""


def cross_fade(a: Clip, b: Clip, steps: int, seed: int = 0) -> list[Clip]:
    """The morph that needs no model: A's notes leave and B's come, one after another by lot.

    Args:
        a: the first step.
        b: the last step, in the meter of ``a``.
        steps: 2 or more.
        seed: of the order.
    """
    rng = np.random.default_rng(seed)
    leaves, comes = rng.random(len(a.notes)), rng.random(len(b.notes))
    result = []
    for index in range(steps):
        share = index / (steps - 1)
        notes = [n for n, at in zip(a.notes, leaves, strict=True) if at >= share]
        # At share 1 every note of B is there, for random numbers are below 1.
        notes += [n for n, at in zip(b.notes, comes, strict=True) if at < share]
        frame = a if share < 1.0 else b
        n_bars = max(a.n_bars, b.n_bars) if 0.0 < share < 1.0 else frame.n_bars
        result.append(replace(frame, notes=tidy(notes), n_bars=n_bars))
    return result


def path_figures(path: Sequence[Clip]) -> dict[str, float]:
    """How one path goes.

    Returns:
        ``forward``: share of its steps that move away from A and towards B, within ``TOLERANCE``;
        ``evenness``: largest step / mean step (1 at best; NaN where nothing moves);
        ``thinnest``: fewest notes on the way / notes of the emptier end;
        ``in_key``: share of the notes between the ends in the key's scale.
    """
    apart = clip_distances(path)
    from_a, from_b = apart[0], apart[-1]
    forward = (np.diff(from_a) >= -TOLERANCE) & (np.diff(from_b) <= TOLERANCE)
    moved = np.diagonal(apart, offset=1)
    ends = min(len(path[0].notes), len(path[-1].notes))
    between = path[1:-1]
    return {
        "forward": float(forward.mean()),
        "evenness": float(moved.max() / moved.mean()) if moved.max() > _STILL else float("nan"),
        "thinnest": min((len(c.notes) for c in between), default=ends) / max(1, ends),
        "in_key": in_key_share(between),
    }


def cost_ratio(path: Sequence[Clip], cost: NoteCost) -> float:
    """Mean cost of the steps between the ends / mean cost of the ends; NaN where there is none."""
    if any(not clip.notes for clip in path):
        path = [path[0], *(clip for clip in path[1:-1] if clip.notes), path[-1]]
    if len(path) < 3 or not path[0].notes or not path[-1].notes:
        return float("nan")
    nats = cost(path)
    return float(nats[1:-1].mean() / nats[[0, -1]].mean())


def morph_figures(
    paths: Sequence[Sequence[Clip]], songs: Sequence[str], cost: NoteCost | None = None
) -> dict[str, object]:
    """Means over paths, with intervals over the songs of their first ends.

    Returns:
        ``forward``, ``evenness``, ``in_key`` and, with a language model, ``cost``: each with
        ``mean``, ``low`` and ``high``; ``uneven``: share of paths whose largest step is more than
        twice the mean; ``near_empty``: share of paths with a near-empty step (``THIN``).
    """
    rows = [path_figures(path) for path in paths]
    result: dict[str, object] = {
        name: mean_with_interval([row[name] for row in rows], songs)
        for name in ("forward", "evenness", "in_key")
    }
    result["uneven"] = float(np.mean([row["evenness"] > 2.0 for row in rows]))
    result["near_empty"] = float(np.mean([row["thinnest"] < THIN for row in rows]))
    if cost is not None:
        result["cost"] = mean_with_interval([cost_ratio(path, cost) for path in paths], songs)
    return result


def choose_pairs(
    clips: Sequence[Clip], songs: Sequence[str], n: int, seed: int = 0
) -> list[tuple[int, int]]:
    """Up to ``n`` pairs of whole clips of one meter from different songs, each clip at most twice.

    Args:
        clips: to choose from.
        songs: of each.
        n: how many pairs.
        seed: of the choice.
    """
    rng = np.random.default_rng(seed)
    pairs: list[tuple[int, int]] = []
    for _ in range(2):
        order = rng.permutation(len(clips)).tolist()
        waiting: dict[str, list[int]] = {}
        for i in order:
            if clips[i].n_bars < 4:
                continue
            others = waiting.setdefault(str(clips[i].meter), [])
            partner = next((j for j in others if songs[j] != songs[i]), None)
            if partner is None:
                others.append(i)
            else:
                others.remove(partner)
                pairs.append((partner, i))
    return pairs[:n]
