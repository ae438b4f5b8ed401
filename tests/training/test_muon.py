"""Muon in full precision."""

from __future__ import annotations

import pytest
import torch

from musicgen_vae.training.muon import Muon, orthogonalise


@pytest.mark.parametrize("shape", [(3, 16, 40), (2, 40, 16), (1, 24, 24)])
def test_singular_values_come_near_one(shape: tuple[int, int, int]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(x))
    assert values.max() < 1.3
    assert values.median() > 0.6


def test_matrices_do_not_depend_on_their_neighbours() -> None:
    x = torch.randn(3, 16, 40, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(orthogonalise(x)[1:2], orthogonalise(x[1:2]))


def test_solves_a_linear_problem_and_passes_over_what_has_no_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    goal = torch.randn(16, 32, generator=generator)
    data = torch.randn(200, 32, generator=generator)
    weight = torch.nn.Parameter(torch.zeros(16, 32))
    idle = torch.nn.Parameter(torch.ones(16, 32))
    optimiser = Muon([weight, idle], lr=0.1, weight_decay=0.0)
    losses = []
    for step in range(200):
        optimiser.param_groups[0]["lr"] = 0.1 * (1 - step / 200)
        optimiser.zero_grad()
        loss = (data @ (weight - goal).T).square().mean()
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    assert losses[-1] < 0.01 * losses[0]
    assert torch.equal(idle, torch.ones(16, 32))
