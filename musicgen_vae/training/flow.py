"""Training of the sampling prior on what the encoder makes of the training clips.

The model stands still: posterior samples are the data, its control network and Gaussian prior the
conditions, with controls dropped and notes kept as in the model's own training.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from musicgen_vae.corpus.shards import load_info, load_shard
from musicgen_vae.model.checkpoint import load_checkpoint, save_flow
from musicgen_vae.model.distributions import DiagonalGaussian
from musicgen_vae.model.flow import FlowCondition, FlowConfig, FlowPrior
from musicgen_vae.model.vae import ConditionalVAE
from musicgen_vae.training.augment import AugmentConfig
from musicgen_vae.training.data import Batch, BatchStream, DataConfig, loaded
from musicgen_vae.training.loop import Log, move_average
from musicgen_vae.training.muon import Muon

_LOG_EVERY = 100
_SCALE_BATCHES = 20
_KEPT_BATCHES = 500
CPU = torch.device("cpu")
AS_THEY_ARE = AugmentConfig(shift=0.0, recombine=0.0, octave=0.0, solo=0.0)
"""Samples should be like real clips: not in a mistaken key, nor put together from two."""

Encoded = tuple[DiagonalGaussian, FlowCondition]


@dataclass(frozen=True, kw_only=True)
class FlowTrainConfig:
    """How to train a flow.

    Attributes:
        minutes: for how long.
        lr: learning rate of both optimisers; it falls to zero over the last 40 % of the time.
        average: share of the moving average of the weights that stays at each step.
        tokens_per_batch: padded token rows in a batch, about.
        new_every: one in so many steps encodes new clips, the others see clips again.
        n_loaders: processes that make batches.
        go_on: start from the flow that lies beside the model.
        seed: of everything.
    """

    minutes: float = 30.0
    lr: float = 2e-3
    average: float = 0.999
    tokens_per_batch: int = 12_000
    new_every: int = 6
    n_loaders: int = 0
    go_on: bool = False
    seed: int = 7


@torch.no_grad()
def encode(model: ConditionalVAE, batch: Batch) -> Encoded:
    """The posterior of each clip and the condition that its z goes with."""
    posterior = model.posterior(batch.rows, batch.measured)
    control = model.control(batch.asked)
    prior = model.encoder(batch.kept, control, batch.asked.bar_steps, partial=True)[0]
    return posterior, FlowCondition(control=control, prior=prior)


def replayed(
    model: ConditionalVAE, stream: Iterator[Batch], every: int, seed: int
) -> Iterator[Encoded]:
    """Endless encoded batches, one in ``every`` new and the others drawn from the last ones.

    To encode a batch costs four times as much as to learn from it, and a posterior gives another z
    each time.
    """
    rng = np.random.default_rng(seed)
    kept: deque[Encoded] = deque(maxlen=_KEPT_BATCHES)
    for step in count():
        if step % every == 0 or not kept:
            kept.append(encode(model, next(stream)))
            yield kept[-1]
        else:
            yield kept[int(rng.integers(len(kept)))]


def train_flow(
    checkpoint: Path,
    corpus: Path,
    flow_config: FlowConfig,
    config: FlowTrainConfig,
    log: Log,
    *,
    device: torch.device = CPU,
) -> dict[str, Any]:
    """Train a flow for the model in ``checkpoint`` and write it there; returns how it went.

    ``flow_config`` has the sizes of a new flow; one that goes on keeps its own.

    Raises:
        CheckpointError, CorpusError: if model or corpus cannot be read.
    """
    fixed = load_checkpoint(checkpoint, device, with_flow=config.go_on)
    model = fixed.model
    pieces, _ = load_info(corpus)
    shard = load_shard(corpus / "train.safetensors")
    data = replace(DataConfig(), tokens_per_batch=config.tokens_per_batch, augment=AS_THEY_ARE)
    torch.manual_seed(config.seed)
    flow = fixed.flow or FlowPrior(flow_config, model.config).to(device)
    flow.train()
    source = BatchStream(shard=shard, pieces=pieces, spec=model.spec, config=data, seed=config.seed)
    stream = (batch.to(device) for _, _, batch in loaded(source, config.n_loaders))
    first = torch.cat([encode(model, next(stream))[0].rsample() for _ in range(_SCALE_BATCHES)])
    if fixed.flow is None:
        flow.mean.copy_(first.mean(0))
        flow.std.copy_(first.std(0))
    average = {name: value.clone() for name, value in flow.state_dict().items()}
    matrices = [p for n, p in flow.named_parameters() if "blocks." in n and p.ndim == 2]
    rest = [p for n, p in flow.named_parameters() if not ("blocks." in n and p.ndim == 2)]
    optimisers = [
        Muon(matrices, lr=config.lr, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=config.lr, betas=(0.9, 0.98), weight_decay=0.01),
    ]
    began = time.monotonic()
    step, total, share = 0, torch.zeros((), device=device), 0.0
    for posterior, condition in replayed(model, stream, config.new_every, config.seed):
        loss = flow.loss(posterior.rsample(), condition).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(flow.parameters(), 1.0)
        share = (time.monotonic() - began) / (60 * config.minutes)
        rate = config.lr * min(1.0, (step + 1) / 100) * min(1.0, max(0.0, 1 - share) / 0.4)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        kept = min(config.average, (1 + step) / (10 + step))
        move_average(average, flow, kept)
        step += 1
        total += loss.detach()
        if step % _LOG_EVERY == 0:
            log(f"flow step {step:6d}  {share:4.0%}  loss {float(total) / _LOG_EVERY:.4f}")
            total.zero_()
        if share >= 1.0:
            break
    flow.load_state_dict(average)
    record = {"steps": step, "loss": float(loss.detach()), **asdict(config)}
    save_flow(checkpoint, flow.config, flow, fixed.hash, record)
    return record
