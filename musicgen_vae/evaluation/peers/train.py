"""Training for a given time: our own model and every peer on the same batches by one loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

from musicgen_vae.model.vae import ConditionalVAE
from musicgen_vae.training.data import Batch
from musicgen_vae.training.loop import TrainConfig, make_optimisers, move_average
from musicgen_vae.training.objective import Objective, training_loss

WARM_UP = 0.03
DECAY = 0.3
"""Shares of the time over which the learning rates rise from and fall to zero."""
_AVERAGE = 0.999
_LOG_EVERY_S = 60.0
_FIRST_STAGE = 0.18


class Learner(Protocol):
    """What the loop trains."""

    def loss(self, batch: Batch, share: float) -> Tensor:
        """The loss to descend on a batch, ``share`` (0 to 1) of the time being gone."""
        ...


class OwnModel(nn.Module):
    """Our model with its two stages, for a given time instead of a number of steps."""

    def __init__(
        self, model: ConditionalVAE, config: TrainConfig, *, autocast: bool = False
    ) -> None:
        """Wrap ``model``; ``config`` has the weights of the losses."""
        super().__init__()
        self.objective = Objective(model, autocast)
        self.config = config

    def loss(self, batch: Batch, share: float) -> Tensor:
        """As ``training.loop`` has it: first the outline alone, then everything."""
        short = share < _FIRST_STAGE
        since = share / _FIRST_STAGE if short else (share - _FIRST_STAGE) / (1 - _FIRST_STAGE)
        terms = self.objective(batch, short=short)
        return training_loss(
            terms,
            batch.n_tokens,
            beta=self.config.beta * min(1.0, since / 0.1),
            free_bits=self.config.free_bits,
            outline_weight=1.0 if short else self.config.outline_weight,
            label_weight=self.config.label_weight,
        )


def optimisers_of(module: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Ours for transformers; AdamW alone, at a rate that suits recurrent nets, for the others."""
    if any(".blocks." in name for name, _ in module.named_parameters()):
        return make_optimisers(module, config)
    return [torch.optim.AdamW(module.parameters(), lr=1e-3, weight_decay=0.01)]


def train_for(
    module: nn.Module,
    learner: Learner,
    batches: Iterator[Batch],
    minutes: float,
    config: TrainConfig,
    log: Callable[[str], None],
) -> int:
    """Train ``module`` where it is for so many minutes; it ends with the average of its weights.

    Returns:
        The number of steps.
    """
    optimisers = optimisers_of(module, config)
    rates = [[group["lr"] for group in optimiser.param_groups] for optimiser in optimisers]
    average = {name: value.detach().clone() for name, value in module.state_dict().items()}
    torch.manual_seed(config.seed)
    module.train()
    device = next(module.parameters()).device
    began, said, step, share = time.monotonic(), 0.0, 0, 0.0
    while share < 1.0:
        loss = learner.loss(next(batches).to(device), share)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), config.clip_gradient)
        spent = time.monotonic() - began
        share = spent / (60.0 * minutes)
        factor = min(1.0, share / WARM_UP) * min(1.0, max(0.0, 1.0 - share) / DECAY)
        for optimiser, base in zip(optimisers, rates, strict=True):
            for group, rate in zip(optimiser.param_groups, base, strict=True):
                group["lr"] = rate * factor
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        move_average(average, module, min(_AVERAGE, (1 + step) / (10 + step)))
        step += 1
        if spent - said > _LOG_EVERY_S:
            said = spent
            log(f"  step {step:6d}  {share:4.0%}  loss {float(loss.detach()):.3f}")
    module.load_state_dict(average)
    module.eval()
    return step
