"""Whether samples of a style sound like it: judged by a classifier of real clips.

Within equal sets of roles only: that drums mean rock, anyone can tell. The classifier (gradient
boosting on ``features.texture_table``) learns from training clips and is tried on held-out ones; a
sample is made for each of these, with its style and its roles in every bar and nothing else asked.
This module knows features; it does not know models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.evaluation.features import texture_table
from musicgen_vae.evaluation.held_out import ClipSet
from musicgen_vae.evaluation.metrics import ratio_interval
from musicgen_vae.music.clip import Clip, Role

MIN_TRAINING_CLIPS = 40
"""A style counts within a set of roles if it has as many training clips with it."""


def styles_by_roles(training: ClipSet) -> dict[tuple[Role, ...], list[str]]:
    """For each set of roles with two or more styles, those styles."""
    counts: dict[tuple[Role, ...], dict[str, int]] = {}
    for clip, style in zip(training.clips, training.styles, strict=True):
        of_roles = counts.setdefault(clip.roles, {})
        of_roles[style] = of_roles.get(style, 0) + 1
    enough = {
        roles: sorted(style for style, n in styles.items() if n >= MIN_TRAINING_CLIPS)
        for roles, styles in counts.items()
    }
    return {roles: styles for roles, styles in enough.items() if len(styles) > 1}


def judged_clips(
    held_out: ClipSet, styles: dict[tuple[Role, ...], list[str]], n: int, seed: int = 0
) -> ClipSet:
    """At most ``n`` held-out clips on which styles can be told, the styles in equal shares."""
    rng = np.random.default_rng(seed)
    fit: dict[str, list[int]] = {}
    for i in rng.permutation(len(held_out)).tolist():
        if held_out.styles[i] in styles.get(held_out.clips[i].roles, []):
            fit.setdefault(held_out.styles[i], []).append(i)
    share = max(1, n // max(1, len(fit)))
    return held_out.at([i for style in sorted(fit) for i in fit[style][:share]])


def style_figures(training: ClipSet, real: ClipSet, made: Sequence[Clip]) -> dict[str, Any]:
    """Recall of the classifier on real clips and on those made after them.

    Args:
        training: what the classifier learns from.
        real: from ``judged_clips``.
        made: one for each of ``real``, asked its style and roles.

    Returns:
        ``real`` and ``made``: mean over the styles of the share that is told rightly; ``ratio`` of
        these, with ``low`` and ``high`` (over songs); ``chance``; ``styles``: both shares for
        each; ``confusion``: style to how often it was heard as which, of the made clips.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    candidates = styles_by_roles(training)
    guessed: dict[str, list[str]] = {"real": [""] * len(real), "made": [""] * len(real)}
    chance = np.zeros(len(real))
    for roles, styles in candidates.items():
        here = [i for i, clip in enumerate(real.clips) if clip.roles == roles]
        if not here:
            continue
        learnt = [
            i
            for i, (clip, style) in enumerate(zip(training.clips, training.styles, strict=True))
            if clip.roles == roles and style in styles
        ]
        model = HistGradientBoostingClassifier(
            max_iter=100, learning_rate=0.1, class_weight="balanced", random_state=0
        )
        model.fit(
            texture_table([training.clips[i] for i in learnt]),
            [training.styles[i] for i in learnt],
        )
        for kind, clips in (("real", real.clips), ("made", made)):
            for i, guess in zip(
                here, model.predict(texture_table([clips[i] for i in here])), strict=True
            ):
                guessed[kind][i] = str(guess)
        chance[here] = 1 / len(styles)
    names = sorted(set(real.styles))
    of_style = {name: np.flatnonzero(np.array(real.styles) == name) for name in names}
    right = {
        kind: np.array([a == b for a, b in zip(guesses, real.styles, strict=True)], dtype=float)
        for kind, guesses in guessed.items()
    }
    shares = {
        name: {kind: float(right[kind][rows].mean()) for kind in right}
        for name, rows in of_style.items()
    }
    weight = _equal_weights(of_style, len(real))
    low, high = ratio_interval(right["made"] * weight, right["real"] * weight, real.songs)
    mean = {kind: float(np.mean([share[kind] for share in shares.values()])) for kind in right}
    return {
        "clips": len(real),
        "real": mean["real"],
        "made": mean["made"],
        "ratio": mean["made"] / mean["real"] if mean["real"] else float("nan"),
        "low": low,
        "high": high,
        "chance": float(np.mean([chance[rows].mean() for rows in of_style.values()])),
        "styles": shares,
        "confusion": {
            name: _counts([guessed["made"][i] for i in rows.tolist()])
            for name, rows in of_style.items()
        },
    }


def _equal_weights(of_style: dict[str, NDArray[np.int64]], n: int) -> NDArray[np.float64]:
    weight = np.zeros(n)
    for rows in of_style.values():
        weight[rows] = 1 / len(rows)
    return weight


def _counts(guesses: Sequence[str]) -> dict[str, int]:
    return {guess: guesses.count(guess) for guess in sorted(set(guesses))}
