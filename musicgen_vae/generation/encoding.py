"""From clips to z: the posterior and the prior of each at its measured controls.

This module knows clips, controls and the model; it does not know how notes are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from musicgen_vae.errors import ClipError
from musicgen_vae.generation.conditions import concatenated, measured_condition
from musicgen_vae.generation.refinement import refined
from musicgen_vae.model.distributions import DiagonalGaussian
from musicgen_vae.model.vae import Condition, ConditionalVAE, Rows
from musicgen_vae.music.clip import Clip, Role
from musicgen_vae.music.tokens import clip_to_tokens

_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Clips as the encoder sees them.

    Attributes:
        posterior: q(z|x,c), each tensor of shape (B, 4, D).
        prior: p(z|c) at the same measured controls.
        control: from the control network, shape (B, 4, d_model).
        condition: the measured controls.
    """

    posterior: DiagonalGaussian
    prior: DiagonalGaussian
    control: Tensor
    condition: Condition


def fit(clip: Clip, roles: Sequence[Role]) -> Clip:
    """The part of ``clip`` that a model of ``roles`` can read.

    Raises:
        ClipError: if no note is left.
    """
    fitted = clip.keep(roles)
    if not fitted.notes:
        names = ", ".join(role.label for role in roles)
        raise ClipError(
            f"these bars have no notes that the model can read (it knows {names}); "
            "choose other bars or another file"
        )
    return fitted


@torch.inference_mode()
def encode(
    model: ConditionalVAE,
    clips: Sequence[Clip],
    styles: Sequence[str | None] | None = None,
    *,
    refine: int = 0,
    check: Callable[[], None] | None = None,
) -> Encoded:
    """Posterior and prior of each clip at its measured controls.

    Args:
        model: whose encoder reads them.
        clips: one or more, of roles that the model knows.
        styles: of each clip, where known; a checkpoint of one style takes it for all.
        refine: steps by which the posterior's mean is brought nearer to the clip, see
            ``refinement``; each takes longer than to encode does.
        check: called often; may raise to stop.

    Raises:
        ClipError: if a clip has too many notes.
    """
    device = model.decoder.null_z.device
    parts = []
    for begin in range(0, len(clips), _BATCH):
        chunk = clips[begin : begin + _BATCH]
        known = None if styles is None else styles[begin : begin + _BATCH]
        # First, for a clip of too many notes is refused here.
        rows = Rows.pad([clip_to_tokens(clip) for clip in chunk]).to(device)
        condition = measured_condition(chunk, model.spec, known).to(device)
        parts.append(
            (
                model.posterior(rows, condition),
                model.prior(condition, Rows.none(len(chunk), device)),
                model.control(condition),
                condition,
            )
        )
    posteriors, priors, controls, conditions = zip(*parts, strict=True)
    encoded = Encoded(
        posterior=DiagonalGaussian.concatenated(posteriors),
        prior=DiagonalGaussian.concatenated(priors),
        control=torch.cat(controls),
        condition=concatenated(conditions),
    )
    if not refine:
        return encoded
    mu = encoded.posterior.mu.clone()
    for i, clip in enumerate(clips):
        one = slice(i, i + 1)
        mu[one] = refined(
            model,
            mu[one],
            encoded.control[one],
            Rows.pad([clip_to_tokens(clip)]).to(device),
            encoded.condition.bar_steps[one],
            steps=refine,
            check=check,
        )
    return replace(encoded, posterior=replace(encoded.posterior, mu=mu))
