"""Transformer parts: rotary time, attention with a cache, and the block that both networks use.

Positions are musical time in steps, not indices: two notes struck together share a position, and
"one bar ago" is the same rotation everywhere (rotary embedding after Su et al., arXiv 2104.09864).
This module does not know tokens or controls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_SHORTEST_PERIOD = 3.0
_LONGEST_PERIOD = 1200.0


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """What turns the channels of a head at each position, each of shape (B, T, 1, 1, d_head).

    Channel i of the first quarter and channel i of the second are turned together; the other half
    stays.

    Attributes:
        cos: cosines, 1 where nothing turns.
        sin: sines, negative in the first quarter, 0 where nothing turns.
    """

    cos: Tensor
    sin: Tensor


class RotaryTime(nn.Module):
    """Rotations for positions in steps; half of each head's channels stay unrotated."""

    periods: Tensor

    def __init__(self, d_head: int) -> None:
        super().__init__()
        exponents = torch.linspace(
            math.log(_SHORTEST_PERIOD), math.log(_LONGEST_PERIOD), d_head // 4
        )
        self.register_buffer("periods", exponents.exp(), persistent=False)

    def forward(self, time: Tensor) -> Rotation:
        """Rotations for ``time`` of shape (B, T), in steps."""
        angle = 2 * math.pi * time[:, :, None, None, None].float() / self.periods
        cos, sin = angle.cos(), angle.sin()
        still = torch.zeros_like(cos)
        return Rotation(
            cos=torch.cat([cos, cos, still + 1, still + 1], dim=-1),
            sin=torch.cat([-sin, sin, still, still], dim=-1),
        )


def rotate(x: Tensor, rotation: Rotation) -> Tensor:
    """Rotate the first half of the channels of ``x``, shape (B, T, n, H, d_head)."""
    quarter = x.shape[-1] // 4
    first, second, rest = x[..., :quarter], x[..., quarter : 2 * quarter], x[..., 2 * quarter :]
    turned = torch.cat([second, first, rest], dim=-1)
    cos, sin = rotation.cos.to(x.dtype), rotation.sin.to(x.dtype)
    return torch.addcmul(x * cos, turned, sin)


@dataclass(kw_only=True)
class LayerCache:
    """Keys and values of one decoder layer, written in place as notes are added.

    Attributes:
        keys, values: shape (B, H, capacity, d_head).
    """

    keys: Tensor
    values: Tensor


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        if d_model % n_heads or (d_model // n_heads) % 4:
            raise ValueError(f"d_model {d_model} does not give {n_heads} heads of a multiple of 4")
        self.n_heads = n_heads
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)

    def forward(
        self,
        x: Tensor,
        rotation: Rotation,
        mask: Tensor | None,
        cache: LayerCache | None = None,
        at: int = 0,
        span: int = 0,
    ) -> Tensor:
        """Attend.

        Args:
            x: shape (B, T, d_model).
            rotation: of the T positions.
            mask: shape (B, 1, T, S), added to the attention scores; S = T without a cache, else
                ``span``. None where everything is seen.
            cache: where to write keys and values, at positions ``at`` to ``at + T``.
            at: index of the first of the T positions in the cache.
            span: how many cached positions to attend over.
        """
        batch, length, d_model = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.n_heads, d_model // self.n_heads)
        q, k = rotate(qkv[:, :, :2], rotation).permute(2, 0, 3, 1, 4)
        v = qkv[:, :, 2].transpose(1, 2)
        if cache is not None:
            cache.keys[:, :, at : at + length] = k
            cache.values[:, :, at : at + length] = v
            k, v = cache.keys[:, :, :span], cache.values[:, :, :span]
        seen = None if mask is None else mask.to(q.dtype)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        out: Tensor = self.out(y.transpose(1, 2).reshape(batch, length, d_model))
        return out


class ChannelDropout(nn.Module):
    """Dropout with one mask per clip, shared by all its positions (Gal and Ghahramani, 2016).

    On a CPU, drawing a mask for every activation costs a tenth of a training step.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, T, d_model) in and out."""
        if not self.training or self.probability == 0.0:
            return x
        keep = 1.0 - self.probability
        mask = torch.rand(x.shape[0], 1, x.shape[2], device=x.device) < keep
        return x * (mask.to(x.dtype) / keep)


class Block(nn.Module):
    """Pre-norm transformer layer; what is injected is added to its input ("in-attention").

    In-attention is from MuseMorphose (Wu and Yang, arXiv 2105.04090, section III-B).
    """

    def __init__(self, d_model: int, n_heads: int, d_ff: int, dropout: float) -> None:
        super().__init__()
        self.norm_attention = nn.RMSNorm(d_model)
        self.attention = Attention(d_model, n_heads)
        self.norm_ff = nn.RMSNorm(d_model)
        self.ff_in = nn.Linear(d_model, d_ff, bias=False)
        self.ff_out = nn.Linear(d_ff, d_model, bias=False)
        self.dropout = ChannelDropout(dropout)

    def forward(
        self,
        x: Tensor,
        rotation: Rotation,
        mask: Tensor | None,
        injected: Tensor | None = None,
        cache: LayerCache | None = None,
        at: int = 0,
        span: int = 0,
    ) -> Tensor:
        """Shape (B, T, d_model) in and out; the other arguments are those of ``Attention``."""
        if injected is not None:
            x = x + injected
        attended = self.attention(self.norm_attention(x), rotation, mask, cache, at, span)
        x = x + self.dropout(attended)
        # Squared ReLU (So et al., Primer, arXiv 2109.08668): a third of what GELU costs a CPU.
        hidden = F.relu(self.ff_in(self.norm_ff(x))).square()
        out: Tensor = x + self.dropout(self.ff_out(hidden))
        return out


def additive_mask(visible: Tensor) -> Tensor:
    """Shape (B, 1, T, S): 0 where ``visible`` (B, T, S) is true, a large negative number elsewhere.

    Not minus infinity: a row that sees nothing (padding) must not turn into NaN.
    """
    return torch.zeros_like(visible, dtype=torch.float32).masked_fill(~visible, -1e9)[:, None]
