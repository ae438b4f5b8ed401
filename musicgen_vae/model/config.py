"""The shape of a model, as stored beside its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from musicgen_vae.music.clip import BARS_PER_CLIP


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Sizes of the network.

    Attributes:
        d_model: width of every layer.
        n_heads: attention heads; ``d_model / n_heads`` must be a multiple of 4.
        d_ff: width of the feed-forward layers.
        n_encoder_layers, n_decoder_layers: depth.
        n_queries: encoder queries per bar.
        d_query: numbers that each query contributes to z.
        d_note, d_bar: widths of ``BarSummary`` and ``Moment``, the short way to z and back.
        dropout: probability (0 to 1) of dropping an activation in training.
        recognised: clip controls that the recognition head infers from the notes.
    """

    d_model: int = 256
    n_heads: int = 4
    d_ff: int = 512
    n_encoder_layers: int = 2
    n_decoder_layers: int = 4
    n_queries: int = 4
    d_query: int = 32
    d_note: int = 512
    d_bar: int = 512
    dropout: float = 0.1
    recognised: tuple[str, ...] = ("style", "valence", "arousal")

    @property
    def d_latent(self) -> int:
        """D: numbers of z per bar."""
        return self.n_queries * self.d_query

    @property
    def n_latents(self) -> int:
        """Latent tokens in a clip: queries of all bars."""
        return self.n_queries * BARS_PER_CLIP

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text; ``from_dict`` is its exact inverse."""
        return {**asdict(self), "recognised": list(self.recognised)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelConfig:
        """The config that ``to_dict`` described."""
        return cls(**{**data, "recognised": tuple(data.get("recognised", ()))})
