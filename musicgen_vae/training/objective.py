"""One batch through the networks: the loss to descend and what to report."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from musicgen_vae.model.distributions import DiagonalGaussian
from musicgen_vae.model.losses import (
    FieldLosses,
    field_losses,
    free_bits_kl,
)
from musicgen_vae.model.outline import outline_f1, outline_loss, outline_steps, outline_targets
from musicgen_vae.model.vae import ConditionalVAE
from musicgen_vae.training.data import Batch


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Parts of the ELBO of one batch.

    Attributes:
        fields: losses and hits of each field.
        kl: nats per bar, shape (B, 4).
        outline: loss of the outline guessed from z and c alone, in weighted nats per clip, (B,).
        seen: clips whose z the decoder saw, shape (B,).
    """

    fields: FieldLosses
    kl: Tensor
    outline: Tensor
    seen: Tensor


def elbo_terms(model: ConditionalVAE, batch: Batch) -> Terms:
    """Encode, draw z, decode with teacher forcing."""
    posterior = model.posterior(batch.rows, batch.measured)
    prior = model.prior(batch.asked, batch.kept)
    prefix = model.prefix(posterior.rsample(), batch.asked, batch.kept, batch.null_z)
    logits, target, clip = model.decoder(prefix, batch.hidden, batch.asked.bar_steps, batch.unknown)
    steps = outline_steps(int(batch.asked.bar_steps[0]))
    outline = model.decoder.outline_logits(prefix.context, steps)
    return Terms(
        fields=field_losses(logits, target, clip, len(batch.null_z)),
        kl=posterior.kl(prior),
        outline=outline_loss(outline, outline_targets(batch.rows.tokens, batch.rows.mask, steps)),
        seen=~batch.null_z,
    )


def training_loss(
    terms: Terms, n_tokens: int, *, beta: float, free_bits: float, outline_weight: float
) -> Tensor:
    """Weighted reconstruction + beta x KL + weight x outline loss, in nats per token row; shape ().

    Clips whose z the decoder did not see pay no KL and no outline loss: both would only mislead.
    """
    of_z = beta * free_bits_kl(terms.kl, free_bits) + outline_weight * terms.outline
    return (terms.fields.weighted() + of_z * terms.seen).sum() / max(1, n_tokens)


def outline_terms(
    model: ConditionalVAE, batch: Batch, steps: Tensor, beta: float
) -> tuple[Tensor, dict[str, float]]:
    """The loss of the first stage: notes to z to outline by the short ways, no transformer.

    The prior of this stage is N(0, 1), which is also where the learned prior starts.

    Args:
        model: whose bar summaries and moments learn.
        batch: clips.
        steps: which steps of the bar count, shape (S,).
        beta: weight of the KL.

    Returns:
        Loss per token row, shape (), and what to log (nats per clip).
    """
    posterior = model.short_posterior(batch.rows)
    zeros = torch.zeros_like(posterior.mu)
    kl = posterior.kl(DiagonalGaussian(mu=zeros, logvar=zeros)).sum(-1)
    context = model.decoder.moment.of_bars(posterior.rsample(), model.control(batch.asked))
    logits = model.decoder.outline_logits(context, steps)
    target = outline_targets(batch.rows.tokens, batch.rows.mask, steps)
    loss = outline_loss(logits, target)
    share = len(steps) / len(outline_steps(int(batch.asked.bar_steps[0])))
    total = (loss + beta * share * kl).sum() / max(1, batch.n_tokens)
    return total, {
        "outline": float(loss.detach().mean()) / share,
        "kl": float(kl.detach().mean()),
        "f1": float(outline_f1(logits.detach(), target)),
    }


@torch.no_grad()
def report(terms: list[Terms]) -> dict[str, float]:
    """Means over clips in nats, and the share of field values guessed right, of several batches."""
    n_clips = sum(len(t.seen) for t in terms)
    kl = sum(float(t.kl.sum()) for t in terms) / n_clips
    recon = sum(float(t.fields.recon_loss().sum()) for t in terms) / n_clips
    outline = sum(float((t.outline * t.seen).sum()) for t in terms)
    n_seen = max(1, sum(int(t.seen.sum()) for t in terms))
    result = {"recon": recon, "kl": kl, "elbo": -(recon + kl), "outline": outline / n_seen}
    for field in terms[0].fields.nats:
        name = field.name.lower()
        total = sum(float(t.fields.nats[field].sum()) for t in terms)
        hits = sum(float(t.fields.correct[field]) for t in terms)
        count = sum(float(t.fields.counted[field]) for t in terms)
        result[f"{name}_nats"] = total / n_clips
        result[f"{name}_accuracy"] = hits / max(1.0, count)
    return result
