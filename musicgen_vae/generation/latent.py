"""Paths through latent space: pure functions on tensors whose last two axes are (4, D)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicgen_vae.errors import ControlError
from musicgen_vae.model.distributions import DiagonalGaussian

_PARALLEL = 1e-4


def lerp(a: Tensor, b: Tensor, t: float | Tensor) -> Tensor:
    """The point a share ``t`` (0 to 1) of the way from ``a`` to ``b``; exact at both ends."""
    return a * (1.0 - t) + b * t


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """As ``lerp``, along the great circle, with the norm moving evenly from a's to b's.

    The whole of the last two axes is one vector. Shoemake, "Animating rotation with quaternion
    curves", SIGGRAPH 1985. Where the vectors are parallel, opposite or zero there is no single
    great circle, and the straight line is taken.
    """
    flat_a, flat_b = a.flatten(-2), b.flatten(-2)
    norm_a, norm_b = flat_a.norm(dim=-1, keepdim=True), flat_b.norm(dim=-1, keepdim=True)
    scale = norm_a * norm_b
    cosine = (flat_a * flat_b).sum(-1, keepdim=True) / scale.clamp_min(1e-12)
    angle = torch.acos(cosine.clamp(-1.0, 1.0))
    sine = torch.sin(angle)
    unit_a, unit_b = flat_a / norm_a.clamp_min(1e-12), flat_b / norm_b.clamp_min(1e-12)
    along = (torch.sin((1 - t) * angle) * unit_a + torch.sin(t * angle) * unit_b) / sine.clamp_min(
        1e-12
    )
    curved = along * (norm_a * (1 - t) + norm_b * t)
    straight = lerp(flat_a, flat_b, t)
    usable = (sine > _PARALLEL) & (scale > 1e-12)
    return torch.where(usable, curved, straight).reshape(a.shape)


def whiten(z: Tensor, prior: DiagonalGaussian) -> Tensor:
    """The whitened z, eps = (z - mu) / std: where z stands as seen from its prior."""
    return (z - prior.mu) / prior.std


def unwhiten(eps: Tensor, prior: DiagonalGaussian) -> Tensor:
    """The exact inverse of ``whiten``."""
    return prior.mu + prior.std * eps


def attribute_vector(z_with: Tensor, z_without: Tensor) -> Tensor:
    """Mean z of clips that have an attribute minus that of clips that lack it, shape (4, D).

    Roberts et al., "A hierarchical latent vector model" (MusicVAE), ICML 2018, section 5.
    """
    return z_with.mean(0) - z_without.mean(0)


def extremes(
    values: NDArray[np.float64], share: float = 0.25
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the highest and the lowest ``share`` of the finite values, for a vector of them.

    Raises:
        ControlError: if fewer than two values are finite, or all are equal.
    """
    finite = np.flatnonzero(np.isfinite(values))
    order = finite[np.argsort(values[finite], kind="stable")]
    n = max(1, int(len(order) * share))
    if len(order) < 2 or values[order[0]] == values[order[-1]]:
        raise ControlError("these clips do not differ in this attribute; take other clips")
    return order[-n:], order[:n]
