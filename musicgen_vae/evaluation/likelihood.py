"""The ELBO of held-out clips and its parts, and how many dimensions of z carry anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from musicgen_vae.corpus.shards import PieceInfo, Shard
from musicgen_vae.model.vae import ConditionalVAE
from musicgen_vae.training.data import make_batch, plan_epoch
from musicgen_vae.training.loop import mean_of
from musicgen_vae.training.objective import Objective, report

_TOKENS_PER_BATCH = 6000


@torch.inference_mode()
def likelihood_figures(
    model: ConditionalVAE, shard: Shard, pieces: Sequence[PieceInfo]
) -> dict[str, Any]:
    """Means over clips in nats, with one draw of z per clip, in single precision.

    Args:
        model: in evaluation mode.
        shard: the clips.
        pieces: of the corpus.

    Returns:
        What ``training.objective.report`` gives, ``kl_bar_1`` to ``kl_bar_4``, and
        ``active_dimensions``: a dimension is active if the posterior mean varies over the data by
        more than .01 (Burda et al., arXiv 1509.00519, section 5.2).
    """
    rng = np.random.default_rng(0)
    objective = Objective(model, autocast=False)
    terms, means = [], []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for plan in plan_epoch(shard, _TOKENS_PER_BATCH, seed=0, epoch=0):
            batch = make_batch(shard, plan, pieces, model.spec, None, rng)
            batch = batch.to(next(model.parameters()).device)
            terms.append(objective(batch))
            means.append(model.posterior(batch.rows, batch.measured).mu.flatten(1))
    spread = torch.cat(means).var(dim=0)
    per_bar = torch.cat([t.kl for t in terms]).mean(0)
    return {
        **mean_of([report(terms)]),
        **{f"kl_bar_{i + 1}": float(kl) for i, kl in enumerate(per_bar)},
        "active_dimensions": float((spread > 0.01).sum()),
        "dimensions": len(spread),
    }
