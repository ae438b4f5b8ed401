"""Identities of paths through latent space."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.latent import (
    attribute_vector,
    extremes,
    lerp,
    slerp,
    unwhiten,
    whiten,
)
from musicgen_vae.model.distributions import DiagonalGaussian


def points(seed: int, n: int = 3) -> torch.Tensor:
    return torch.randn(n, 4, 6, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("move", [lerp, slerp])
def test_ends_are_the_ends(move: object) -> None:
    a, b = points(0), points(1)
    torch.testing.assert_close(move(a, b, 0.0), a)  # type: ignore[operator]
    torch.testing.assert_close(move(a, b, 1.0), b)  # type: ignore[operator]


@given(st.floats(0, 1), st.integers(0, 50))
def test_slerp_keeps_the_norm_between_the_ends(t: float, seed: int) -> None:
    a, b = points(seed), points(seed + 100)
    norm = slerp(a, b, t).flatten(1).norm(dim=-1)
    expected = (1 - t) * a.flatten(1).norm(dim=-1) + t * b.flatten(1).norm(dim=-1)
    torch.testing.assert_close(norm, expected, atol=1e-4, rtol=1e-4)


def test_slerp_turns_evenly() -> None:
    a, b = points(0, 1), points(1, 1)

    def angle(x: torch.Tensor, y: torch.Tensor) -> float:
        cosine = torch.nn.functional.cosine_similarity(x.flatten(), y.flatten(), dim=0)
        return float(torch.acos(cosine))

    whole = angle(a, b)
    assert angle(a, slerp(a, b, 0.25)) == pytest.approx(whole / 4, abs=1e-3)


@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0, 0.0])
def test_slerp_without_a_single_circle_is_finite_and_hits_the_ends(factor: float) -> None:
    a = points(0)
    b = factor * a
    for t in (0.0, 0.3, 1.0):
        assert torch.isfinite(slerp(a, b, t)).all()
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)


def test_whitening_is_exactly_undone() -> None:
    prior = DiagonalGaussian(mu=points(1), logvar=points(2))
    torch.testing.assert_close(unwhiten(whiten(points(0), prior), prior), points(0))
    assert whiten(prior.mu, prior).abs().max() == 0


def test_attribute_vector_is_a_difference_of_means() -> None:
    a, b = points(0, 5), points(1, 7)
    torch.testing.assert_close(attribute_vector(a, b), a.mean(0) - b.mean(0))


def test_extremes_are_the_ends_of_the_order() -> None:
    values = np.array([3.0, np.nan, 1.0, 2.0, 9.0, 8.0, 0.0, 5.0, 4.0])
    high, low = extremes(values)
    assert sorted(high.tolist()) == [4, 5]
    assert sorted(low.tolist()) == [2, 6]
    for same in (np.ones(5), np.array([np.nan, 1.0])):
        with pytest.raises(ControlError, match="do not differ"):
            extremes(same)
