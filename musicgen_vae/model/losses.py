"""The objective: reconstruction and KL, in nats per clip.

-ELBO = recon_loss + kl (Kingma and Welling, arXiv 1312.6114, eq. 3); training weighs the fields of
a note and the KL (beta, Higgins et al., ICLR 2017). This module does not know the networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from musicgen_vae.music.clip import Role
from musicgen_vae.music.tokens import ROLE_NONE, VELOCITY_NONE, Field

FIELD_WEIGHTS = {
    Field.STEP: 1.0,
    Field.ROLE: 1.0,
    Field.PITCH: 1.0,
    Field.DURATION: 1.0,
    Field.VELOCITY: 0.2,
}
"""Weight of each field's loss in training; reported losses are unweighted."""


@dataclass(frozen=True, kw_only=True)
class FieldLosses:
    """Negative log-likelihood of each field, summed over a clip's notes, in nats.

    Attributes:
        nats: field to shape (B,).
        correct: field to the number of values guessed right by the most likely one, shape ().
        counted: field to the number of values, shape ().
    """

    nats: dict[Field, Tensor]
    correct: dict[Field, Tensor]
    counted: dict[Field, Tensor]

    def weighted(self) -> Tensor:
        """Sum over fields with ``FIELD_WEIGHTS``, shape (B,)."""
        return torch.stack([FIELD_WEIGHTS[f] * nats for f, nats in self.nats.items()]).sum(0)

    def recon_loss(self) -> Tensor:
        """Unweighted sum over fields, in nats per clip, shape (B,)."""
        return torch.stack(list(self.nats.values())).sum(0)


def field_losses(
    logits: tuple[Tensor, ...], target: Tensor, clip: Tensor, n_clips: int
) -> FieldLosses:
    """Cross-entropy of each field where it exists.

    Bar and end tokens have a step only; drums have no duration; velocity counts where it is known.

    Args:
        logits: per field, shape (N, size).
        target: true rows, shape (N, 6).
        clip: which clip each row belongs to, shape (N,).
        n_clips: B.
    """
    role = target[:, Field.ROLE]
    is_note = role != ROLE_NONE
    exists = {
        Field.STEP: torch.ones_like(is_note),
        Field.ROLE: is_note,
        Field.PITCH: is_note,
        Field.DURATION: is_note & (role != Role.DRUMS),
        Field.VELOCITY: target[:, Field.VELOCITY] != VELOCITY_NONE,
    }
    nats, correct, counted = {}, {}, {}
    for field, there in exists.items():
        scores = logits[field].float()
        value = target[:, field]
        loss = F.cross_entropy(scores, value, reduction="none") * there
        nats[field] = torch.zeros(n_clips, device=loss.device).index_add(0, clip, loss)
        correct[field] = ((scores.argmax(-1) == value) & there).sum()
        counted[field] = there.sum()
    return FieldLosses(nats=nats, correct=correct, counted=counted)


def free_bits_kl(kl: Tensor, free_bits: Tensor | float) -> Tensor:
    """KL per clip in nats, shape (B,), with at least ``free_bits`` nats counted in each bar.

    Free bits (Kingma et al., arXiv 1606.04934, eq. 15) here: per bar, per example.

    Args:
        kl: shape (B, 4), in nats per bar.
        free_bits: nats per bar below which the KL is not pressed further.
    """
    return torch.clamp(kl, min=free_bits).sum(-1)
