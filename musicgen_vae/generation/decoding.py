"""Drawing notes from the decoder one by one, under the rules of the token alphabet.

Step order, meter and kept roles cannot be violated: what is not allowed has no probability. The
same item gives the same notes alone or in any batch: each has its own random numbers, and matrix
products run with numbers of rows that round alike, to which items are padded.
This module knows tokens and the decoder; it does not know clips or where z comes from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicgen_vae.errors import ControlError
from musicgen_vae.generation.defaults import TOP_P
from musicgen_vae.generation.rules import Mask, Rules, Values
from musicgen_vae.model.layers import LayerCache
from musicgen_vae.model.packing import is_packed
from musicgen_vae.model.vae import N_DRAWN_FIELDS, Decoder, Moments, NoteHeads, Rows, token_time
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

BLOCK = 16
"""Items decoded together, at most."""
GROUP = 4
"""Items whose prefix is read together; packed decoders write any number of groups at once."""
_SPAN = 64
_KEPT_SPAN = 32
_NEVER = -1e9
_MOST_LIKELY = 64
_NONE = {
    Field.ROLE: ROLE_NONE,
    Field.PITCH: PITCH_NONE,
    Field.DURATION: DURATION_NONE,
    Field.VELOCITY: VELOCITY_NONE,
}
_A_DURATION = np.arange(FIELD_SIZES[Field.DURATION])[None] < DURATION_NONE
_A_VELOCITY = np.arange(FIELD_SIZES[Field.VELOCITY])[None] < VELOCITY_NONE


@dataclass(frozen=True, kw_only=True)
class DecodeOptions:
    """How to draw.

    Attributes:
        temperature: divides the logits; 0 takes the most likely value of each field.
        top_p: of the 64 most likely values only the first whose probabilities sum to this are
            drawn (0 to 1]; Holtzman et al., arXiv 1904.09751.
        in_scale: leave out pitches that are not in C major / A natural minor.

    Raises:
        ControlError: if a number is out of range.
    """

    temperature: float = 1.0
    top_p: float = TOP_P
    in_scale: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise ControlError(f"temperature {self.temperature} is no number from 0 on")
        if not 0 < self.top_p <= 1:
            raise ControlError(f"top_p {self.top_p} is not above 0 and at most 1")


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
        noise_level: how noisy z is, 0 to 1, as in ``model.vae.noisy``.
    """

    z: Tensor
    control: Tensor
    kept: Tokens
    kept_roles: tuple[int, ...]
    roles: int
    bar_steps: int
    n_bars: int
    generator: torch.Generator | None
    noise_level: float = 0.0


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
    alike: dict[tuple[int, int], list[int]] = {}
    for index, item in enumerate(items):
        width = -(-len(item.kept) // _KEPT_SPAN) * _KEPT_SPAN
        alike.setdefault((width, item.bar_steps), []).append(index)
    group = GROUP if is_packed(decoder) else BLOCK
    result: dict[int, Tokens] = {}
    for (width, _), indices in alike.items():
        for begin in range(0, len(indices), BLOCK):
            chosen = indices[begin : begin + BLOCK]
            block = padded([items[i] for i in chosen], group)
            notes = _Block(decoder, block, width, group, options).run(check)
            result.update(zip(chosen, notes, strict=False))
    return [result[i] for i in range(len(items))]


def padded(items: Sequence[DecodeItem], multiple: int) -> list[DecodeItem]:
    """A multiple of items, the last of which is repeated."""
    return [*items, *[items[-1]] * (-len(items) % multiple)]


class NoteWriter:
    """B items being written in step, by whatever network ``state`` asks.

    Subclasses say what the network knows before the next row; rules and drawing are the same for
    all, so that other models can be compared on equal terms. What is drawn lies in plain arrays
    on the CPU: a note needs some hundred operations on a few numbers each, which there cost least.
    """

    def __init__(
        self, heads: NoteHeads, items: Sequence[DecodeItem], options: DecodeOptions
    ) -> None:
        self.heads, self.options = heads, options
        self.items, self.device = items, items[0].z.device
        self.bar_steps = torch.tensor([item.bar_steps for item in items], device=self.device)
        self.rules = Rules.of(
            [item.bar_steps for item in items],
            [
                [
                    item.roles & ~kept_roles if bar < item.n_bars else 0
                    for bar, kept_roles in enumerate(item.kept_roles)
                ]
                for item in items
            ],
            options.in_scale,
        )
        self.random = np.stack(
            [
                torch.rand(MAX_TOKENS, N_DRAWN_FIELDS, generator=item.generator).numpy()
                if item.generator is not None and options.temperature > 0
                else np.zeros((MAX_TOKENS, N_DRAWN_FIELDS), dtype=np.float32)
                for item in items
            ]
        )
        self.row = np.tile(np.array(structural_token(STEP_BAR, 0)), (len(items), 1))
        self.done = np.zeros(len(items), dtype=np.bool_)
        self.written: list[Values] = []

    @property
    def last(self) -> Tensor:
        """The last row of each item, for the network to read, shape (B, 6)."""
        return torch.from_numpy(self.row).to(self.device)

    def state(self) -> Tensor:
        """What the network knows after ``last``, shape (B, d_model)."""
        raise NotImplementedError

    def know_step(self, state: Tensor, step: Values) -> Tensor:
        """The state (B, d_model) once the row's step (B,) is known."""
        return state

    def hint(self, field: Field, role: Values) -> Tensor | None:
        """What else the network says of a field of a note of ``role`` (B,), as logits."""
        return None

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
        """Note rows of each item."""
        rows = np.stack(self.written, axis=1).astype(np.int16)
        return [row[row[:, Field.ROLE] != ROLE_NONE] for row in rows]

    def advance(self) -> None:
        """Read the last row of every item and draw the next one."""
        self.row = self.draw(self.state())
        self.written.append(self.row)
        self.done |= self.row[:, Field.STEP] == STEP_END

    def draw(self, state: Tensor) -> Values:
        """The next row of each item, shape (B, 6), from the decoder's state."""
        previous, rules = self.row, self.rules
        step, state = self.pick(Field.STEP, state, rules.steps(previous, len(self.written)))
        structural = step >= STEP_BAR
        state = self.know_step(state, step)
        role, state = self.pick(Field.ROLE, state, rules.roles_at(previous, step), structural)
        pitches = rules.pitches(previous, step, role)
        pitch, state = self.pick(Field.PITCH, state, pitches, structural, role)
        short = structural | (role == Role.DRUMS)
        duration, state = self.pick(Field.DURATION, state, _A_DURATION, short, role)
        velocity, _ = self.pick(Field.VELOCITY, state, _A_VELOCITY, structural, role)
        bar = previous[:, Field.BAR] + (step == STEP_BAR)
        row = np.stack([step, role, pitch, duration, velocity, bar], axis=1)
        row[self.done] = structural_token(STEP_END, BARS_PER_CLIP - 1)
        return row

    def pick(
        self,
        field: Field,
        state: Tensor,
        allowed: Mask,
        none: Mask | None = None,
        role: Values | None = None,
    ) -> tuple[Values, Tensor]:
        """One allowed value per item, by its random number or the most likely.

        Args:
            field: what is drawn.
            state: what is known, shape (B, d_model).
            allowed: shape (B or 1, size of the field).
            none: items whose value is the field's last, "none", shape (B,).
            role: of the note, where it is known and hints can be given, shape (B,).

        Returns:
            Values of shape (B,), and the state that knows them.
        """
        logits = self.heads.field(field, state)
        hint = None if role is None else self.hint(field, role)
        logits = (logits if hint is None else logits + hint).float().cpu()
        logits = torch.where(torch.from_numpy(allowed), logits, _NEVER)
        likely, value = logits.topk(min(_MOST_LIKELY, logits.shape[-1]))
        order: Values = value.numpy()
        rank = self._ranks(likely.numpy(), self.random[:, len(self.written), field])
        chosen: Values = order[np.arange(len(order)), rank]
        if none is not None:
            chosen = np.where(none, _NONE[field], chosen)
        if field < N_DRAWN_FIELDS - 1:
            state = self.heads.update(field, state, torch.from_numpy(chosen).to(self.device))
        return chosen, state

    def _ranks(self, logits: NDArray[np.float32], random: NDArray[np.float32]) -> Values:
        """Which of the values, of falling ``logits`` (B, n), each random number takes."""
        if self.options.temperature <= 0:
            return np.zeros(len(logits), dtype=np.int64)
        share = np.exp((logits - logits[:, :1]) / self.options.temperature)
        share /= share.sum(-1, keepdims=True)
        total = share.cumsum(-1)
        # A value is drawn from while what is more likely than it sums to less than top_p.
        n_kept = (total - share < self.options.top_p).sum(-1)
        target = random * total[np.arange(len(total)), n_kept - 1]
        rank: Values = np.minimum((total <= target[:, None]).sum(-1), n_kept - 1)
        return rank


class _Block(NoteWriter):
    """Items of one meter written by the decoder; prefixes are read ``group`` at a time."""

    def __init__(
        self,
        decoder: Decoder,
        items: Sequence[DecodeItem],
        width: int,
        group: int,
        options: DecodeOptions,
    ) -> None:
        super().__init__(decoder.heads, items, options)
        self.decoder = decoder
        config, n = decoder.config, len(items)
        self.n_prefix = BARS_PER_CLIP + config.n_latents + width
        capacity = -(-(self.n_prefix + MAX_TOKENS) // _SPAN) * _SPAN
        shape = (n, config.n_heads, capacity, config.d_model // config.n_heads)
        zeros = torch.zeros(2 * config.n_decoder_layers, *shape, device=self.device)
        self.caches = [
            LayerCache(keys=zeros[2 * i], values=zeros[2 * i + 1])
            for i in range(config.n_decoder_layers)
        ]
        # What is not yet written is not seen.
        self.unseen = torch.full((n, 1, 1, capacity), _NEVER, device=self.device)
        groups = [slice(begin, begin + group) for begin in range(0, n, group)]
        self.moments = Moments.cat([self.read_prefix(members, width) for members in groups])

    def read_prefix(self, members: slice, width: int) -> Moments:
        """Fill the caches of some items; what z and c say of all that may follow."""
        items = self.items[members]
        prefix = self.decoder.prefix(
            torch.stack([item.z for item in items]),
            torch.stack([item.control for item in items]),
            Rows.pad([item.kept for item in items], width).to(self.device),
            self.bar_steps[members],
            torch.tensor([item.noise_level for item in items], device=self.device),
        )
        span = -(-self.n_prefix // _SPAN) * _SPAN
        unseen = self.unseen[members]
        unseen[..., : self.n_prefix].masked_fill_(prefix.mask[:, None, None], 0.0)
        self.decoder.run(
            prefix.x,
            prefix.time,
            self.decoder.injections(self.decoder.moment(prefix.context, prefix.step, prefix.bar)),
            unseen[..., :span].expand(-1, -1, self.n_prefix, -1),
            [LayerCache(keys=c.keys[members], values=c.values[members]) for c in self.caches],
            at=0,
            span=span,
        )
        return self.decoder.every_moment(prefix.context, items[0].bar_steps)

    def state(self) -> Tensor:
        """What the decoder knows after the last row, shape (B, d_model)."""
        at = self.n_prefix + len(self.written)
        self.unseen[..., at] = 0.0
        span = -(-(at + 1) // _SPAN) * _SPAN
        last, bar = self.last[:, None], self.row[:, Field.BAR]
        injected = self.moments.injected[self.moments.index(bar, self.row[:, Field.STEP])]
        out = self.decoder.run(
            self.decoder.embedding(last),
            token_time(last, self.bar_steps),
            injected[:, None].unbind(2),
            self.unseen[..., :span],
            self.caches,
            at=at,
            span=span,
        )
        return out[:, 0] + self.moments.of_bar[self.moments.bar_index(bar)]

    def know_step(self, state: Tensor, step: Values) -> Tensor:
        """The state (B, d_model) once the row's step (B,) is known."""
        index = self.moments.index(self.row[:, Field.BAR], step)
        self.outline = self.moments.outline[index]
        return state + self.moments.at_step[index]

    def hint(self, field: Field, role: Values) -> Tensor:
        """What the outline says of a field of a note of ``role`` (B,), as logits."""
        return self.decoder.hint(field, self.outline, torch.from_numpy(role).to(self.device))


def before_rows(notes: Tokens, n_bars: int = BARS_PER_CLIP) -> Tokens:
    """Note rows of the last of a clip's ``n_bars`` bars as the bar before the next clip."""
    shown = (notes[:, Field.BAR] == n_bars - 1) & (notes[:, Field.STEP] < STEP_HELD)
    last: Tokens = notes[shown].copy()
    last[:, Field.BAR] = BAR_BEFORE
    return last
