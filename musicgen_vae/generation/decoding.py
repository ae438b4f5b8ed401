"""Drawing notes from the decoder one by one, under the rules of the token alphabet.

Step order, meter and kept roles cannot be violated: what is not allowed has no probability. The
same item gives the same notes alone or in any batch: each has its own random numbers, and all
matrix products run in blocks of fixed size, so that rounding does not depend on the neighbours.
This module knows tokens and the decoder; it does not know clips or where z comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from musicgen_vae.model.layers import LayerCache, additive_mask
from musicgen_vae.model.vae import N_DRAWN_FIELDS, Decoder, NoteHeads, Prefix, Rows, token_time
from musicgen_vae.music.clip import BARS_PER_CLIP, Role
from musicgen_vae.music.tokens import (
    BAR_BEFORE,
    DURATION_NONE,
    FIELD_SIZES,
    MAX_TOKENS,
    PITCH_NONE,
    ROLE_NONE,
    STEP_BAR,
    STEP_END,
    STEP_HELD,
    VELOCITY_NONE,
    Field,
    Tokens,
    structural_token,
)

BLOCK = 8
"""Items decoded together; fewer are padded to it."""
_SPAN = 64
_KEPT_SPAN = 32
_NEVER = -1e9


@dataclass(frozen=True, kw_only=True)
class DecodeOptions:
    """How to draw.

    Attributes:
        temperature: divides the logits; 0 takes the most likely value of each field.
        top_p: only the most likely values whose probabilities sum to this are drawn (0 to 1];
            Holtzman et al., arXiv 1904.09751.
        in_scale: leave out pitches that are not in C major / A natural minor.
    """

    temperature: float = 1.0
    top_p: float = 0.95
    in_scale: bool = False


@dataclass(frozen=True, kw_only=True)
class DecodeItem:
    """One clip to be written.

    Attributes:
        z: shape (4, D).
        control: from the control network, shape (4, d_model).
        kept: note rows of k, shape (K, 6).
        kept_roles: roles (bits) that k holds completely in each bar, shape (4,).
        roles: roles (bits) that may be written at all.
        bar_steps: steps in a bar.
        n_bars: 1 to 4; later bars stay empty.
        generator: its random numbers; may be None at temperature 0.
    """

    z: Tensor
    control: Tensor
    kept: Tokens
    kept_roles: tuple[int, ...]
    roles: int
    bar_steps: int
    n_bars: int
    generator: torch.Generator | None


@torch.inference_mode()
def decode(
    decoder: Decoder,
    items: Sequence[DecodeItem],
    options: DecodeOptions,
    check: Callable[[], None] | None = None,
) -> list[Tokens]:
    """Write the hidden notes of each item.

    Args:
        decoder: in evaluation mode.
        items: any number of clips.
        options: how to draw.
        check: called before every note step; may raise to stop the work.

    Returns:
        Note rows of each item without bar and end tokens and without k, shape (n, 6).
    """
    by_width: dict[int, list[int]] = {}
    for index, item in enumerate(items):
        width = -(-len(item.kept) // _KEPT_SPAN) * _KEPT_SPAN
        by_width.setdefault(width, []).append(index)
    result: dict[int, Tokens] = {}
    for width, indices in by_width.items():
        for begin in range(0, len(indices), BLOCK):
            chosen = indices[begin : begin + BLOCK]
            block = _Block(decoder, [items[i] for i in chosen], width, options)
            result.update(zip(chosen, block.run(check), strict=True))
    return [result[i] for i in range(len(items))]


class NoteWriter:
    """Up to ``BLOCK`` items being written in step, by whatever network ``state`` asks.

    Subclasses say what the network knows before the next row; rules and drawing are the same for
    all, so that other models can be compared on equal terms.
    """

    def __init__(
        self, heads: NoteHeads, items: Sequence[DecodeItem], options: DecodeOptions
    ) -> None:
        self.heads, self.options = heads, options
        self.n_items = len(items)
        items = [*items, *[items[-1]] * (BLOCK - len(items))]
        device = items[0].z.device
        self.items, self.device = items, device
        self.bar_steps = torch.tensor([item.bar_steps for item in items], device=device)
        self.random = torch.stack(
            [
                torch.rand(MAX_TOKENS, N_DRAWN_FIELDS, generator=item.generator)
                if item.generator is not None and options.temperature > 0
                else torch.zeros(MAX_TOKENS, N_DRAWN_FIELDS)
                for item in items
            ]
        ).to(device)
        allowed = torch.tensor(
            [
                [
                    item.roles & ~kept_roles if bar < item.n_bars else 0
                    for bar, kept_roles in enumerate(item.kept_roles)
                ]
                for item in items
            ],
            device=device,
        )
        bits = torch.arange(len(Role), device=device)
        self.allowed_roles = (allowed[..., None] >> bits & 1).bool()
        self.steps = torch.arange(FIELD_SIZES[Field.STEP], device=device)
        self.roles = torch.arange(FIELD_SIZES[Field.ROLE], device=device)
        self.pitches = torch.arange(FIELD_SIZES[Field.PITCH], device=device)
        scale = torch.tensor([0, 2, 4, 5, 7, 9, 11], device=device)
        self.in_scale = torch.isin(self.pitches % 12, scale) | (self.pitches >= PITCH_NONE)
        self.row = torch.tensor(structural_token(STEP_BAR, 0), device=device).repeat(BLOCK, 1)
        self.done = torch.zeros(BLOCK, dtype=torch.bool, device=device)
        self.written: list[Tensor] = []

    def state(self) -> Tensor:
        """What the network knows after ``self.row``, shape (BLOCK, d_model)."""
        raise NotImplementedError

    def run(self, check: Callable[[], None] | None = None) -> list[Tokens]:
        """Write to the end; ``check`` is called before every row. Note rows of each item."""
        while not self.finished:
            if check is not None:
                check()
            self.advance()
        return self.notes()

    @property
    def finished(self) -> bool:
        """Every item has its end token, or the alphabet's limit is reached."""
        return bool(self.done.all()) or len(self.written) >= MAX_TOKENS - 1

    def notes(self) -> list[Tokens]:
        """Note rows of each real item."""
        rows = torch.stack(self.written, dim=1).cpu().numpy().astype(np.int16)
        return [row[row[:, Field.ROLE] != ROLE_NONE] for row in rows[: self.n_items]]

    def advance(self) -> None:
        """Read the last row of every item and draw the next one."""
        self.row = self.draw(self.state())
        self.written.append(self.row)
        self.done |= self.row[:, Field.STEP] == STEP_END

    def draw(self, state: Tensor) -> Tensor:
        """The next row of each item, shape (BLOCK, 6), from the decoder's state."""
        heads = self.heads
        previous = self.row
        bar = previous[:, Field.BAR]
        step = self.pick(Field.STEP, heads.field(0, state), self.step_mask())
        structural = step >= STEP_BAR
        end = step == STEP_END

        state = heads.update(0, state, step)
        role = self.pick(Field.ROLE, heads.field(1, state), self.role_mask(step))
        role = torch.where(structural, ROLE_NONE, role)
        state = heads.update(1, state, role)
        pitch = self.pick(Field.PITCH, heads.field(2, state), self.pitch_mask(step, role))
        pitch = torch.where(structural, PITCH_NONE, pitch)
        state = heads.update(2, state, pitch)
        drums = role == Role.DRUMS
        known = torch.ones(1, DURATION_NONE + 1, dtype=torch.bool, device=self.device)
        known[:, -1] = False
        duration = self.pick(Field.DURATION, heads.field(3, state), known)
        duration = torch.where(structural | drums, DURATION_NONE, duration)
        state = heads.update(3, state, duration)
        known = torch.ones(1, VELOCITY_NONE + 1, dtype=torch.bool, device=self.device)
        known[:, -1] = False
        velocity = self.pick(Field.VELOCITY, heads.field(4, state), known)
        velocity = torch.where(structural, VELOCITY_NONE, velocity)
        bar = torch.where(structural & ~end, bar + 1, bar)
        row = torch.stack([step, role, pitch, duration, velocity, bar], dim=1)
        finished = torch.tensor(structural_token(STEP_END, BARS_PER_CLIP - 1), device=self.device)
        return torch.where(self.done[:, None], finished, row)

    def pick(self, field: Field, logits: Tensor, allowed: Tensor) -> Tensor:
        """One allowed value per item, shape (BLOCK,), by its random number or the most likely."""
        logits = logits.float().masked_fill(~allowed, _NEVER)
        if self.options.temperature <= 0:
            return logits.argmax(-1)
        probabilities = torch.softmax(logits / self.options.temperature, dim=-1)
        ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
        total = ordered.cumsum(-1)
        # A value is drawn from while what is more likely than it sums to less than top_p.
        kept = (total - ordered) < self.options.top_p
        mass = (ordered * kept).sum(-1, keepdim=True)
        target = self.random[:, len(self.written), field][:, None] * mass
        rank = ((total <= target) & kept).sum(-1, keepdim=True)
        rank = torch.minimum(rank, kept.sum(-1, keepdim=True) - 1)
        return order.gather(1, rank)[:, 0]

    def same_step_possible(self) -> Tensor:
        """Whether another note can follow on the previous row's step, shape (BLOCK,).

        Notes of one step come in the order of role and pitch, and drums are one row.
        """
        role, pitch, bar = (self.row[:, f] for f in (Field.ROLE, Field.PITCH, Field.BAR))
        allowed = self.allowed_roles[torch.arange(BLOCK, device=self.device), bar]
        later = (allowed & (self.roles[: len(Role)] > role[:, None])).any(-1)
        return later | ((role < Role.DRUMS) & (pitch < PITCH_NONE - 1))

    def step_mask(self) -> Tensor:
        """Steps that may follow, shape (BLOCK, 75)."""
        step, bar = self.row[:, Field.STEP, None], self.row[:, Field.BAR, None]
        steps = self.steps
        opening = step == STEP_BAR
        held = step == STEP_HELD
        same = self.same_step_possible()[:, None]
        on_grid = steps < self.bar_steps[:, None]
        later = opening | held | (steps > step) | ((steps == step) & same)
        some_role = self.allowed_roles[torch.arange(BLOCK, device=self.device), bar[:, 0]].any(-1)
        full = len(self.written) >= MAX_TOKENS - 2 * BARS_PER_CLIP
        notes = on_grid & later & some_role[:, None]
        pitched = self.allowed_roles[torch.arange(BLOCK, device=self.device), bar[:, 0], :3].any(-1)
        notes |= (
            (steps == STEP_HELD)
            & (bar == 0)
            & (opening | (held & same))
            & (some_role & pitched)[:, None]
        )
        if full:
            notes = torch.zeros_like(notes)
        last = bar == BARS_PER_CLIP - 1
        return notes | ((steps == STEP_BAR) & ~last) | ((steps == STEP_END) & last)

    def role_mask(self, step: Tensor) -> Tensor:
        """Roles that may be written on ``step``, shape (BLOCK, 5)."""
        previous, bar = self.row, self.row[:, Field.BAR]
        allowed = torch.zeros(BLOCK, len(Role) + 1, dtype=torch.bool, device=self.device)
        allowed[:, : len(Role)] = self.allowed_roles[torch.arange(BLOCK, device=self.device), bar]
        allowed[:, Role.DRUMS] &= step != STEP_HELD
        same = (step == previous[:, Field.STEP])[:, None]
        role, pitch = previous[:, Field.ROLE, None], previous[:, Field.PITCH, None]
        again = (self.roles == role) & (role < Role.DRUMS) & (pitch < PITCH_NONE - 1)
        allowed &= ~same | (self.roles > role) | again
        # Rows whose step is a bar line draw no role; any value will do.
        return allowed | (step >= STEP_BAR)[:, None]

    def pitch_mask(self, step: Tensor, role: Tensor) -> Tensor:
        """Pitches, or sets of drums, that ``role`` may strike, shape (BLOCK, 640)."""
        previous = self.row
        drums = (role == Role.DRUMS)[:, None]
        allowed = torch.where(drums, self.pitches > PITCH_NONE, self.pitches < PITCH_NONE)
        same = (step == previous[:, Field.STEP]) & (role == previous[:, Field.ROLE])
        allowed &= ~same[:, None] | drums | (self.pitches > previous[:, Field.PITCH, None])
        if self.options.in_scale:
            scaled = allowed & self.in_scale
            allowed = torch.where(scaled.any(-1, keepdim=True), scaled, allowed)
        return allowed


class _Block(NoteWriter):
    """Items written by the decoder, with its cache."""

    def __init__(
        self, decoder: Decoder, items: Sequence[DecodeItem], width: int, options: DecodeOptions
    ) -> None:
        super().__init__(decoder.heads, items, options)
        self.decoder = decoder
        items, device = self.items, self.device
        kept = Rows.pad([item.kept for item in items], width).to(device)
        self.prefix: Prefix = decoder.prefix(
            torch.stack([item.z for item in items]),
            torch.stack([item.control for item in items]),
            kept,
            self.bar_steps,
        )
        n_prefix = self.prefix.x.shape[1]
        self.n_prefix = n_prefix
        capacity = -(-(n_prefix + MAX_TOKENS) // _SPAN) * _SPAN
        config = decoder.config
        shape = (BLOCK, config.n_heads, capacity, config.d_model // config.n_heads)
        zeros = torch.zeros(2 * config.n_decoder_layers, *shape, device=device)
        self.caches = [
            LayerCache(keys=zeros[2 * i], values=zeros[2 * i + 1])
            for i in range(config.n_decoder_layers)
        ]
        self.visible = torch.zeros(BLOCK, capacity, device=device, dtype=torch.bool)
        self.visible[:, :n_prefix] = self.prefix.mask
        span = -(-n_prefix // _SPAN) * _SPAN
        decoder.run(
            self.prefix.x,
            self.prefix.time,
            self.prefix.step,
            self.prefix.bar,
            additive_mask(self.visible[:, None, :span].expand(-1, n_prefix, -1)),
            self.prefix.context,
            self.caches,
            at=0,
            span=span,
        )

    def state(self) -> Tensor:
        """What the decoder knows after the last row, shape (BLOCK, d_model)."""
        at = self.n_prefix + len(self.written)
        self.visible[:, at] = True
        span = -(-(at + 1) // _SPAN) * _SPAN
        last = self.row[:, None]
        out = self.decoder.run(
            self.decoder.embedding(last),
            token_time(last, self.bar_steps),
            last[..., Field.STEP],
            last[..., Field.BAR],
            additive_mask(self.visible[:, None, :span]),
            self.prefix.context,
            self.caches,
            at=at,
            span=span,
        )
        return out[:, 0]


def before_rows(notes: Tokens, n_bars: int = BARS_PER_CLIP) -> Tokens:
    """Note rows of the last of a clip's ``n_bars`` bars as the bar before the next clip."""
    shown = (notes[:, Field.BAR] == n_bars - 1) & (notes[:, Field.STEP] < STEP_HELD)
    last: Tokens = notes[shown].copy()
    last[:, Field.BAR] = BAR_BEFORE
    return last
