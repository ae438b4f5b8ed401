"""The networks: ControlNetwork, Encoder (posterior and prior), Decoder, ConditionalVAE.

- q(z|x,c): the encoder reads all notes; c enters at its queries only.
- p(z|c,k): the same encoder with a "partial" flag reads the kept notes k (mostly none).
- p(x|z,c,k): the decoder reads controls, z and kept notes, then writes the hidden notes one by
  one, each note's fields in turn: step, role, pitch, duration, velocity.

Latents per bar after MuseMorphose (Wu and Yang, arXiv 2105.04090); the conditional VAE with a
learned prior after Sohn et al. (NeurIPS 2015). This module does not know losses, sampling or files.

Axes: B batch, T tokens, D latent numbers per bar, K kept notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from musicgen_vae.model.config import ModelConfig
from musicgen_vae.model.controls import ControlSpec
from musicgen_vae.model.distributions import DiagonalGaussian
from musicgen_vae.model.labels import RecognitionHead
from musicgen_vae.model.layers import Block, LayerCache, RotaryTime, additive_mask
from musicgen_vae.model.outline import DRUM_SETS, N_OUTLINE, outline_hint
from musicgen_vae.music.clip import (
    BARS_PER_CLIP,
    DRUM_PITCHES,
    MAX_STEPS_PER_BAR,
    STEPS_PER_BEAT,
)
from musicgen_vae.music.tokens import (
    BAR_BEFORE,
    FIELD_SIZES,
    PITCH_NONE,
    ROLE_NONE,
    STEP_BAR,
    STEP_END,
    STEP_HELD,
    Field,
)

N_DRAWN_FIELDS = 5
"""Fields that the decoder draws for each note; the bar follows from the bar tokens."""
HINTED_FIELDS = (Field.PITCH, Field.DURATION, Field.VELOCITY)
"""Fields of a note of which z and c give a hint by themselves, once step and role are known."""
_POSTERIOR_LOGVAR = (-8.0, 2.0)
_PRIOR_LOGVAR = (-2.0, 1.0)
_FIRST_LOGVAR = -3.0
_RARE = -6.0
_N_KEPT_SETS = 16
_D_NOISE = 32


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Token rows of a batch of clips.

    Attributes:
        tokens: shape (B, T, 6), int64, padded with anything.
        mask: shape (B, T), true at real rows.
    """

    tokens: Tensor
    mask: Tensor

    @classmethod
    def none(cls, batch: int, device: torch.device) -> Rows:
        """No rows for each of ``batch`` clips."""
        return cls(
            tokens=torch.zeros(batch, 0, len(Field), dtype=torch.long, device=device),
            mask=torch.zeros(batch, 0, dtype=torch.bool, device=device),
        )

    @classmethod
    def pad(cls, arrays: Sequence[NDArray[np.integer[Any]]], width: int | None = None) -> Rows:
        """Arrays of shape (T_i, 6) as one batch of ``width`` rows (by default the longest's)."""
        if width is None:
            width = max((len(array) for array in arrays), default=0)
        tokens = np.zeros((len(arrays), width, len(Field)), dtype=np.int64)
        mask = np.zeros((len(arrays), width), dtype=np.bool_)
        for i, array in enumerate(arrays):
            tokens[i, : len(array)] = array
            mask[i, : len(array)] = True
        return cls(tokens=torch.from_numpy(tokens), mask=torch.from_numpy(mask))

    def item(self, index: int) -> Rows:
        """The rows of one clip alone, without padding."""
        n = int(self.mask[index].sum())
        return Rows(
            tokens=self.tokens[index : index + 1, :n], mask=self.mask[index : index + 1, :n]
        )

    def to(self, device: torch.device) -> Rows:
        """The same rows on another device."""
        return Rows(tokens=self.tokens.to(device), mask=self.mask.to(device))


@dataclass(frozen=True, kw_only=True)
class Condition:
    """c and what of k is not a note.

    Attributes:
        clip: control integers, shape (B, 5).
        bar: control integers, shape (B, 4, 6).
        kept_roles: set of roles (bits) that k holds completely in each bar, shape (B, 4).
        bar_steps: steps in a bar, shape (B,).
    """

    clip: Tensor
    bar: Tensor
    kept_roles: Tensor
    bar_steps: Tensor

    def __len__(self) -> int:
        """B: the number of clips."""
        return len(self.bar_steps)

    def item(self, index: int) -> Condition:
        """The condition of one clip alone."""
        one = slice(index, index + 1)
        return Condition(
            clip=self.clip[one],
            bar=self.bar[one],
            kept_roles=self.kept_roles[one],
            bar_steps=self.bar_steps[one],
        )

    def to(self, device: torch.device) -> Condition:
        """The same condition on another device."""
        return Condition(
            clip=self.clip.to(device),
            bar=self.bar.to(device),
            kept_roles=self.kept_roles.to(device),
            bar_steps=self.bar_steps.to(device),
        )

    def repeat(self, n: int) -> Condition:
        """The condition of one clip, for ``n`` clips."""
        return Condition(
            clip=self.clip.expand(n, -1),
            bar=self.bar.expand(n, -1, -1),
            kept_roles=self.kept_roles.expand(n, -1),
            bar_steps=self.bar_steps.expand(n),
        )


def token_time(tokens: Tensor, bar_steps: Tensor) -> Tensor:
    """Steps from the start of the clip, shape (B, T); negative in the bar before it.

    Args:
        tokens: shape (B, T, 6).
        bar_steps: shape (B,).
    """
    step, bar = tokens[..., Field.STEP], tokens[..., Field.BAR]
    bar = torch.where(bar == BAR_BEFORE, -1, bar)
    bar = torch.where(step == STEP_END, BARS_PER_CLIP, bar)
    return bar * bar_steps[:, None] + torch.where(step < MAX_STEPS_PER_BAR, step, 0)


def noisy(z: Tensor, noise_level: Tensor) -> Tensor:
    """Mix z with noise of its own mean and scale, shape (B, 4, D).

    At level s it is where the flow (``model.flow``) stands at t = 1 - s on its way to z.

    Args:
        z: of a batch, whose mean and scale the noise takes, shape (B, 4, D).
        noise_level: 0 (as it is) to 1 (nothing of z is left), shape (B,).
    """
    scale, mean = torch.std_mean(z.detach(), dim=(0, 1), correction=0)
    return torch.lerp(z, mean + scale * torch.randn_like(z), noise_level[:, None, None])


class StepEmbedding(nn.Module):
    """A step in the bar as beat + part of the beat, so that rare meters share with common ones."""

    beat_of_step: Tensor
    part_of_step: Tensor

    def __init__(self, d_model: int) -> None:
        super().__init__()
        n_beats = MAX_STEPS_PER_BAR // STEPS_PER_BEAT
        step = torch.arange(FIELD_SIZES[Field.STEP])
        on_grid = step < MAX_STEPS_PER_BAR
        special = n_beats + step - STEP_HELD
        self.register_buffer(
            "beat_of_step", torch.where(on_grid, step // STEPS_PER_BEAT, special), persistent=False
        )
        self.register_buffer(
            "part_of_step",
            torch.where(on_grid, step % STEPS_PER_BEAT, STEPS_PER_BEAT),
            persistent=False,
        )
        self.beat = nn.Embedding(n_beats + STEP_END - STEP_HELD + 1, d_model)
        self.part = nn.Embedding(STEPS_PER_BEAT + 1, d_model)

    def forward(self, step: Tensor) -> Tensor:
        """Values of ``Field.STEP``, any shape, to (..., d_model)."""
        out: Tensor = self.beat(self.beat_of_step[step]) + self.part(self.part_of_step[step])
        return out


class TokenEmbedding(nn.Module):
    """Sum of the embeddings of a row's fields."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.step = StepEmbedding(d_model)
        self.role = nn.Embedding(FIELD_SIZES[Field.ROLE], d_model)
        self.pitch = nn.Embedding(FIELD_SIZES[Field.PITCH], d_model)
        self.pitch_class = nn.Embedding(13, d_model)
        self.duration = nn.Embedding(FIELD_SIZES[Field.DURATION], d_model)
        self.velocity = nn.Embedding(FIELD_SIZES[Field.VELOCITY], d_model)
        self.bar = nn.Embedding(FIELD_SIZES[Field.BAR], d_model)

    def forward(self, tokens: Tensor) -> Tensor:
        """Shape (B, T, 6) to (B, T, d_model)."""
        step, role, pitch, duration, velocity, bar = tokens.unbind(-1)
        pitch_class = torch.where(pitch < PITCH_NONE, pitch % 12, 12)
        out: Tensor = (
            self.step(step)
            + self.role(role)
            + self.pitch(pitch)
            + self.pitch_class(pitch_class)
            + self.duration(duration)
            + self.velocity(velocity)
            + self.bar(bar)
        )
        return out


class ControlNetwork(nn.Module):
    """Embeds c, for the encoder's queries, the prior and the decoder."""

    def __init__(self, d_model: int, spec: ControlSpec) -> None:
        super().__init__()
        self.clip = nn.ModuleList(nn.Embedding(size + 1, d_model) for size in spec.clip_sizes)
        self.bar = nn.ModuleList(nn.Embedding(size + 1, d_model) for size in spec.bar_sizes)
        self.kept_roles = nn.Embedding(_N_KEPT_SETS, d_model)
        self.bar_index = nn.Embedding(BARS_PER_CLIP, d_model)
        self.hidden = nn.Linear(d_model, 2 * d_model)
        self.out = nn.Linear(2 * d_model, d_model)

    def forward(self, condition: Condition) -> Tensor:
        """One vector per bar, shape (B, 4, d_model)."""
        total = self.bar_index.weight + self.kept_roles(condition.kept_roles)
        for column, embedding in enumerate(self.clip):
            total = total + embedding(condition.clip[:, column])[:, None]
        for column, embedding in enumerate(self.bar):
            total = total + embedding(condition.bar[..., column])
        out: Tensor = self.out(F.gelu(self.hidden(total), approximate="tanh"))
        return out


class BarSummary(nn.Module):
    """A bar's notes as one sum, to the mean and log variance of its z: the encoder's short way.

    A note's vector is the product of random-looking vectors of its step, its role and pitch (of
    drums: the sum of what is hit), and its duration and velocity, so that a sum of notes still
    tells which pitch is struck when (holographic reduced representations, Plate, IEEE Trans. Neural
    Networks 1995). It needs no attention and learns to copy within minutes; the transformer adds
    what context tells.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d_note, d_bar = config.d_note, config.d_bar
        self.step = nn.Embedding(FIELD_SIZES[Field.STEP], d_note)
        self.role = nn.Embedding(FIELD_SIZES[Field.ROLE], d_note)
        self.pitch = nn.Embedding(PITCH_NONE + len(DRUM_PITCHES), d_note)
        self.duration = nn.Embedding(FIELD_SIZES[Field.DURATION], d_note)
        self.velocity = nn.Embedding(FIELD_SIZES[Field.VELOCITY], d_note)
        self.bar_in = nn.Linear(d_note, d_bar)
        self.bar_out = nn.Linear(d_bar, d_bar)
        self.out = nn.Linear(d_bar, 2 * config.d_latent)

    def forward(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """Mean and log variance, each of shape (B, 4, D); bars are told by ``Field.BAR``."""
        step, role, pitch, duration, velocity, bar = rows.tokens.unbind(-1)
        pitches, drums = self.pitch.weight[:PITCH_NONE], self.pitch.weight[PITCH_NONE:]
        sets = DRUM_SETS.to(drums) @ drums
        struck_pitch = F.embedding(pitch, torch.cat([pitches, sets.to(pitches)]))
        note = self.step(step) * (struck_pitch + self.role(role))
        note = note * (1.0 + self.duration(duration) + self.velocity(velocity))
        struck = rows.mask & (role != ROLE_NONE)
        where = torch.arange(BARS_PER_CLIP, device=bar.device)[:, None] == bar[:, None]
        total = (where & struck[:, None]).to(note.dtype) @ note
        x = F.gelu(self.bar_in(0.25 * total), approximate="tanh")
        x = x + F.gelu(self.bar_out(x), approximate="tanh")
        mu, logvar = self.out(x).float().chunk(2, dim=-1)
        return mu, logvar


class Encoder(nn.Module):
    """Notes to a Gaussian over z: the posterior from all of them, the prior from the kept ones."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d_model = config.d_model
        self.config = config
        self.embedding = TokenEmbedding(d_model)
        self.partial = nn.Parameter(torch.zeros(d_model))
        self.query = nn.Parameter(torch.randn(config.n_queries, d_model) * 0.02)
        self.rotary = RotaryTime(d_model // config.n_heads)
        self.blocks = nn.ModuleList(
            Block(d_model, config.n_heads, config.d_ff, config.dropout)
            for _ in range(config.n_encoder_layers)
        )
        self.norm = nn.RMSNorm(d_model)
        self.summary = BarSummary(config)
        self.posterior = nn.Linear(d_model, 2 * config.d_query)
        self.prior = nn.Linear(d_model, 2 * config.d_query)

    def forward(
        self, rows: Rows, control: Tensor, bar_steps: Tensor, *, partial: bool
    ) -> tuple[DiagonalGaussian, Tensor]:
        """The posterior of all rows, or with ``partial`` the prior given the kept ones.

        Args:
            rows: the notes read.
            control: from ``ControlNetwork``, shape (B, 4, d_model).
            bar_steps: shape (B,).
            partial: the rows are kept notes, not the whole clip.

        Returns:
            The Gaussian, and the mean of the notes' last vectors, which know nothing of c, shape
            (B, d_model).
        """
        config = self.config
        batch = control.shape[0]
        length = rows.tokens.shape[1]
        device = control.device
        queries = (control[:, :, None] + self.query).flatten(1, 2)
        bar = torch.arange(BARS_PER_CLIP, device=device).repeat_interleave(config.n_queries)
        query_time = bar * bar_steps[:, None]
        tokens = self.embedding(rows.tokens)
        if partial:
            queries, tokens = queries + self.partial, tokens + self.partial
        x = torch.cat([tokens, queries], dim=1)
        time = torch.cat([token_time(rows.tokens, bar_steps), query_time], dim=1)

        # Notes see notes; queries see notes and queries: the trunk stays free of c. A posterior's
        # queries see the notes of their own bar only, which have seen all the others; a prior's
        # see all kept notes, for theirs may be in another bar.
        n_queries = config.n_latents
        visible = torch.zeros(
            batch, length + n_queries, length + n_queries, dtype=torch.bool, device=device
        )
        visible[:, :, :length] = rows.mask[:, None]
        if not partial:
            visible[:, length:, :length] &= rows.tokens[:, None, :, Field.BAR] == bar[:, None]
        visible[:, length:, length:] = True
        mask = additive_mask(visible)
        rotation = self.rotary(time)
        for block in self.blocks:
            x = block(x, rotation, mask)
        out = self.norm(x)
        real = rows.mask[..., None].to(out.dtype)
        trunk = (out[:, :length] * real).sum(1) / real.sum(1).clamp(min=1.0)
        head, limits = (
            (self.prior, _PRIOR_LOGVAR) if partial else (self.posterior, _POSTERIOR_LOGVAR)
        )
        mu, logvar = head(out[:, length:]).float().chunk(2, dim=-1)
        shape = (batch, BARS_PER_CLIP, config.d_latent)
        mu, logvar = mu.reshape(shape), logvar.reshape(shape)
        if not partial:
            short_mu, short_logvar = self.summary(rows)
            mu, logvar = mu + short_mu, logvar + short_logvar
        return DiagonalGaussian(mu=mu, logvar=logvar.clamp(*limits)), trunk


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """What the decoder reads before the first note.

    Attributes:
        x: shape (B, P, d_model).
        time: shape (B, P), in steps.
        step, bar: ``Field.STEP`` and ``Field.BAR`` of each position, shape (B, P).
        mask: shape (B, P), true at real positions.
        context: what z and c say of each bar, from ``Moment.of_bars``, shape (B, 4, d_bar).
    """

    x: Tensor
    time: Tensor
    step: Tensor
    bar: Tensor
    mask: Tensor
    context: Tensor


@dataclass(frozen=True, kw_only=True)
class Moments:
    """What z and c say of every step of every bar of B clips of one meter.

    Attributes:
        bar_steps: steps in a bar; M of a clip's bars, with the values of ``Field.STEP`` that are
            not on the grid, make M = 4 * (bar_steps + 3) moments.
        injected: added to the layers' inputs, shape (B * M, layers, d_model).
        at_step: added to the state once the step is known, shape (B * M, d_model).
        outline: logits of what is struck, shape (B * M, N_OUTLINE).
        of_bar: added to the state before a row, shape (B * 4, d_model).
    """

    bar_steps: int
    injected: Tensor
    at_step: Tensor
    outline: Tensor
    of_bar: Tensor

    @classmethod
    def cat(cls, parts: Sequence[Moments]) -> Moments:
        """The moments of several batches of clips of one meter."""
        return cls(
            bar_steps=parts[0].bar_steps,
            injected=torch.cat([part.injected for part in parts]),
            at_step=torch.cat([part.at_step for part in parts]),
            outline=torch.cat([part.outline for part in parts]),
            of_bar=torch.cat([part.of_bar for part in parts]),
        )

    def index(self, bar: NDArray[np.int64], step: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where ``step`` of ``bar`` of each clip stands, shapes (B,)."""
        n_special = FIELD_SIZES[Field.STEP] - MAX_STEPS_PER_BAR
        off_grid = step >= MAX_STEPS_PER_BAR
        place = np.where(off_grid, step - MAX_STEPS_PER_BAR + self.bar_steps, step)
        found: NDArray[np.int64] = self.bar_index(bar) * (self.bar_steps + n_special) + place
        return found

    @staticmethod
    def bar_index(bar: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where ``bar`` of each clip stands in ``of_bar``, shapes (B,)."""
        found: NDArray[np.int64] = np.arange(len(bar)) * BARS_PER_CLIP + bar
        return found


class NoteHeads(nn.Module):
    """The fields of one note in turn, each given the ones before it."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        sizes = FIELD_SIZES[:N_DRAWN_FIELDS]
        self.known = nn.ModuleList(nn.Embedding(size, d_model) for size in sizes[:-1])
        self.hidden = nn.ModuleList(nn.Linear(d_model, d_model) for _ in sizes)
        self.logits = nn.ModuleList(nn.Linear(d_model, size) for size in sizes)

    def field(self, field: int, state: Tensor) -> Tensor:
        """Logits of one field from ``state`` (N, d_model); shape (N, size of the field)."""
        out: Tensor = self.logits[field](F.gelu(self.hidden[field](state), approximate="tanh"))
        return out

    def update(self, field: int, state: Tensor, value: Tensor) -> Tensor:
        """The state after ``field`` is known to be ``value`` (N,)."""
        out: Tensor = state + self.known[field](value)
        return out

    def forward(self, state: Tensor, target: Tensor, at_step: Tensor | None = None) -> list[Tensor]:
        """Logits of every field with the true earlier fields known.

        Args:
            state: shape (N, d_model).
            target: the true rows, shape (N, 6).
            at_step: what else is known once the step is, shape (N, d_model).
        """
        result = []
        for field in range(N_DRAWN_FIELDS):
            result.append(self.field(field, state))
            if field < N_DRAWN_FIELDS - 1:
                state = self.update(field, state, target[:, field])
            if field == Field.STEP and at_step is not None:
                state = state + at_step
        return result


class Moment(nn.Module):
    """What z and c say of one step of a bar: the source of the decoder's in-attention.

    MuseMorphose adds the same vector at every note of a bar; here the vector also depends on the
    step, so that a note's loss reaches the part of z that speaks of its moment directly.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d_model = config.d_model
        self.bar_in = nn.Linear(config.d_latent + d_model, config.d_bar)
        self.bar_out = nn.Linear(config.d_bar, config.d_bar)
        self.step = nn.Embedding(FIELD_SIZES[Field.STEP], config.d_bar)
        self.joint = nn.Linear(config.d_bar, d_model)
        self.hidden = nn.Linear(d_model, d_model)

    def of_bars(self, z: Tensor, control: Tensor) -> Tensor:
        """Features of each bar, (B, 4, d_bar), from z (B, 4, D) and control (B, 4, d_model)."""
        x = F.gelu(self.bar_in(torch.cat([z, control], dim=-1)), approximate="tanh")
        out: Tensor = x + F.gelu(self.bar_out(x), approximate="tanh")
        return out

    def forward(self, context: Tensor, step: Tensor, bar: Tensor) -> Tensor:
        """Vectors of shape (B, T, d_model); zero in ``BAR_BEFORE``, of which z says nothing.

        Args:
            context: from ``of_bars``.
            step: ``Field.STEP`` of each position, shape (B, T).
            bar: ``Field.BAR`` of each position, shape (B, T).
        """
        index = bar.clamp(max=BARS_PER_CLIP - 1)[..., None].expand(-1, -1, context.shape[-1])
        # A product, so that every step may read features of its own.
        x = F.gelu(self.joint(context.gather(1, index) * self.step(step)), approximate="tanh")
        x = x + F.gelu(self.hidden(x), approximate="tanh")
        return x * (bar < BARS_PER_CLIP)[..., None]


class Decoder(nn.Module):
    """Prefix language model: controls, z and kept notes, then the hidden notes one by one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d_model = config.d_model
        self.config = config
        self.embedding = TokenEmbedding(d_model)
        self.unknown = nn.Parameter(torch.zeros(d_model))
        self.kept = nn.Parameter(torch.zeros(d_model))
        self.latent = nn.Linear(config.d_query, d_model)
        self.latent_index = nn.Parameter(torch.randn(config.n_queries, d_model) * 0.02)
        self.latent_bar = nn.Embedding(BARS_PER_CLIP, d_model)
        self.null_z = nn.Parameter(torch.zeros(config.d_latent))
        self.noise_in = nn.Linear(1, _D_NOISE)
        self.noise_out = nn.Linear(_D_NOISE, d_model, bias=False)
        self.moment = Moment(config)
        self.outline = nn.Linear(d_model, N_OUTLINE)
        self.inject = nn.ModuleList(
            nn.Linear(d_model, d_model, bias=False) for _ in range(config.n_decoder_layers)
        )
        self.rotary = RotaryTime(d_model // config.n_heads)
        self.blocks = nn.ModuleList(
            Block(d_model, config.n_heads, config.d_ff, config.dropout)
            for _ in range(config.n_decoder_layers)
        )
        self.norm = nn.RMSNorm(d_model)
        self.heads = NoteHeads(d_model)
        self.of_bar = nn.Linear(config.d_bar, d_model, bias=False)
        self.of_moment = nn.Linear(d_model, d_model, bias=False)
        self.trust = nn.Parameter(torch.full((len(HINTED_FIELDS),), 0.5))

    def prefix(
        self,
        z: Tensor,
        control: Tensor,
        kept: Rows,
        bar_steps: Tensor,
        noise_level: Tensor | None = None,
    ) -> Prefix:
        """What is read before the first note: 4 control tokens, 16 latent tokens, kept notes.

        The decoder is told how noisy z is, and so how far to believe it (noise conditioning
        augmentation: Ho et al., arXiv 2106.15282, section 4).

        Args:
            z: shape (B, 4, D).
            control: from ``ControlNetwork``, shape (B, 4, d_model).
            kept: k.
            bar_steps: shape (B,).
            noise_level: as in ``noisy``, shape (B,); by default z is as the encoder gives it.
        """
        config = self.config
        batch = z.shape[0]
        if noise_level is None:
            noise_level = z.new_zeros(batch)
        level = F.gelu(self.noise_in(noise_level[:, None]), approximate="tanh")
        control = control + self.noise_out(level)[:, None]
        queries = z.reshape(batch, BARS_PER_CLIP, config.n_queries, config.d_query)
        latent = self.latent(queries) + self.latent_index + self.latent_bar.weight[:, None]
        x = torch.cat(
            [control, latent.flatten(1, 2), self.embedding(kept.tokens) + self.kept], dim=1
        )
        bars = torch.arange(BARS_PER_CLIP, device=z.device)
        bar = torch.cat([bars, bars.repeat_interleave(config.n_queries)]).expand(batch, -1)
        time = torch.cat([bar * bar_steps[:, None], token_time(kept.tokens, bar_steps)], dim=1)
        mask = torch.cat([torch.ones_like(bar, dtype=torch.bool), kept.mask], dim=1)
        return Prefix(
            x=x,
            time=time,
            step=torch.cat([torch.full_like(bar, STEP_BAR), kept.tokens[..., Field.STEP]], dim=1),
            bar=torch.cat([bar, kept.tokens[..., Field.BAR]], dim=1),
            mask=mask,
            context=self.moment.of_bars(z, control),
        )

    def injections(self, moment: Tensor) -> list[Tensor]:
        """What is added to each layer's input, each (B, T, d_model), as what ``Moment`` gives."""
        return [inject(moment) for inject in self.inject]

    def know_bar(self, state: Tensor, context: Tensor, bar: Tensor) -> Tensor:
        """The state before a row, knowing what z and c say of its bar.

        Args:
            state: from ``run``, shape (B, T, d_model).
            context: from ``Moment.of_bars``.
            bar: ``Field.BAR`` of the row before, shape (B, T).
        """
        index = bar[..., None].expand(-1, -1, state.shape[-1])
        out: Tensor = state + self.of_bar(context).gather(1, index)
        return out

    def know_step(self, moment: Tensor) -> tuple[Tensor, Tensor]:
        """What z and c say of the step of a row, once it is known.

        Args:
            moment: from ``Moment``, of the row's step and the bar of the row before, shape
                (B, T, d_model).

        Returns:
            What is added to the state (B, T, d_model), and the step's outline (B, T, N_OUTLINE).
        """
        return self.of_moment(moment), self.outline(moment)

    def every_moment(self, context: Tensor, bar_steps: int) -> Moments:
        """All that is asked of ``context`` while notes are written, in a few large products.

        Args:
            context: from ``Moment.of_bars``.
            bar_steps: steps in a bar of these clips.
        """
        device = context.device
        special = torch.arange(MAX_STEPS_PER_BAR, FIELD_SIZES[Field.STEP], device=device)
        steps = torch.cat([torch.arange(bar_steps, device=device), special])
        bars = torch.arange(BARS_PER_CLIP, device=device)
        step = steps.repeat(BARS_PER_CLIP).expand(len(context), -1)
        bar = bars.repeat_interleave(len(steps)).expand(len(context), -1)
        moment = self.moment(context, step, bar)
        at_step, outline = self.know_step(moment)
        return Moments(
            bar_steps=bar_steps,
            injected=torch.stack(self.injections(moment), dim=2).flatten(0, 1),
            of_bar=self.of_bar(context).flatten(0, 1),
            at_step=at_step.flatten(0, 1),
            outline=outline.flatten(0, 1),
        )

    def hint(self, field: Field, outline: Tensor, role: Tensor) -> Tensor:
        """Added to the logits of a field of ``HINTED_FIELDS``: ``outline_hint``, as far trusted."""
        return self.trust[HINTED_FIELDS.index(field)] * outline_hint(field, outline, role)

    def outline_logits(self, context: Tensor, steps: Tensor) -> Tensor:
        """What is struck when, guessed from z and c alone: logits of shape (B, 4, S, N_OUTLINE).

        Args:
            context: from ``Moment.of_bars``.
            steps: steps in the bar, shape (S,); ``model.outline`` has the columns.
        """
        batch, n_steps = context.shape[0], len(steps)
        bar = torch.arange(BARS_PER_CLIP, device=steps.device).repeat_interleave(n_steps)
        moment = self.moment(
            context,
            steps.repeat(BARS_PER_CLIP).expand(batch, -1),
            bar.expand(batch, -1),
        )
        out: Tensor = self.outline(moment).view(batch, BARS_PER_CLIP, n_steps, -1)
        return out

    def run(
        self,
        x: Tensor,
        time: Tensor,
        injected: Sequence[Tensor],
        mask: Tensor,
        caches: list[LayerCache] | None = None,
        at: int = 0,
        span: int = 0,
    ) -> Tensor:
        """All layers; shape (B, T, d_model) in and out.

        ``time`` (B, T) says where the positions lie and ``injected`` what z and c say of them, from
        ``injections``; the other arguments are those of ``Attention``.
        """
        rotation = self.rotary(time)
        for index, block in enumerate(self.blocks):
            cache = caches[index] if caches is not None else None
            x = block(x, rotation, mask, injected[index], cache, at, span)
        out: Tensor = self.norm(x)
        return out

    def forward(
        self, prefix: Prefix, hidden: Rows, bar_steps: Tensor, unknown: Tensor | None = None
    ) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Teacher-forced logits of every hidden row after the first (always a bar token).

        Args:
            prefix: from ``prefix``.
            hidden: rows to be written, opening with a bar token.
            bar_steps: shape (B,).
            unknown: shape (B, T), rows whose content the decoder may not read (token dropout).

        Returns:
            Logits of each field, each (N, size), the N true rows (N, 6), and the clip (N,) that
            each belongs to.
        """
        inputs, targets = hidden.tokens[:, :-1], hidden.tokens[:, 1:]
        x = self.embedding(inputs)
        if unknown is not None:
            x = torch.where(unknown[:, :-1, None], self.unknown.to(x.dtype), x)
        length, n_prefix = inputs.shape[1], prefix.x.shape[1]
        total = n_prefix + length
        visible = torch.ones(total, total, dtype=torch.bool, device=x.device).tril()
        visible[:n_prefix, :n_prefix] = True
        real = torch.cat([prefix.mask, hidden.mask[:, :-1]], dim=1)
        out = self.run(
            torch.cat([prefix.x, x], dim=1),
            torch.cat([prefix.time, token_time(inputs, bar_steps)], dim=1),
            self.injections(
                self.moment(
                    prefix.context,
                    torch.cat([prefix.step, inputs[..., Field.STEP]], dim=1),
                    torch.cat([prefix.bar, inputs[..., Field.BAR]], dim=1),
                )
            ),
            additive_mask(visible & real[:, None]),
        )
        valid = hidden.mask[:, 1:]
        clip = torch.arange(x.shape[0], device=x.device)[:, None].expand_as(valid)[valid]
        target, bar = targets[valid], inputs[..., Field.BAR]
        state = self.know_bar(out[:, n_prefix:], prefix.context, bar)
        at_step, outline = self.know_step(
            self.moment(prefix.context, targets[..., Field.STEP], bar)
        )
        logits = self.heads(state[valid], target, at_step[valid])
        for field in HINTED_FIELDS:
            logits[field] = logits[field] + self.hint(field, outline[valid], target[:, Field.ROLE])
        return tuple(logits), target, clip


class ConditionalVAE(nn.Module):
    """Encoder, prior and decoder around one control network."""

    def __init__(self, config: ModelConfig, spec: ControlSpec) -> None:
        super().__init__()
        self.config = config
        self.spec = spec
        self.control = ControlNetwork(config.d_model, spec)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.recognition = RecognitionHead(config, spec) if config.recognised else None
        self.apply(_initialise)
        # Posteriors start narrow, or z is mostly noise while the decoder learns to ignore it.
        summary = self.encoder.summary
        nn.init.constant_(summary.out.bias[config.d_latent :], _FIRST_LOGVAR)
        # Products of vectors keep their size where the vectors have size one.
        for factor in (summary.step, summary.pitch, self.decoder.moment.step):
            nn.init.normal_(factor.weight)
        for factor in (summary.duration, summary.velocity):
            nn.init.normal_(factor.weight, std=0.3)
        # The transformer's share of a posterior starts at nothing.
        nn.init.zeros_(self.encoder.posterior.weight)
        nn.init.constant_(self.decoder.outline.bias, _RARE)
        nn.init.zeros_(self.decoder.of_bar.weight)
        nn.init.zeros_(self.decoder.of_moment.weight)
        nn.init.zeros_(self.decoder.noise_out.weight)

    def posterior(self, rows: Rows, condition: Condition) -> DiagonalGaussian:
        """q(z|x,c) from all rows; every control of ``condition`` should be measured."""
        return self.read(rows, condition)[0]

    def read(self, rows: Rows, condition: Condition) -> tuple[DiagonalGaussian, dict[str, Tensor]]:
        """q(z|x,c), and logits of what the recognition head makes of the notes alone."""
        posterior, trunk = self.encoder(
            rows, self.control(condition), condition.bar_steps, partial=False
        )
        return posterior, {} if self.recognition is None else self.recognition(trunk)

    def prior(self, condition: Condition, kept: Rows) -> DiagonalGaussian:
        """p(z|c,k) from the kept rows; any control may be unspecified."""
        prior: DiagonalGaussian = self.encoder(
            kept, self.control(condition), condition.bar_steps, partial=True
        )[0]
        return prior

    def short_posterior(self, rows: Rows) -> DiagonalGaussian:
        """What the bar summaries alone make of the notes: the posterior without the transformer."""
        mu, logvar = self.encoder.summary(rows)
        return DiagonalGaussian(mu=mu, logvar=logvar.clamp(*_POSTERIOR_LOGVAR))

    def prefix(
        self,
        z: Tensor,
        condition: Condition,
        kept: Rows,
        null: Tensor | None = None,
        noise_level: Tensor | None = None,
    ) -> Prefix:
        """What the decoder reads first.

        Args:
            z: shape (B, 4, D).
            condition: c and k's roles.
            kept: k.
            null: clips whose z is the learned null instead, shape (B,).
            noise_level: as in ``Decoder.prefix``.
        """
        if null is not None:
            z = torch.where(null[:, None, None], self.decoder.null_z.to(z.dtype), z)
        control = self.control(condition)
        return self.decoder.prefix(z, control, kept, condition.bar_steps, noise_level)

    @property
    def n_parameters(self) -> int:
        """Trainable numbers."""
        return sum(p.numel() for p in self.parameters())


def _initialise(module: nn.Module) -> None:
    """Small normal weights, zero biases."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.5 * module.in_features**-0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.05)
