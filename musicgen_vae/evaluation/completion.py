"""How well hidden notes are guessed from kept ones, with z from the prior and without any z.

Four tasks: accompany a melody, write the melody to the rest, fill bars 2 and 3, continue from the
bar before. For each: nats per hidden note of the *true* notes, teacher-forced, and how far the
pitch classes of what the model writes agree with the true ones, bar by bar. With the null z the
decoder has kept notes and controls alone; the difference is what the prior's z adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from musicgen_vae.evaluation.held_out import ClipSet
from musicgen_vae.evaluation.metrics import mean_with_interval, ratio_interval
from musicgen_vae.generation.composer import Composer, LatentChoice
from musicgen_vae.generation.conditions import asked_condition
from musicgen_vae.generation.keeping import Kept, keep_notes
from musicgen_vae.model.controls import Controls
from musicgen_vae.model.losses import field_losses
from musicgen_vae.model.vae import Rows
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip, Role
from musicgen_vae.training.augment import with_structure

FloatArray = NDArray[np.float64]
LATENTS: tuple[LatentChoice, ...] = ("drawn", "null")
_BATCH = 16


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is kept of a clip and what is to be written.

    Attributes:
        roles: kept in every bar.
        bars: to be rewritten; None for all.
        context: whether the bar before is shown.
    """

    roles: tuple[Role, ...] = ()
    bars: tuple[int, ...] | None = None
    context: bool = False


TASKS = {
    "accompany": Task(roles=(Role.MELODY,)),
    "write_melody": Task(roles=(Role.HARMONY, Role.BASS, Role.DRUMS)),
    "fill": Task(bars=(1, 2)),
    "continue": Task(context=True),
}


def fits(task: Task, clip: Clip, before: Clip | None) -> bool:
    """Whether the task makes sense: something is shown and something is hidden."""
    if clip.n_bars < BARS_PER_CLIP or (task.context and (before is None or not before.notes)):
        return False
    kept = keep_notes(clip, roles=task.roles, bars=task.bars)
    return bool(len(kept.hidden)) and (task.context or bool(len(kept.rows)))


def pitch_class_agreement(true: Clip, made: Clip, kept_roles: Sequence[int]) -> float:
    """Mean over the bars with hidden notes of what the histograms of pitch classes share, 0 to 1.

    Args:
        true: the original.
        made: with the hidden notes written anew.
        kept_roles: roles (bits) that were kept in each bar, shape (4,).

    Returns:
        NaN where no bar has hidden pitched notes.
    """
    shares = []
    for bar in range(true.n_bars):
        histograms = [
            np.bincount(
                [
                    note.pitch % 12
                    for note in clip.notes
                    if note.role is not Role.DRUMS
                    and note.start // clip.meter.steps == bar
                    and not kept_roles[bar] >> note.role & 1
                ]
                or [12],
                minlength=13,
            )[:12]
            for clip in (true, made)
        ]
        if histograms[0].any():
            a, b = (histogram / max(1, histogram.sum()) for histogram in histograms)
            shares.append(float(np.minimum(a, b).sum()))
    return float(np.mean(shares)) if shares else float("nan")


def measure_completion(
    composer: Composer, held_out: ClipSet, *, n: int = 150, seed: int = 500
) -> dict[str, Any]:
    """Every task on up to ``n`` clips each.

    Returns:
        Task to ``clips``, and for each of ``drawn`` and ``null``: ``nats`` per hidden row and
        ``pitch_classes``, both with ``mean``, ``low`` and ``high``.
    """
    result: dict[str, Any] = {}
    for name, task in TASKS.items():
        fit = [
            i
            for i, (clip, before) in enumerate(zip(held_out.clips, held_out.before, strict=True))
            if fits(task, clip, before)
        ]
        if not fit:
            continue
        chosen = held_out.at(fit).spread(n)
        kept = [_keep(task, clip, b) for clip, b in zip(chosen.clips, chosen.before, strict=True)]
        asked = [_known(composer, c, s) for c, s in zip(chosen.clips, chosen.styles, strict=True)]
        result[name] = {"clips": len(chosen)}
        for latent in LATENTS:
            nats = hidden_nats(composer, chosen.clips, kept, asked, latent, seed=seed)
            counts = np.array([float(len(k.hidden)) for k in kept])
            low, high = ratio_interval(nats, counts, chosen.songs)
            seeds = [seed + i for i in range(len(chosen))]
            made = composer.complete_each(chosen.clips, kept, asked, seeds=seeds, latent=latent)
            agreement = [
                pitch_class_agreement(true, one, k.roles)
                for true, one, k in zip(chosen.clips, made, kept, strict=True)
            ]
            result[name][latent] = {
                "nats": {"mean": float(nats.sum() / counts.sum()), "low": low, "high": high},
                "pitch_classes": mean_with_interval(agreement, chosen.songs),
            }
    return result


@torch.inference_mode()
def hidden_nats(
    composer: Composer,
    clips: Sequence[Clip],
    kept: Sequence[Kept],
    asked: Sequence[Controls],
    latent: LatentChoice,
    *,
    seed: int,
) -> FloatArray:
    """Surprise at the true hidden notes given what is kept, in nats per clip, shape (n,).

    z is one draw of the sampling prior given the kept notes, or the learned null; all fields count
    in full.
    """
    model, device = composer.model, composer.device
    result = []
    for begin in range(0, len(clips), _BATCH):
        part = slice(begin, begin + _BATCH)
        condition = replace(
            asked_condition(asked[part], composer.spec, [clip.meter for clip in clips[part]]),
            kept_roles=torch.tensor([k.roles for k in kept[part]]),
        ).to(device)
        n = len(clips[part])
        shown = Rows.pad([k.shown for k in kept[part]]).to(device)
        seeds = range(seed + begin, seed + begin + n)
        noise = composer.noise([torch.Generator().manual_seed(one) for one in seeds])
        z, noise_level = composer.sampling.draw(condition, shown, noise)
        null = torch.full((n,), latent == "null", device=device)
        level = noise_level * ~null
        prefix = model.prefix(z, condition, shown, null, level)
        hidden = Rows.pad([with_structure(k.hidden.astype(np.int64)) for k in kept[part]])
        logits, target, clip = model.decoder(prefix, hidden.to(device), condition.bar_steps)
        result.append(field_losses(logits, target, clip, n).recon_loss().cpu().numpy())
    return np.concatenate(result).astype(np.float64)


def _keep(task: Task, clip: Clip, before: Clip | None) -> Kept:
    return keep_notes(
        clip, roles=task.roles, bars=task.bars, before=before if task.context else None
    )


def _known(composer: Composer, clip: Clip, style: str) -> Controls:
    """What a person would say of the piece: its style, mode and tempo; the meter is added later."""
    edges = composer.spec.edges
    return Controls(
        style=style if style in composer.spec.styles else None,
        mode=clip.key.mode,
        tempo=int(edges.classify("tempo", np.float64(clip.tempo_qpm))),
    )
