"""Networks that name what a clip is: the recognition head, and the adversary that reads z.

- The recognition head pools the encoder's trunk, which never sees c, and infers style, valence and
  arousal of notes that carry no label (the label loss of the control network).
- The adversary tries to read c from z; the encoder is trained towards its confusion, so that z
  keeps what c does not say (Fader Networks, Lample et al., arXiv 1706.00409, eq. 2 and 3, with
  the entropy of the guess as the aim).

This module does not know how they are weighed or when.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musicgen_vae.model.config import ModelConfig
from musicgen_vae.model.controls import BAR_CONTROLS, ControlSpec
from musicgen_vae.music.attributes import ORDINAL
from musicgen_vae.music.clip import BARS_PER_CLIP

Logits = Mapping[str, Tensor]
"""Control to logits: (B, classes) of a clip control, (B, 4, classes) of a bar control."""


class RecognitionHead(nn.Module):
    """Clip controls from the pooled trunk of the encoder."""

    def __init__(self, config: ModelConfig, spec: ControlSpec) -> None:
        super().__init__()
        sizes = spec.sizes
        self.hidden = nn.Linear(config.d_model, config.d_model)
        self.logits = nn.ModuleDict(
            {
                name: nn.Linear(config.d_model, sizes[name])
                for name in config.recognised
                if name in sizes
            }
        )

    def forward(self, trunk: Tensor) -> dict[str, Tensor]:
        """Logits of each recognised control from the mean over notes, shape (B, d_model)."""
        x = F.gelu(self.hidden(trunk), approximate="tanh")
        return {name: head(x).float() for name, head in self.logits.items()}


class Adversary(nn.Module):
    """Reads style, valence and arousal from the whole z, and each bar's attributes from its z.

    It exists in training only.
    """

    def __init__(self, config: ModelConfig, spec: ControlSpec, width: int = 256) -> None:
        super().__init__()
        sizes = spec.sizes
        self.clip_hidden = nn.Linear(BARS_PER_CLIP * config.d_latent, width)
        self.bar_hidden = nn.Linear(config.d_latent, width)
        self.clip = nn.ModuleDict(
            {
                name: nn.Linear(width, sizes[name])
                for name in ("style", "valence", "arousal")
                if name in sizes
            }
        )
        self.bar = nn.ModuleDict({name: nn.Linear(width, sizes[name]) for name in ORDINAL})

    def forward(self, z: Tensor) -> dict[str, Tensor]:
        """Logits of each control that it tries to read from z, shape (B, 4, D)."""
        clip = F.gelu(self.clip_hidden(z.flatten(1)), approximate="tanh")
        bar = F.gelu(self.bar_hidden(z), approximate="tanh")
        return {
            **{name: head(clip).float() for name, head in self.clip.items()},
            **{name: head(bar).float() for name, head in self.bar.items()},
        }


def labels_of(spec: ControlSpec, clip: Tensor, bar: Tensor) -> dict[str, Tensor]:
    """Control integers by name: (B,) of clip controls, (B, 4) of bar controls; 0 is unknown.

    Args:
        spec: which column is which.
        clip: shape (B, n clip controls).
        bar: shape (B, 4, n bar controls).
    """
    return {
        **dict(zip(spec.clip_controls, clip.unbind(-1), strict=True)),
        **dict(zip(BAR_CONTROLS, bar.unbind(-1), strict=True)),
    }


def label_loss(logits: Logits, labels: Mapping[str, Tensor]) -> Tensor:
    """Cross-entropy where the label is known, summed over controls and bars: nats, shape (B,)."""
    return _per_clip(
        [
            F.cross_entropy(
                scores.flatten(0, -2), labels[name].flatten() - 1, ignore_index=-1, reduction="none"
            ).view(labels[name].shape)
            for name, scores in logits.items()
        ]
    )


def confusion_loss(logits: Logits) -> Tensor:
    """How far the guesses are from ignorance: log(classes) - entropy, nats, shape (B,).

    Zero where every class is as likely as any other; summed over controls and bars.
    """
    parts = []
    for scores in logits.values():
        log_p = scores.log_softmax(-1)
        parts.append(math.log(scores.shape[-1]) + (log_p.exp() * log_p).sum(-1))
    return _per_clip(parts)


def hits(logits: Logits, labels: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """By control: how many known labels the likeliest class names, and how many there are."""
    return {
        name: (
            ((scores.argmax(-1) == labels[name] - 1) & (labels[name] > 0)).sum(),
            (labels[name] > 0).sum(),
        )
        for name, scores in logits.items()
    }


def _per_clip(parts: list[Tensor]) -> Tensor:
    return torch.stack([part if part.ndim == 1 else part.sum(-1) for part in parts]).sum(0)
