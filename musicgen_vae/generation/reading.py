"""What the control network and the prior make of conditions, each read by itself.

In one batch products round otherwise than alone, and a sample should not depend on its company.
Items that are equal, such as several takes of the same controls, are read once.
This module knows the model; it does not know how z or notes are drawn.
"""

from __future__ import annotations

import torch
from torch import Tensor

from musicgen_vae.model.distributions import DiagonalGaussian
from musicgen_vae.model.vae import Condition, ConditionalVAE, Rows


@torch.inference_mode()
def control_of(model: ConditionalVAE, condition: Condition) -> Tensor:
    """``ControlNetwork`` of each of B >= 1 items, shape (B, 4, d_model)."""
    read, which = _different(*vars(condition).values())
    return torch.cat([model.control(condition.item(i)) for i in read])[which]


@torch.inference_mode()
def prior_of(model: ConditionalVAE, condition: Condition, kept: Rows) -> DiagonalGaussian:
    """p(z|c,k) of each of B >= 1 items, each tensor of shape (B, 4, D)."""
    notes = kept.tokens * kept.mask[..., None]
    read, which = _different(*vars(condition).values(), notes, kept.mask)
    priors = [model.prior(condition.item(i), kept.item(i)) for i in read]
    return DiagonalGaussian.concatenated(priors).rows(which)


def _different(*columns: Tensor) -> tuple[list[int], Tensor]:
    """The first of each different item of B, and which of those each item equals, shape (B,)."""
    n = len(columns[0])
    items = torch.cat([column.reshape(n, -1) for column in columns], dim=1)
    which: Tensor = torch.unique(items, dim=0, return_inverse=True)[1]
    firsts = dict(zip(reversed(which.tolist()), reversed(range(n)), strict=True))
    return [firsts[i] for i in range(len(firsts))], which
