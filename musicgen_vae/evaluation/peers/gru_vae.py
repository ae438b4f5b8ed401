"""A MusicVAE of the same size: recurrent encoder, one z, a conductor for the bars.

Hierarchical recurrent VAE after Roberts et al., "A hierarchical latent vector model for learning
long-term structure in music" (ICML 2018): a bidirectional recurrent encoder, a conductor that turns
z into one vector per bar, and a note decoder that starts anew in each bar with that vector beside
every input. What differs is what makes the comparison fair: GRU cells, this project's note rows,
heads and rules, the same controls (given to conductor and decoder), and as many latent numbers as
ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from musicgen_vae.generation.conditions import asked_condition, measured_condition
from musicgen_vae.generation.decoding import BLOCK, DecodeItem, DecodeOptions, NoteWriter, padded
from musicgen_vae.model.config import ModelConfig
from musicgen_vae.model.controls import Controls, ControlSpec
from musicgen_vae.model.distributions import DiagonalGaussian
from musicgen_vae.model.losses import FieldLosses, field_losses
from musicgen_vae.model.vae import Condition, ControlNetwork, NoteHeads, Rows, TokenEmbedding
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip
from musicgen_vae.music.tokens import Field, clip_to_tokens, tokens_to_notes
from musicgen_vae.training.data import Batch


@dataclass(frozen=True, kw_only=True)
class GruConfig:
    """Sizes of the model.

    Attributes:
        d_model: of embeddings, controls and heads.
        d_encoder: of each direction of the encoder.
        d_conductor: of the conductor.
        d_decoder: of the two layers of the note decoder.
        d_latent: numbers of z, for the whole clip.
        beta: weight of the KL.
    """

    d_model: int = 256
    d_encoder: int = 384
    d_conductor: int = 384
    d_decoder: int = 480
    d_latent: int = 256
    beta: float = 0.1

    @classmethod
    def like(cls, model: ModelConfig, beta: float) -> GruConfig:
        """Sizes that give about as many parameters and the same z as ``model``."""
        width = model.d_model
        return cls(
            d_model=width,
            d_encoder=3 * width // 2,
            d_conductor=3 * width // 2,
            d_decoder=15 * width // 8,
            d_latent=BARS_PER_CLIP * model.d_latent,
            beta=beta,
        )


class GruVAE(nn.Module):
    """q(z|x), N(0, 1) and p(x|z,c), all recurrent."""

    def __init__(self, config: GruConfig, spec: ControlSpec) -> None:
        """Make it; see ``GruConfig``."""
        super().__init__()
        self.config, self.spec = config, spec
        d = config.d_model
        self.control = ControlNetwork(d, spec)
        self.embedding = TokenEmbedding(d)
        self.encoder = nn.GRU(d, config.d_encoder, batch_first=True, bidirectional=True)
        self.latent = nn.Linear(2 * config.d_encoder, 2 * config.d_latent)
        self.conductor_start = nn.Linear(config.d_latent, config.d_conductor)
        self.conductor = nn.GRU(d, config.d_conductor, batch_first=True)
        self.bar_start = nn.Linear(config.d_conductor, 2 * config.d_decoder)
        self.decoder = nn.GRU(d + config.d_conductor + d, config.d_decoder, 2, batch_first=True)
        self.out = nn.Linear(config.d_decoder, d)
        self.heads = NoteHeads(d)

    @property
    def n_parameters(self) -> int:
        """Trainable numbers."""
        return sum(p.numel() for p in self.parameters())

    def posterior(self, rows: Rows) -> DiagonalGaussian:
        """q(z|x), each tensor of shape (B, d_latent)."""
        lengths = rows.mask.sum(1).clamp(min=1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(rows.tokens), lengths, batch_first=True, enforce_sorted=False
        )
        _, last = self.encoder(packed)
        mu, logvar = self.latent(torch.cat([last[0], last[1]], dim=-1)).float().chunk(2, dim=-1)
        return DiagonalGaussian(mu=mu, logvar=logvar.clamp(-8.0, 2.0))

    def bars(self, z: Tensor, control: Tensor) -> Tensor:
        """The conductor's vector of each bar beside its controls, (B, 4, d_conductor + d_model)."""
        start = torch.tanh(self.conductor_start(z))[None].contiguous()
        out, _ = self.conductor(control, start)
        return torch.cat([out, control], dim=-1)

    def bar_state(self, bars: Tensor, bar: Tensor) -> Tensor:
        """The note decoder's state at the start of ``bar`` (B,), shape (2, B, d_decoder)."""
        index = bar[:, None, None].expand(-1, 1, bars.shape[-1])
        vector = bars.gather(1, index)[:, 0, : self.config.d_conductor]
        start = torch.tanh(self.bar_start(vector))
        return torch.stack(start.chunk(2, dim=-1))

    def teacher_forced(self, rows: Rows, bars: Tensor) -> FieldLosses:
        """Losses of every row after the first, each bar from the conductor's vector."""
        n = len(bars)
        inputs, targets = rows.tokens[:, :-1], rows.tokens[:, 1:]
        valid = rows.mask[:, 1:]
        x = self.embedding(inputs)
        states = torch.zeros(*valid.shape, self.config.d_decoder, device=x.device, dtype=x.dtype)
        # The row that opens a bar is the first input of it; all bars run side by side.
        of_bar = inputs[..., Field.BAR]
        lengths = torch.stack(
            [((of_bar == bar) & rows.mask[:, :-1]).sum(1) for bar in range(BARS_PER_CLIP)], dim=1
        )
        begins = lengths.cumsum(1) - lengths
        width = int(lengths.max())
        at = (begins[..., None] + torch.arange(width, device=x.device)).clamp(max=x.shape[1] - 1)
        at = at.flatten(0, 1)
        clip = torch.arange(n, device=x.device).repeat_interleave(BARS_PER_CLIP)
        bar = torch.arange(BARS_PER_CLIP, device=x.device).repeat(n)
        parts = x[clip[:, None], at]
        beside = bars[clip, bar][:, None].expand(-1, width, -1)
        start = self.bar_state(bars[clip], bar)
        out, _ = self.decoder(torch.cat([parts, beside.to(parts.dtype)], -1), start.contiguous())
        real = torch.arange(width, device=x.device) < lengths.flatten()[:, None]
        where = (clip[:, None].expand(-1, width)[real], at[real])
        states = states.index_put(where, out[real].to(states.dtype))
        index = torch.arange(n, device=x.device)[:, None].expand_as(valid)[valid]
        logits = self.heads(self.out(states[valid]), targets[valid])
        return field_losses(logits, targets[valid], index, n)

    def loss(self, batch: Batch, share: float) -> Tensor:
        """Weighted reconstruction + beta x KL, in nats per token row; beta rises at first."""
        posterior = self.posterior(batch.rows)
        standard = DiagonalGaussian(
            mu=torch.zeros_like(posterior.mu), logvar=torch.zeros_like(posterior.mu)
        )
        bars = self.bars(posterior.rsample(), self.control(batch.asked))
        losses = self.teacher_forced(batch.rows, bars)
        beta = self.config.beta * min(1.0, share / 0.1)
        loss = losses.weighted().sum() + beta * posterior.kl(standard).sum()
        total: Tensor = loss / max(1, batch.n_tokens)
        return total

    @torch.inference_mode()
    def reconstruct(
        self, clips: Sequence[Clip], styles: Sequence[str | None] | None = None
    ) -> list[Clip]:
        """The most likely notes from each clip's posterior mean."""
        clips = [clip.keep(self.spec.roles) for clip in clips]
        condition = measured_condition(clips, self.spec, styles)
        z = self.posterior(Rows.pad([clip_to_tokens(clip) for clip in clips])).mode()
        return self._write(z, condition, clips, None)

    @torch.inference_mode()
    def sample_each(self, controls: Sequence[Controls], seeds: Sequence[int]) -> list[Clip]:
        """One clip for each of the controls asked, z from N(0, 1)."""
        templates = [Clip(meter=one.meter or Clip().meter) for one in controls]
        condition = asked_condition(controls, self.spec, [t.meter for t in templates])
        z = torch.stack(
            [
                torch.randn(self.config.d_latent, generator=torch.Generator().manual_seed(seed))
                for seed in seeds
            ]
        )
        return self._write(z, condition, templates, seeds)

    def _write(
        self,
        z: Tensor,
        condition: Condition,
        templates: Sequence[Clip],
        seeds: Sequence[int] | None,
    ) -> list[Clip]:
        bars = self.bars(z, self.control(condition))
        options = DecodeOptions(temperature=0.0) if seeds is None else DecodeOptions()
        items = [
            DecodeItem(
                z=z[i],
                control=bars[i],
                kept=_NO_ROWS,
                kept_roles=(0,) * BARS_PER_CLIP,
                roles=sum(1 << role for role in self.spec.roles),
                bar_steps=template.meter.steps,
                n_bars=template.n_bars,
                generator=None if seeds is None else torch.Generator().manual_seed(seeds[i] + 1),
            )
            for i, template in enumerate(templates)
        ]
        rows = []
        for begin in range(0, len(items), BLOCK):
            block = items[begin : begin + BLOCK]
            rows += _GruWriter(self, padded(block, BLOCK), options).run()[: len(block)]
        return [
            replace(template, notes=tokens_to_notes(notes, template.meter.steps))
            for template, notes in zip(templates, rows, strict=True)
        ]


_NO_ROWS = clip_to_tokens(Clip())[:0]


class _GruWriter(NoteWriter):
    """Items written by the recurrent decoder."""

    def __init__(self, model: GruVAE, items: Sequence[DecodeItem], options: DecodeOptions) -> None:
        super().__init__(model.heads, items, options)
        self.model = model
        self.bars = torch.stack([item.control for item in self.items])
        self.bar = torch.full((BLOCK,), -1, device=self.device)
        self.hidden = torch.zeros(2, BLOCK, model.config.d_decoder, device=self.device)

    def state(self) -> Tensor:
        """What the decoder knows after the last row, shape (BLOCK, d_model)."""
        last = self.last
        bar = last[:, Field.BAR]
        fresh = (bar != self.bar)[None, :, None]
        self.hidden = torch.where(fresh, self.model.bar_state(self.bars, bar), self.hidden)
        self.bar = bar
        beside = self.bars[torch.arange(BLOCK, device=self.device), bar]
        x = torch.cat([self.model.embedding(last[:, None])[:, 0], beside], dim=-1)
        out, self.hidden = self.model.decoder(x[:, None], self.hidden.contiguous())
        state: Tensor = self.model.out(out[:, 0])
        return state
