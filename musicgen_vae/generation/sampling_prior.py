"""Where z comes from when it is not a clip's own: the flow, or the Gaussian prior without one.

This module knows conditions and the model; it does not know clips or how notes are drawn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.conditions import (
    ATTRIBUTES,
    n_attributes,
    replaced,
    unspecified,
    without_attributes,
)
from musicgen_vae.generation.defaults import (
    DEFAULT_GUIDANCE,
    NOISE_LEVEL,
    NOISE_LEVEL_OF_ONE_ATTRIBUTE,
    STEER_GUIDANCE,
)
from musicgen_vae.generation.encoding import Encoded
from musicgen_vae.generation.latent import unwhiten, whiten
from musicgen_vae.generation.reading import control_of, prior_of
from musicgen_vae.model.flow import N_STEPS, FlowCondition, FlowPrior, Guidance
from musicgen_vae.model.vae import Condition, ConditionalVAE, Rows

PriorChoice = Literal["gaussian", "flow"]


class SamplingPrior:
    """Draw z for controls, or lead the z of a clip to other controls.

    Args:
        model: gives the Gaussian prior and reads the controls.
        flow: trained on its z; None leaves the Gaussian prior alone.
    """

    def __init__(self, model: ConditionalVAE, flow: FlowPrior | None) -> None:
        self.model, self.flow = model, flow

    @torch.inference_mode()
    def draw(
        self,
        condition: Condition,
        kept: Rows,
        noise: Tensor,
        prior: PriorChoice | None = None,
        guidance: float | None = None,
        noise_level: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """One z for each item from p(z|c,k), where the prior takes its noise.

        The flow leaves the last part of the way to the decoder, which knows better what goes with
        the notes before. An attribute, such as the density of bars, is followed less closely then,
        if nothing else tells of it: with one alone less is left to the decoder and guidance counts
        in full; with more their shares fall with their number, to nothing and a seventh where all
        are asked. Attributes are exaggerated beyond what else is asked, such as the style; and that
        by half as much as a single attribute, or as little as attributes are.

        Args:
            condition: c of each item.
            kept: k of each item.
            noise: standard normal numbers, or less of them, shape (B, 4, D).
            prior: as in ``Composer.sample``.
            guidance: as in ``Composer.sample``.
            noise_level: share (0 to 1, in sixteenths) of the way that the flow leaves, the same for
                all; by default what is said above.

        Returns:
            z of shape (B, 4, D), and how noisy it is, shape (B,): not at all from the Gaussian.

        Raises:
            ControlError: if the flow is asked for and the checkpoint has none, guidance or noise is
                asked of the Gaussian, or the noise level is out of range.
        """
        flow = self.flow
        if noise_level is not None and not 0 <= noise_level <= 1:
            raise ControlError(f"noise level {noise_level} is outside 0 to 1")
        if prior == "flow" and flow is None:
            raise ControlError("this checkpoint has no flow prior; choose the Gaussian one")
        if flow is None or prior == "gaussian":
            if guidance not in (None, 1.0):
                raise ControlError(
                    "guidance needs the flow prior; leave it at 1 or choose the flow"
                )
            if noise_level:
                raise ControlError(
                    "a noise level needs the flow prior; leave it at 0 or choose the flow"
                )
            z = unwhiten(noise, prior_of(self.model, condition, kept))
            return z, z.new_zeros(len(z))
        guidance = DEFAULT_GUIDANCE if guidance is None else guidance
        asked, most = n_attributes(condition, self.model.spec), len(ATTRIBUTES)
        alone = torch.where(asked > 0, (1 / asked - 1 / most) / (1 - 1 / most), 0.0)
        levels = NOISE_LEVEL + (NOISE_LEVEL_OF_ONE_ATTRIBUTE - NOISE_LEVEL) * alone
        if noise_level is not None:
            levels = torch.full_like(levels, noise_level)
        levels = (levels * N_STEPS).round() / N_STEPS
        of_attributes = torch.where(asked > 0, 0.15 + 0.85 * alone, 0.5)
        rest = without_attributes(condition, self.model.spec)
        z = flow.sample(
            self._flow_condition(condition, kept),
            noise,
            guidance=[
                Guidance(free=self._flow_condition(free, kept), strength=1 + (guidance - 1) * share)
                for free, share in (
                    (rest, of_attributes),
                    (unspecified(condition), of_attributes.clamp(max=0.5)),
                )
                if guidance != 1.0  # which exaggerates nothing: no need to read what asks less
            ],
            noise_level=levels,
        )
        return z, levels

    @torch.inference_mode()
    def steer(
        self, encoded: Encoded, stays: Condition, asked: Condition, guidance: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """What the z of encoded clips becomes when other controls are asked.

        The flow is followed back from z to noise with the clips' own condition, and from there
        forward with the other, where it leaves the last part of the way to the decoder; guidance
        exaggerates what is asked beyond what stays. Nothing asked gives back z. So images are
        edited through a model's noise (Song et al., arXiv 2010.02502, section 4.3). Without a flow:
        in coordinates whitened by the Gaussian prior, which knows less of what goes with c.

        Args:
            encoded: of B clips.
            stays: their controls that shall stay; what is left open counts as peculiar to the clip.
            asked: controls asked, which go before those that stay.
            guidance: as in ``Composer.sample``; by default ``STEER_GUIDANCE``.

        Returns:
            z of shape (B, 4, D), and how noisy it is, shape (B,).
        """
        z = encoded.posterior.mode()
        none = Rows.none(len(z), z.device)
        condition = replaced(stays, asked)
        flow = self.flow
        if flow is None:
            z = unwhiten(whiten(z, encoded.prior), prior_of(self.model, condition, none))
            return z, z.new_zeros(len(z))
        old = replace(
            encoded.condition,
            clip=encoded.condition.clip * (condition.clip > 0),
            bar=encoded.condition.bar * (condition.bar > 0),
        )
        without = replace(
            condition,
            clip=condition.clip * (asked.clip == 0),
            bar=condition.bar * (asked.bar == 0),
        )
        is_asked = (asked.clip > 0).any(1) | (asked.bar > 0).flatten(1).any(1)
        noise_level = NOISE_LEVEL_OF_ONE_ATTRIBUTE * is_asked
        z = flow.sample(
            self._flow_condition(condition, none),
            flow.noise_of(z, self._flow_condition(old, none)),
            guidance=[
                Guidance(
                    free=self._flow_condition(without, none),
                    strength=STEER_GUIDANCE if guidance is None else guidance,
                )
            ],
            noise_level=noise_level,
        )
        return z, noise_level

    def _flow_condition(self, condition: Condition, kept: Rows) -> FlowCondition:
        return FlowCondition(
            control=control_of(self.model, condition), prior=prior_of(self.model, condition, kept)
        )
