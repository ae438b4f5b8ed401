"""The sampling prior: a flow that turns noise into z as encoded music has it.

The ELBO's prior p(z|c,k) is one Gaussian; what the encoder makes of real clips is not. A flow
trained on posterior samples closes the gap (Rosca et al., arXiv 1802.06847, on the gap; Lipman et
al., arXiv 2210.02747, eq. 23, on the flow). A network v says in which direction to move:

    x_t = (1 - t) x_0 + t x_1,   x_0 ~ N(0, 1),   x_1 = (z - mean) / std
    loss = E | v(x_t, t, c, k) - (x_1 - x_0) |^2

and sampling follows v from t = 0 to 1. Guidance (Ho and Salimans, arXiv 2207.12598, eq. 6) moves by
v(no control) + g (v(c) - v(no control)), or in several such steps with a g for each (as Brooks et
al., arXiv 2211.09800, eq. 3), but not near z, where it costs likeness to real music and brings
nothing (as Kynkäänniemi et al. found for images, arXiv 2404.07724). This module knows z and the
prior; it does not know notes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musicgen_vae.model.config import ModelConfig
from musicgen_vae.model.distributions import DiagonalGaussian
from musicgen_vae.model.layers import Block, RotaryTime
from musicgen_vae.music.clip import BARS_PER_CLIP

BLOCK = 4
"""Items sampled together; fewer are padded to it, so that rounding does not depend on company."""
_BAR_TIME = 48
"""Steps from bar to bar in the rotary positions; what the meter is, c says."""
_N_FREQUENCIES = 32
_N_ITERATIONS = 4
N_STEPS = 16
"""Euler steps from noise to z."""
GUIDED_UNTIL = 0.8
"""How far on the way, from noise at 0 to z at 1, guidance has a say."""


@dataclass(frozen=True, kw_only=True)
class FlowConfig:
    """Sizes of the flow.

    Attributes:
        d_flow: width.
        n_heads: attention heads.
        d_ff: width of the feed-forward layers.
        n_layers: depth.
    """

    d_flow: int = 160
    n_heads: int = 4
    d_ff: int = 480
    n_layers: int = 4

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers; ``from_dict`` is its exact inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FlowConfig:
        """The config that ``to_dict`` described."""
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class FlowCondition:
    """What a sample of z depends on.

    Attributes:
        control: from the control network, shape (B, 4, d_model).
        prior: p(z|c,k), each tensor of shape (B, 4, D); through it the flow knows k.
    """

    control: Tensor
    prior: DiagonalGaussian

    def rows(self, index: Sequence[int]) -> FlowCondition:
        """The condition of some of the items."""
        chosen = list(index)
        return FlowCondition(control=self.control[chosen], prior=self.prior.rows(chosen))

    def equals(self, other: FlowCondition) -> bool:
        """Whether every number is the same."""
        mine, its = self.prior, other.prior
        return (
            torch.equal(self.control, other.control)
            and torch.equal(mine.mu, its.mu)
            and torch.equal(mine.logvar, its.logvar)
        )


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """How far to exaggerate what a condition says beyond another that asks less.

    Attributes:
        free: the one that asks less, of B items.
        strength: 1 is as learnt; for all items or each, shape (B,).
    """

    free: FlowCondition
    strength: float | Tensor


class FlowPrior(nn.Module):
    """The direction in which a noisy z moves; one token for each query of each bar."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: FlowConfig, model: ModelConfig) -> None:
        super().__init__()
        d = config.d_flow
        self.config = config
        self.n_queries, self.d_query = model.n_queries, model.d_query
        self.register_buffer("mean", torch.zeros(BARS_PER_CLIP, model.d_latent))
        self.register_buffer("std", torch.ones(BARS_PER_CLIP, model.d_latent))
        self.token = nn.Linear(3 * model.d_query, d)
        self.query = nn.Parameter(torch.randn(model.n_latents, d) * 0.02)
        self.control = nn.Linear(model.d_model, d)
        self.time_in = nn.Linear(2 * _N_FREQUENCIES, d)
        self.time_out = nn.Linear(d, d)
        self.inject = nn.ModuleList(nn.Linear(d, d, bias=False) for _ in range(config.n_layers))
        self.rotary = RotaryTime(d // config.n_heads)
        self.blocks = nn.ModuleList(
            Block(d, config.n_heads, config.d_ff, 0.0) for _ in range(config.n_layers)
        )
        self.norm = nn.RMSNorm(d)
        self.out = nn.Linear(d, model.d_query)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, t: Tensor, condition: FlowCondition) -> Tensor:
        """The direction v, shape (B, 4, D).

        Args:
            x: standardised noisy z, shape (B, 4, D).
            t: how far along, 0 (noise) to 1 (z), shape (B,).
            condition: c and k.
        """
        batch = x.shape[0]
        prior = condition.prior
        parts = (x, (prior.mu - self.mean) / self.std, prior.logvar)
        split = (batch, BARS_PER_CLIP * self.n_queries, self.d_query)
        h = self.token(torch.cat([part.reshape(split) for part in parts], dim=-1)) + self.query
        context = self.control(condition.control).repeat_interleave(self.n_queries, dim=1)
        context = F.gelu(context + self.time_of(t)[:, None], approximate="tanh")
        bar = torch.arange(BARS_PER_CLIP, device=x.device).repeat_interleave(self.n_queries)
        rotation = self.rotary((bar * _BAR_TIME).expand(batch, -1))
        for block, inject in zip(self.blocks, self.inject, strict=True):
            h = block(h, rotation, None, inject(context))
        out: Tensor = self.out(self.norm(h)).float().reshape(x.shape)
        return out

    def time_of(self, t: Tensor) -> Tensor:
        """Features of ``t`` (B,), shape (B, d_flow)."""
        exponent = torch.linspace(0.0, math.log(1000.0), _N_FREQUENCIES, device=t.device)
        angle = t[:, None] * exponent.exp()
        waves = torch.cat([angle.cos(), angle.sin()], dim=-1)
        out: Tensor = self.time_out(F.gelu(self.time_in(waves), approximate="tanh"))
        return out

    def loss(self, z: Tensor, condition: FlowCondition) -> Tensor:
        """Mean square error of the direction, per number of z, shape (B,).

        Draws t and the noise from torch's own generator. t comes from a logistic-normal
        distribution, for the middle of the way is hardest (Esser et al., arXiv 2403.03206,
        section 3.1).
        """
        target = (z - self.mean) / self.std
        noise = torch.randn_like(target)
        t = torch.randn(len(z), device=z.device).sigmoid()
        x = torch.lerp(noise, target, t[:, None, None])
        direction: Tensor = self(x, t, condition)
        return (direction - (target - noise)).square().flatten(1).mean(1)

    @torch.inference_mode()
    def sample(
        self,
        condition: FlowCondition,
        noise: Tensor,
        *,
        n_steps: int = N_STEPS,
        guidance: Sequence[Guidance] = (),
        noise_level: float | Tensor = 0.0,
    ) -> Tensor:
        """One z for each item, shape (B, 4, D): where the flow takes its noise.

        Args:
            condition: of B items.
            noise: standard normal draws, or less of them, shape (B, 4, D).
            n_steps: Euler steps, >= 1.
            guidance: what to exaggerate until ``GUIDED_UNTIL``: the first says how far the
                condition beyond the first ``free``, the next how far that beyond the next.
            noise_level: how much of the way is left out at its end, 0 to 1 in steps of
                1 / ``n_steps``: z is then as noisy as ``vae.noisy`` makes it at this level. For all
                items or each, shape (B,).
        """
        n, device = len(noise), self.mean.device
        n_left_out = (torch.as_tensor(noise_level, device=device) * n_steps).round().expand(n)
        strengths = [torch.as_tensor(one.strength, device=device).expand(n) for one in guidance]
        while strengths and bool((strengths[-1] == 1.0).all()):
            strengths.pop()
        made = []
        for index, n_items in _blocks(len(noise)):
            here = condition.rows(index)
            chain = [here, *(one.free.rows(index) for one in guidance[: len(strengths)])]
            # What asks the same is not asked twice.
            news = [not free.equals(known) for known, free in pairwise(chain)]
            x = noise[index].to(self.mean)
            last = n_steps - n_left_out[index]
            for step in range(int(last.max())):
                share = step / n_steps
                t = torch.full((len(x),), share, device=x.device)
                direction = known = self(x, t, here)
                if share < GUIDED_UNTIL:
                    for strength, free, is_new in zip(strengths, chain[1:], news, strict=True):
                        less = self(x, t, free) if is_new else known
                        direction = direction + (strength[index, None, None] - 1) * (known - less)
                        known = less
                x = torch.where((step < last)[:, None, None], x + direction / n_steps, x)
            made.append(x[:n_items])
        return torch.cat(made) * self.std + self.mean

    @torch.inference_mode()
    def noise_of(self, z: Tensor, condition: FlowCondition, *, n_steps: int = N_STEPS) -> Tensor:
        """The noise that ``sample`` takes to ``z`` with this condition and without guidance.

        What is peculiar to ``z`` among all that goes with the condition, shape (B, 4, D). Each
        Euler step x' = x + v(x, t) / n is solved for x by fixed-point iterations.

        Args:
            z: shape (B, 4, D).
            condition: of B items.
            n_steps: as in ``sample``.
        """
        made = []
        for index, n_items in _blocks(len(z)):
            here = condition.rows(index)
            x = (z[index].to(self.mean) - self.mean) / self.std
            for step in reversed(range(n_steps)):
                t = torch.full((len(x),), step / n_steps, device=x.device)
                reached = x
                for _ in range(_N_ITERATIONS):
                    x = reached - self(x, t, here) / n_steps
            made.append(x[:n_items])
        return torch.cat(made)


def _blocks(n_items: int) -> Iterator[tuple[list[int], int]]:
    """Indices of the items of each block, the last one repeated, and how many are real."""
    for begin in range(0, n_items, BLOCK):
        index = list(range(begin, min(begin + BLOCK, n_items)))
        yield index + [index[-1]] * (BLOCK - len(index)), len(index)
