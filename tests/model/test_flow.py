"""The flow: learns a distribution, obeys its condition, gives the same z alone or in a batch."""

from __future__ import annotations

import pytest
import torch

from musicgen_vae.model.distributions import DiagonalGaussian
from musicgen_vae.model.flow import FlowCondition, FlowConfig, FlowPrior, Guidance
from tests.model.test_vae import CONFIG

FLOW = FlowConfig(d_flow=32, n_heads=2, d_ff=64, n_layers=2)


def condition(n: int, level: float = 0.0) -> FlowCondition:
    zeros = torch.zeros(n, 4, CONFIG.d_latent)
    return FlowCondition(
        control=torch.full((n, 4, CONFIG.d_model), level),
        prior=DiagonalGaussian(mu=zeros, logvar=zeros),
    )


def noise(*seeds: int) -> torch.Tensor:
    shape = (4, CONFIG.d_latent)
    return torch.stack(
        [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    )


@pytest.fixture
def flow() -> FlowPrior:
    torch.manual_seed(0)
    made = FlowPrior(FLOW, CONFIG)
    torch.nn.init.normal_(made.out.weight, std=0.1)
    return made.eval()


def test_untrained_it_gives_back_the_noise() -> None:
    flow = FlowPrior(FLOW, CONFIG)
    z = flow.sample(condition(2), noise(1, 2))
    torch.testing.assert_close(z, noise(1, 2))


def test_the_same_seed_gives_the_same_z_alone_or_in_any_batch(flow: FlowPrior) -> None:
    together = flow.sample(condition(11), noise(*range(11)))
    for i in (0, 7, 8, 10):
        assert torch.equal(flow.sample(condition(1), noise(i))[0], together[i])


def guided(strength: float | torch.Tensor, free: FlowCondition) -> list[Guidance]:
    return [Guidance(free=free, strength=strength)]


def test_guidance(flow: FlowPrior) -> None:
    asked, free = condition(2, 1.0), condition(2)
    plain = flow.sample(asked, noise(1, 2))
    assert torch.equal(flow.sample(asked, noise(1, 2), guidance=guided(1.0, free)), plain)
    assert torch.equal(flow.sample(asked, noise(1, 2), guidance=guided(3.0, asked)), plain)
    assert not torch.allclose(flow.sample(asked, noise(1, 2), guidance=guided(3.0, free)), plain)
    # Ten steps, of which the last two are beyond the guided part and follow what is asked.
    ignored = flow.sample(asked, noise(1, 2), guidance=guided(0.0, free), n_steps=10)
    x = noise(1, 2)
    for step in range(10):
        x = x + flow(x, torch.full((2,), step / 10), free if step < 8 else asked) / 10
    torch.testing.assert_close(ignored, x * flow.std + flow.mean)


def test_guidance_in_two_steps(flow: FlowPrior) -> None:
    asked, less, free = condition(2, 1.0), condition(2, 0.5), condition(2)
    two = guided(3.0, less) + guided(2.0, free)
    made = flow.sample(asked, noise(1, 2), guidance=two, n_steps=1)
    t = torch.zeros(2)
    high, middle, low = (flow(noise(1, 2), t, one) for one in (asked, less, free))
    expected = low + 2 * (middle - low) + 3 * (high - middle)
    torch.testing.assert_close(made, (noise(1, 2) + expected) * flow.std + flow.mean)
    # With one strength for both what stands between does not matter.
    even = flow.sample(asked, noise(1, 2), guidance=guided(3.0, less) + guided(3.0, free))
    torch.testing.assert_close(even, flow.sample(asked, noise(1, 2), guidance=guided(3.0, free)))


def test_it_learns_two_clusters_and_which_is_asked() -> None:
    torch.manual_seed(0)
    flow = FlowPrior(FLOW, CONFIG)
    flow.mean += 5.0
    optimiser = torch.optim.AdamW(flow.parameters(), lr=3e-3)

    def asked(which: torch.Tensor) -> FlowCondition:
        plain = condition(len(which))
        return FlowCondition(control=plain.control + which[:, None, None], prior=plain.prior)

    for _ in range(300):
        which = torch.randint(0, 2, (64,)) * 2.0 - 1.0
        z = 5.0 + 2.0 * which[:, None, None] + 0.1 * torch.randn(64, 4, CONFIG.d_latent)
        loss = flow.loss(z, asked(which)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    flow.eval()
    for which in (-1.0, 1.0):
        z = flow.sample(asked(torch.full((8,), which)), noise(*range(8)))
        assert z.mean().item() == pytest.approx(5.0 + 2.0 * which, abs=0.2)
        assert z.std().item() < 0.5


def test_config_survives_as_plain_numbers() -> None:
    assert FlowConfig.from_dict(FLOW.to_dict()) == FLOW


def test_noise_of_a_sample_is_its_noise() -> None:
    torch.manual_seed(0)
    flow = FlowPrior(FLOW, CONFIG).eval()
    torch.nn.init.normal_(flow.out.weight, std=0.05)
    flow.mean += 2.0
    start = noise(*range(6))
    z = flow.sample(condition(6), start)
    back = flow.noise_of(z, condition(6))
    assert (z - 2.0 - start).abs().max() > 0.05
    torch.testing.assert_close(back, start, rtol=0, atol=1e-3)


def test_the_end_of_the_way_may_be_left_out(flow: FlowPrior) -> None:
    start = noise(1, 2)
    torch.testing.assert_close(
        flow.sample(condition(2), start, noise_level=1.0), start * flow.std + flow.mean
    )
    half = start + flow(start, torch.zeros(2), condition(2)) / 2
    torch.testing.assert_close(
        flow.sample(condition(2), start, n_steps=2, noise_level=0.5), half * flow.std + flow.mean
    )


def test_items_may_differ_in_guidance_and_noise(flow: FlowPrior) -> None:
    asked, free, start = condition(2, 1.0), condition(2), noise(1, 2)
    guidance, level = torch.tensor([1.5, 3.0]), torch.tensor([0.5, 0.25])
    together = flow.sample(asked, start, guidance=guided(guidance, free), noise_level=level)
    for i in range(2):
        alone = flow.sample(
            asked.rows([i]),
            start[i : i + 1],
            guidance=guided(float(guidance[i]), free.rows([i])),
            noise_level=float(level[i]),
        )
        assert torch.equal(alone[0], together[i])
