"""Whether music follows the controls that were asked, and what else moves when they do.

Each bar is asked a class of one ordinal control, drawn evenly and independently; all other controls
are unspecified; nothing is rejected or edited. z is fresh, or that of a held-out clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from musicgen_vae.evaluation.held_out import ClipSet
from musicgen_vae.evaluation.metrics import middle_95, spearman
from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.conditions import asked_condition, unspecified
from musicgen_vae.generation.decoding import DecodeOptions
from musicgen_vae.generation.defaults import REFINE_STEPS, TEMPERATURE
from musicgen_vae.generation.encoding import Encoded
from musicgen_vae.model.controls import Controls
from musicgen_vae.music.attributes import N_CLASSES, ORDINAL, Edges, measure
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip

IntArray = NDArray[np.int64]
Source = Literal["fresh", "clip", "steered"]
"""z drawn anew; z of a held-out clip; the same steered by the controls, as ``transfer`` does."""
_N_DRAWS = 200


def asked_classes(n: int, seed: int) -> IntArray:
    """Classes 0 to 7 for each bar, drawn evenly, shape (n, 4)."""
    return np.random.default_rng(seed).integers(0, N_CLASSES, (n, BARS_PER_CLIP))


def control_figures(
    name: str, asked: IntArray, clips: Sequence[Clip], edges: Edges
) -> dict[str, Any]:
    """How far bars follow one control.

    Args:
        name: of ``ORDINAL``.
        asked: classes, shape (n, 4).
        clips: n clips of four bars.
        edges: of the checkpoint's classes.

    Returns:
        ``bars``: how many; ``spearman`` of the class asked with the value measured, its 95 %
        interval over clips as ``low`` and ``high``; ``within_one``: share of bars whose class is
        at most one off, silent bars counting as missed; ``side``: Spearman of the class asked
        with each *other* attribute.
    """
    measured = [measure(clip) for clip in clips]
    values = {other: np.array([getattr(bars, other) for bars in measured]) for other in ORDINAL}
    classes = edges.classify(name, values[name])
    near = (np.abs(classes - asked) <= 1) & (classes >= 0)
    wanted = asked.astype(np.float64)
    rng = np.random.default_rng(0)
    draws = [
        spearman(wanted[chosen].ravel(), values[name][chosen].ravel())
        for chosen in rng.integers(0, len(clips), (_N_DRAWS, len(clips)))
    ]
    low, high = middle_95(draws)
    return {
        "bars": int(asked.size),
        "spearman": spearman(wanted.ravel(), values[name].ravel()),
        "low": low,
        "high": high,
        "within_one": float(near.mean()),
        "side": {
            other: spearman(wanted.ravel(), values[other].ravel())
            for other in ORDINAL
            if other != name
        },
    }


def encoded_for(composer: Composer, source: Source, held_out: ClipSet) -> Encoded | None:
    """The held-out clips, refined where they are steered; None where z is fresh."""
    if source == "fresh":
        return None
    refine = REFINE_STEPS if source == "steered" else 0
    return composer.encode(held_out.clips, held_out.styles, refine=refine)


@torch.inference_mode()
def clips_asked(
    composer: Composer,
    controls: Sequence[Controls],
    source: Source,
    clips: Sequence[Clip],
    encoded: Encoded | None,
    *,
    seed: int = 1000,
) -> list[Clip]:
    """Clips made with the controls asked and no others.

    Args:
        composer: the model.
        controls: one for each clip.
        source: where z comes from.
        clips: whose z is taken, as many as controls, unless it is fresh.
        encoded: the same, from ``encoded_for``.
        seed: of the first clip.
    """
    seeds = [seed + i for i in range(len(controls))]
    if encoded is None:
        return composer.sample_each(controls, seeds=seeds)
    meters = [clip.meter for clip in clips]
    condition = asked_condition(controls, composer.spec, meters).to(composer.device)
    z, noise_level = encoded.posterior.mode(), None
    if source == "steered":
        z, noise_level = composer.sampling.steer(encoded, unspecified(condition), condition)
    return composer.decode(
        z,
        composer.model.control(condition),
        clips,
        seeds=seeds,
        options=DecodeOptions(temperature=TEMPERATURE),
        noise_level=noise_level,
    )


def measure_control(
    composer: Composer, held_out: ClipSet, *, n: int = 200, seed: int = 1000
) -> dict[str, Any]:
    """``control_figures`` of every ordinal control and every source of z.

    Args:
        composer: the model.
        held_out: clips of four bars whose z is taken.
        n: clips for each control.
        seed: of the classes and the clips.
    """
    whole = [i for i, clip in enumerate(held_out.clips) if clip.n_bars == BARS_PER_CLIP]
    held_out = held_out.at(whole).spread(n)
    result: dict[str, Any] = {}
    sources: tuple[Source, ...] = ("fresh", "clip", "steered")
    found = {source: encoded_for(composer, source, held_out) for source in sources}
    for number, name in enumerate(ORDINAL):
        result[name] = {}
        for source, encoded in found.items():
            count = n if source == "fresh" else len(held_out)
            asked = asked_classes(count, seed + number)
            controls = [Controls.parse({name: row.tolist()}) for row in asked]
            clips = clips_asked(composer, controls, source, held_out.clips, encoded, seed=seed)
            result[name][source] = control_figures(name, asked, clips, composer.spec.edges)
    return result
