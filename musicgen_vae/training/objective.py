"""One batch through the networks: the loss to descend and what to report."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from musicgen_vae.model.losses import FieldLosses, field_losses, free_bits_kl
from musicgen_vae.model.vae import ConditionalVAE
from musicgen_vae.training.data import Batch


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Parts of the ELBO of one batch.

    Attributes:
        fields: losses and hits of each field.
        kl: nats per bar, shape (B, 4).
        seen: clips whose z the decoder saw, shape (B,).
    """

    fields: FieldLosses
    kl: Tensor
    seen: Tensor


def elbo_terms(model: ConditionalVAE, batch: Batch) -> Terms:
    """Encode, draw z, decode with teacher forcing."""
    posterior = model.posterior(batch.rows, batch.measured)
    prior = model.prior(batch.asked, batch.kept)
    prefix = model.prefix(posterior.rsample(), batch.asked, batch.kept, batch.null_z)
    logits, target, clip = model.decoder(prefix, batch.hidden, batch.asked.bar_steps, batch.unknown)
    return Terms(
        fields=field_losses(logits, target, clip, len(batch.null_z)),
        kl=posterior.kl(prior),
        seen=~batch.null_z,
    )


def training_loss(terms: Terms, n_tokens: int, beta: float, free_bits: float) -> Tensor:
    """Weighted reconstruction + beta x KL, in weighted nats per token row; shape ().

    Clips whose z the decoder did not see pay no KL: it would only push their posterior away.
    """
    kl = free_bits_kl(terms.kl, free_bits) * terms.seen
    return (terms.fields.weighted() + beta * kl).sum() / max(1, n_tokens)


@torch.no_grad()
def report(terms: list[Terms]) -> dict[str, float]:
    """Means over clips in nats, and the share of field values guessed right, of several batches."""
    n_clips = sum(len(t.seen) for t in terms)
    kl = sum(float(t.kl.sum()) for t in terms) / n_clips
    recon = sum(float(t.fields.recon_loss().sum()) for t in terms) / n_clips
    result = {"recon": recon, "kl": kl, "elbo": -(recon + kl)}
    for field in terms[0].fields.nats:
        name = field.name.lower()
        total = sum(float(t.fields.nats[field].sum()) for t in terms)
        hits = sum(float(t.fields.correct[field]) for t in terms)
        count = sum(float(t.fields.counted[field]) for t in terms)
        result[f"{name}_nats"] = total / n_clips
        result[f"{name}_accuracy"] = hits / max(1.0, count)
    return result
