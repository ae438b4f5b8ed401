"""Diagonal Gaussians over z: the posterior q(z|x,c) and the prior p(z|c,k)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class DiagonalGaussian:
    """N(mu, diag(exp(logvar))) for each clip.

    Attributes:
        mu: shape (B, 4, D).
        logvar: shape (B, 4, D).
    """

    mu: Tensor
    logvar: Tensor

    @classmethod
    def concatenated(cls, parts: Sequence[DiagonalGaussian]) -> DiagonalGaussian:
        """The clips of all ``parts`` one after another."""
        return cls(
            mu=torch.cat([part.mu for part in parts]),
            logvar=torch.cat([part.logvar for part in parts]),
        )

    def rows(self, index: Sequence[int] | Tensor) -> DiagonalGaussian:
        """The Gaussians of some of the clips."""
        return DiagonalGaussian(mu=self.mu[index], logvar=self.logvar[index])

    @property
    def std(self) -> Tensor:
        """Standard deviation, shape (B, 4, D)."""
        return torch.exp(0.5 * self.logvar)

    def mode(self) -> Tensor:
        """The most likely z, shape (B, 4, D)."""
        return self.mu

    def rsample(self) -> Tensor:
        """Reparameterised draw from torch's own generator, for training; shape (B, 4, D)."""
        return self.mu + self.std * torch.randn_like(self.mu)

    def sample(self, generators: Sequence[torch.Generator], temperature: float = 1.0) -> Tensor:
        """One draw per clip, each from its own CPU generator; shape (B, 4, D).

        Args:
            generators: one for each of the B clips, so that a clip's draw does not depend on
                its neighbours.
            temperature: factor on the standard deviation, >= 0.
        """
        shape = self.mu.shape[1:]
        noise = torch.stack([torch.randn(shape, generator=g) for g in generators])
        return self.mu + temperature * self.std * noise.to(self.mu)

    def kl(self, other: DiagonalGaussian) -> Tensor:
        """KL(self || other) in nats per bar, summed over D; shape (B, 4)."""
        ratio = (self.logvar - other.logvar).exp()
        distance = (self.mu - other.mu).square() * torch.exp(-other.logvar)
        return 0.5 * (ratio + distance - 1.0 - (self.logvar - other.logvar)).sum(-1)
