"""One batch through the networks: the loss to descend and what to report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.func import functional_call

from musicgen_vae.model.distributions import DiagonalGaussian
from musicgen_vae.model.labels import Adversary, confusion_loss, hits, label_loss, labels_of
from musicgen_vae.model.losses import FieldLosses, field_losses, free_bits_kl
from musicgen_vae.model.outline import outline_f1, outline_loss, outline_steps, outline_targets
from musicgen_vae.model.vae import ConditionalVAE, noisy
from musicgen_vae.training.data import Batch


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Parts of the objective of one batch.

    Attributes:
        fields: losses and hits of each field of the notes; None where the decoder was not run.
        kl: nats per bar, shape (B, 4).
        outline: loss of the outline guessed from z and c alone, in weighted nats per clip, (B,).
        outline_f1: how much of it was guessed right, shape ().
        seen: clips whose z the decoder saw, shape (B,).
        label: loss of the recognition head in nats per clip, (B,); None in the first stage.
        adversary: what the adversary loses guessing c from z, in nats per clip, (B,).
        confusion: how sure it is, in nats per clip, (B,): what the encoder is to bring to zero.
        named: by control, labels that the recognition head named right and all that there were;
            the adversary's under ``"z/"`` + control.
    """

    fields: FieldLosses | None
    kl: Tensor
    outline: Tensor
    outline_f1: Tensor
    seen: Tensor
    label: Tensor | None = None
    adversary: Tensor | None = None
    confusion: Tensor | None = None
    named: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)


class Objective(nn.Module):
    """Encode, draw z, decode with teacher forcing: what ``training_loss`` and ``report`` need.

    Args:
        model: what is trained.
        autocast: multiply in bfloat16.
        adversary: what tries to read c from z; None where z may say what it likes.
    """

    def __init__(
        self, model: ConditionalVAE, autocast: bool, adversary: Adversary | None = None
    ) -> None:
        super().__init__()
        self.model = model
        self.adversary = adversary
        self.autocast = autocast

    def forward(self, batch: Batch, steps: Tensor | None = None, *, short: bool = False) -> Terms:
        """All terms of a batch.

        Args:
            batch: on the model's device.
            steps: steps of the bar whose outline counts, shape (S,); by default all that have one.
            short: the first stage, notes to z to outline without the transformers; its prior is
                N(0, 1), where the learned prior starts too.
        """
        all_steps = outline_steps(int(batch.asked.bar_steps[0]))
        steps = all_steps if steps is None else steps
        with torch.autocast(batch.null_z.device.type, torch.bfloat16, enabled=self.autocast):
            return self._terms(batch, steps.to(batch.null_z.device), len(all_steps), short)

    def _terms(self, batch: Batch, steps: Tensor, n_steps: int, short: bool) -> Terms:
        model = self.model
        if short:
            posterior = model.short_posterior(batch.rows)
            zeros = torch.zeros_like(posterior.mu)
            prior = DiagonalGaussian(mu=zeros, logvar=zeros)
            seen = torch.ones_like(batch.null_z)
            fields = recognised = None
            context = model.decoder.moment.of_bars(posterior.rsample(), model.control(batch.asked))
        else:
            posterior, recognised = model.read(batch.rows, batch.measured)
            prior = model.prior(batch.asked, batch.kept)
            seen = ~batch.null_z
            z = posterior.rsample()
            read = noisy(z, batch.noise_level)
            prefix = model.prefix(read, batch.asked, batch.kept, batch.null_z, batch.noise_level)
            logits, target, clip = model.decoder(
                prefix, batch.hidden, batch.asked.bar_steps, batch.unknown
            )
            fields = field_losses(logits, target, clip, len(batch.null_z))
            context = prefix.context
        outline = model.decoder.outline_logits(context, steps)
        labels = labels_of(model.spec, batch.measured.clip, batch.measured.bar)
        extra: dict[str, Tensor] = {}
        named: dict[str, tuple[Tensor, Tensor]] = {}
        if recognised:
            extra["label"] = label_loss(recognised, labels)
            named.update(hits(recognised, labels))
        if self.adversary is not None and not short:
            guess = self.adversary(z.detach())
            extra["adversary"] = label_loss(guess, labels)
            named.update({f"z/{name}": hit for name, hit in hits(guess, labels).items()})
            frozen = {name: p.detach() for name, p in self.adversary.named_parameters()}
            extra["confusion"] = confusion_loss(functional_call(self.adversary, frozen, (z,)))
        struck = outline_targets(batch.rows.tokens, batch.rows.mask, steps)
        return Terms(
            fields=fields,
            kl=posterior.kl(prior),
            outline=outline_loss(outline, struck) * (n_steps / len(steps)),
            outline_f1=outline_f1(outline.detach(), struck),
            seen=seen,
            named=named,
            **extra,
        )


def training_loss(
    terms: Terms,
    n_tokens: int,
    *,
    beta: float,
    free_bits: float,
    outline_weight: float,
    label_weight: float = 0.0,
    confusion_weight: float = 0.0,
) -> Tensor:
    """Weighted sum of all terms, in nats per token row; shape ().

    Reconstruction + beta x KL + weights x outline, label and confusion losses + the adversary's own
    loss, whose gradient reaches the adversary only. Clips whose z the decoder did not see pay no KL
    and no outline loss: both would only mislead.
    """
    of_z = beta * free_bits_kl(terms.kl, free_bits) + outline_weight * terms.outline
    loss = (of_z * terms.seen).sum()
    if terms.fields is not None:
        loss = loss + terms.fields.weighted().sum()
    if terms.label is not None:
        loss = loss + label_weight * terms.label.sum()
    if terms.adversary is not None and terms.confusion is not None:
        loss = loss + terms.adversary.sum() + confusion_weight * terms.confusion.sum()
    return loss / max(1, n_tokens)


@torch.no_grad()
def report(terms: list[Terms]) -> dict[str, Tensor]:
    """Means over clips in nats, and the share of field values guessed right, of several batches.

    Each of shape (), on the model's device: to read them there costs more than to compute them.
    """
    n_clips = sum(len(t.seen) for t in terms)
    n_seen = total([t.seen for t in terms]).clamp(min=1)
    result = {
        "kl": total([t.kl for t in terms]) / n_clips,
        "outline": total([t.outline * t.seen for t in terms]) / n_seen,
        "outline_f1": total([t.outline_f1 * len(t.seen) for t in terms]) / n_clips,
    }
    for name in terms[0].named:
        right, known = (total([t.named[name][i] for t in terms]) for i in (0, 1))
        result[f"{name}_named"] = right / known.clamp(min=1)
    fields = [t.fields for t in terms if t.fields is not None]
    if not fields:
        return result
    result["recon"] = total([f.recon_loss() for f in fields]) / n_clips
    result["elbo"] = -(result["recon"] + result["kl"])
    for which in fields[0].nats:
        name = which.name.lower()
        count = total([f.counted[which] for f in fields]).clamp(min=1)
        result[f"{name}_nats"] = total([f.nats[which] for f in fields]) / n_clips
        result[f"{name}_accuracy"] = total([f.correct[which] for f in fields]) / count
    return result


def total(parts: list[Tensor]) -> Tensor:
    """The sum of all numbers, shape ()."""
    return torch.stack([part.sum() for part in parts]).sum()
