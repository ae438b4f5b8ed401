"""What the control network and the prior make of conditions, each read by itself.

In one batch products round otherwise than alone, and a sample should not depend on its company.
This module knows the model; it does not know how z or notes are drawn.
"""

from __future__ import annotations

import torch
from torch import Tensor

from musicgen_vae.model.distributions import DiagonalGaussian
from musicgen_vae.model.vae import Condition, ConditionalVAE, Rows


@torch.inference_mode()
def control_of(model: ConditionalVAE, condition: Condition) -> Tensor:
    """``ControlNetwork`` of each item, shape (B, 4, d_model)."""
    return torch.cat([model.control(condition.item(i)) for i in range(len(condition))])


@torch.inference_mode()
def prior_of(model: ConditionalVAE, condition: Condition, kept: Rows) -> DiagonalGaussian:
    """p(z|c,k) of each item, each tensor of shape (B, 4, D)."""
    priors = [model.prior(condition.item(i), kept.item(i)) for i in range(len(condition))]
    return DiagonalGaussian.concatenated(priors)
