"""Gaussians over z."""

from __future__ import annotations

import torch
from torch.distributions import Normal, kl_divergence

from musicgen_vae.model.distributions import DiagonalGaussian


def gaussian(seed: int, batch: int = 3) -> DiagonalGaussian:
    g = torch.Generator().manual_seed(seed)
    return DiagonalGaussian(
        mu=torch.randn(batch, 4, 8, generator=g), logvar=torch.randn(batch, 4, 8, generator=g)
    )


def test_kl_is_that_of_the_library() -> None:
    p, q = gaussian(0), gaussian(1)
    expected = kl_divergence(Normal(p.mu, p.std), Normal(q.mu, q.std)).sum(-1)
    torch.testing.assert_close(p.kl(q), expected)


def test_kl_is_zero_at_the_prior() -> None:
    p = gaussian(0)
    assert p.kl(p).abs().max() < 1e-6


def test_a_clips_draw_does_not_depend_on_its_neighbours() -> None:
    p = gaussian(0)
    together = p.sample([torch.Generator().manual_seed(s) for s in (5, 6, 7)])
    alone = DiagonalGaussian(mu=p.mu[1:2], logvar=p.logvar[1:2])
    assert torch.equal(alone.sample([torch.Generator().manual_seed(6)])[0], together[1])


def test_no_temperature_is_the_mode() -> None:
    p = gaussian(0, batch=1)
    assert torch.equal(p.sample([torch.Generator().manual_seed(0)], temperature=0.0), p.mode())


def test_draws_have_the_right_moments() -> None:
    p = DiagonalGaussian(mu=torch.full((4000, 4, 2), 2.0), logvar=torch.full((4000, 4, 2), -1.0))
    z = p.sample([torch.Generator().manual_seed(i) for i in range(4000)])
    assert abs(z.mean() - 2.0) < 0.02
    assert abs(z.var() - torch.tensor(-1.0).exp()) < 0.02
