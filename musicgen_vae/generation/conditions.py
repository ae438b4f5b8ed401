"""What is known or asked of clips, as the integers that the networks read.

This module knows clips, controls and ``Condition``; it does not know z or how notes are drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch

from musicgen_vae.errors import ControlError
from musicgen_vae.model.controls import BAR_CONTROLS, Controls, ControlSpec, measured_arrays
from musicgen_vae.model.vae import Condition
from musicgen_vae.music.attributes import ORDINAL, clip_repetition, measure
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip, Meter
from musicgen_vae.music.emotion import estimate_emotion

ATTRIBUTES = (*ORDINAL, "chord", "valence", "arousal", "repetition")
"""Controls that say what the notes themselves are like."""


def measured_condition(
    clips: Sequence[Clip], spec: ControlSpec, styles: Sequence[str | None] | None = None
) -> Condition:
    """The clips' measured controls.

    Args:
        clips: of roles that the spec knows.
        spec: the checkpoint's controls.
        styles: of each clip, where known; a spec with one style has it for all.
    """
    if styles is None:
        styles = [spec.styles[0] if len(spec.styles) == 1 else None] * len(clips)
    arrays = [
        measured_arrays(
            measure(clip),
            spec,
            style=style,
            mode=clip.key.mode,
            meter=clip.meter,
            tempo_qpm=clip.tempo_qpm,
            place=clip.place,
            emotion=estimate_emotion(clip),
            repetition=clip_repetition(clip),
        )
        for clip, style in zip(clips, styles, strict=True)
    ]
    return Condition(
        clip=torch.from_numpy(np.stack([clip for clip, _ in arrays])),
        bar=torch.from_numpy(np.stack([bar for _, bar in arrays])),
        kept_roles=torch.zeros(len(clips), BARS_PER_CLIP, dtype=torch.long),
        bar_steps=torch.tensor([clip.meter.steps for clip in clips]),
    )


def asked_condition(
    controls: Sequence[Controls], spec: ControlSpec, meters: Sequence[Meter | None]
) -> Condition:
    """The controls asked of each clip; the meter is known wherever notes are to be placed.

    Raises:
        ControlError: if a value is not one of the spec's classes.
    """
    arrays = [
        (one if meter is None else replace(one, meter=meter)).arrays(spec)
        for one, meter in zip(controls, meters, strict=True)
    ]
    return Condition(
        clip=torch.from_numpy(np.stack([clip for clip, _ in arrays])),
        bar=torch.from_numpy(np.stack([bar for _, bar in arrays])),
        kept_roles=torch.zeros(len(controls), BARS_PER_CLIP, dtype=torch.long),
        bar_steps=torch.tensor([(meter or Meter()).steps for meter in meters]),
    )


def replaced(condition: Condition, asked: Condition) -> Condition:
    """The condition with what ``asked`` specifies in place of its own."""
    return replace(
        condition,
        clip=torch.where(asked.clip > 0, asked.clip, condition.clip),
        bar=torch.where(asked.bar > 0, asked.bar, condition.bar),
    )


def freed(condition: Condition, names: Iterable[str], spec: ControlSpec) -> Condition:
    """The condition with the controls ``names`` unspecified.

    Raises:
        ControlError: if the spec has no such control.
    """
    clip, bar = condition.clip.clone(), condition.bar.clone()
    for name in names:
        if name in spec.clip_controls:
            clip[:, spec.clip_controls.index(name)] = 0
        elif name in BAR_CONTROLS:
            bar[..., BAR_CONTROLS.index(name)] = 0
        else:
            known = ", ".join((*spec.clip_controls, *BAR_CONTROLS))
            raise ControlError(f"this checkpoint has no control {name!r}; it has {known}")
    return replace(condition, clip=clip, bar=bar)


def unspecified(condition: Condition) -> Condition:
    """The condition without any control."""
    return replace(
        condition,
        clip=torch.zeros_like(condition.clip),
        bar=torch.zeros_like(condition.bar),
    )


def n_attributes(condition: Condition, spec: ControlSpec) -> torch.Tensor:
    """How many of ``ATTRIBUTES`` are asked, of the clip or of any bar, shape (B,)."""
    of_clip = [i for i, name in enumerate(spec.clip_controls) if name in ATTRIBUTES]
    of_bar = [i for i, name in enumerate(BAR_CONTROLS) if name in ATTRIBUTES]
    n_of_clip = (condition.clip[:, of_clip] > 0).sum(1)
    n_of_bar = (condition.bar[..., of_bar] > 0).any(1).sum(1)
    return n_of_clip + n_of_bar


def without_attributes(condition: Condition, spec: ControlSpec) -> Condition:
    """The condition with all ``ATTRIBUTES`` that the spec has unspecified."""
    known = (*spec.clip_controls, *BAR_CONTROLS)
    return freed(condition, [name for name in ATTRIBUTES if name in known], spec)


def concatenated(parts: Sequence[Condition]) -> Condition:
    """Conditions one after another as one batch."""
    return Condition(
        clip=torch.cat([part.clip for part in parts]),
        bar=torch.cat([part.bar for part in parts]),
        kept_roles=torch.cat([part.kept_roles for part in parts]),
        bar_steps=torch.cat([part.bar_steps for part in parts]),
    )
