"""Batches: windows of similar length, augmented, with measured controls and kept notes.

Everything is a function of (seed, epoch, batch), so a resumed run sees the same next batch. This
module knows shards and the model's inputs; it does not know losses or the optimiser.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from musicgen_vae.corpus.shards import PieceInfo, Shard
from musicgen_vae.errors import ControlError
from musicgen_vae.model.controls import ControlSpec, measured_arrays
from musicgen_vae.model.vae import Condition, Rows
from musicgen_vae.music.attributes import measure_notes, repetition
from musicgen_vae.music.clip import (
    BARS_PER_CLIP,
    N_VELOCITIES,
    STEPS_PER_BEAT,
    Meter,
    Mode,
    Place,
    Role,
)
from musicgen_vae.music.emotion import Emotion, features_of_notes, shipped_model
from musicgen_vae.music.tokens import BAR_BEFORE, STEP_HELD, VELOCITY_NONE, Field
from musicgen_vae.training.augment import (
    AugmentConfig,
    augment,
    note_columns,
    note_rows,
    with_structure,
)

T = TypeVar("T")
_CHUNK_BATCHES = 50
_N_ROLES = len(Role)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """How batches are made.

    Attributes:
        tokens_per_batch: padded token rows in a batch, about.
        kept_batches: share of batches in which part of each clip is visible as k.
        null_z: share of clips in which the decoder sees the learned null instead of z.
        noisy_z: share of the other clips in which it sees z with noise, of any level.
        drop_all_controls: share of clips for which decoder and prior see no control at all.
        drop_control: share of the controls dropped in the other clips.
        token_dropout: share of the decoder's input rows whose content is hidden.
        emphasis: how many times as often windows of a style are seen as they otherwise would be,
            1 for styles that it does not name.
        augment: probabilities of the augmentations.
    """

    tokens_per_batch: int = 6000
    kept_batches: float = 0.3
    null_z: float = 0.1
    noisy_z: float = 0.5
    drop_all_controls: float = 0.15
    drop_control: float = 0.4
    token_dropout: float = 0.1
    emphasis: Mapping[str, float] = field(default_factory=dict)
    augment: AugmentConfig = AugmentConfig()


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Inputs of one training step; B clips.

    Attributes:
        rows: all rows, for the posterior.
        kept: k, for prior and decoder.
        hidden: the rows to be written.
        measured: c without gaps, for the posterior.
        asked: c with controls dropped, for prior and decoder.
        null_z: shape (B,), clips whose z the decoder does not see.
        noise_level: shape (B,), 0 to 1, how noisy the z is that the decoder sees.
        unknown: shape (B, T_hidden), rows whose content the decoder does not see.
    """

    rows: Rows
    kept: Rows
    hidden: Rows
    measured: Condition
    asked: Condition
    null_z: Tensor
    noise_level: Tensor
    unknown: Tensor

    @property
    def n_tokens(self) -> int:
        """Rows to be written in the batch."""
        return int(self.hidden.mask.sum())

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(**{name: value.to(device) for name, value in vars(self).items()})


def window_weights(
    shard: Shard, pieces: Sequence[PieceInfo], emphasis: Mapping[str, float]
) -> NDArray[np.float64]:
    """How often each window is seen in an epoch on average, shape (N,), with mean 1.

    Inverse to the root of its style's number of windows: of two styles, one with four times the
    windows is heard twice as often, so that no style drowns and none is learnt by heart. Times the
    style's ``emphasis``: styles that are hard to learn deserve more of the time.

    Raises:
        ControlError: if ``emphasis`` names a style that no window has.
    """
    style = np.array([pieces[index].style for index in shard.piece])
    names, kind, count = np.unique(style, return_inverse=True, return_counts=True)
    for name in emphasis.keys() - set(names.tolist()):
        raise ControlError(f"style {name!r} is not one of {', '.join(names)}")
    wanted = np.array([emphasis.get(str(name), 1.0) for name in names])
    weight: NDArray[np.float64] = (wanted / np.sqrt(count))[kind]
    weight /= weight.mean()
    return weight


def plan_epoch(
    shard: Shard,
    tokens_per_batch: int,
    seed: int,
    epoch: int,
    weights: NDArray[np.float64] | None = None,
) -> list[NDArray[np.int64]]:
    """Window indices of each batch of an epoch: similar lengths and one meter per batch.

    Args:
        shard: the windows.
        tokens_per_batch: padded token rows in a batch, about.
        seed: with ``epoch``, decides the order.
        epoch: counted from 0.
        weights: how often each window comes on average, shape (N,); by default once.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(shard))
    if weights is not None:
        copies = np.floor(weights + rng.random(len(weights))).astype(np.int64)
        order = rng.permutation(np.repeat(np.arange(len(shard)), copies))
    lengths = shard.lengths
    meter = shard.meter[:, 0] * 100 + shard.meter[:, 1]
    mean = max(1.0, float(lengths.mean()))
    chunk = max(1, int(_CHUNK_BATCHES * tokens_per_batch / mean))
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), chunk):
        part = order[start : start + chunk]
        part = part[np.lexsort((lengths[part], meter[part]))]
        begin = 0
        for i in range(1, len(part) + 1):
            full = i < len(part) and (i + 1 - begin) * lengths[part[i]] > tokens_per_batch
            other_meter = i < len(part) and meter[part[i]] != meter[part[begin]]
            if i == len(part) or full or other_meter:
                batches.append(part[begin:i])
                begin = i
    return [batches[i] for i in rng.permutation(len(batches))]


def drop_controls(condition: Condition, config: DataConfig, rng: np.random.Generator) -> Condition:
    """The condition with controls unspecified at random: all, some, or some in some bars."""
    batch = condition.clip.shape[0]
    n_bar = condition.bar.shape[-1]
    keep_any = rng.random(batch) >= config.drop_all_controls
    keep_clip = (rng.random(tuple(condition.clip.shape)) >= config.drop_control) & keep_any[:, None]
    keep_control = rng.random((batch, 1, n_bar)) >= config.drop_control
    in_every_bar = rng.random((batch, 1, n_bar)) < 0.7
    keep_bar = keep_control & (in_every_bar | (rng.random((batch, BARS_PER_CLIP, n_bar)) < 0.5))
    keep_bar &= keep_any[:, None, None]
    return Condition(
        clip=condition.clip * torch.from_numpy(keep_clip),
        bar=condition.bar * torch.from_numpy(keep_bar),
        kept_roles=condition.kept_roles,
        bar_steps=condition.bar_steps,
    )


def choose_kept(
    notes: NDArray[np.int64], before: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Which notes are visible as k: whole roles, a span of bars, both, random notes or none.

    Args:
        notes: note rows of the window, shape (n, 6).
        before: note rows of the bar before it (possibly none), already marked ``BAR_BEFORE``.
        rng: randomness.

    Returns:
        Shape (n,) true for kept notes; roles held completely in each bar, shape (4,); the rows
        of the bar before that are shown.
    """
    role, bar = notes[:, Field.ROLE], notes[:, Field.BAR]
    roles = np.unique(role)
    kept = np.zeros(len(notes), dtype=np.bool_)
    kept_roles = np.zeros(BARS_PER_CLIP, dtype=np.int64)
    kind = rng.random()
    if kind < 0.35 and len(roles) > 1:
        chosen = rng.permutation(roles)[: rng.integers(1, len(roles))]
        kept = np.isin(role, chosen)
        kept_roles[:] = (1 << chosen).sum()
    elif kind < 0.55:
        span = np.zeros(BARS_PER_CLIP, dtype=np.bool_)
        length = int(rng.integers(1, BARS_PER_CLIP))
        first = int(rng.integers(0, BARS_PER_CLIP - length + 1))
        span[first : first + length] = True
        kept = ~span[bar]
        kept_roles[~span] = (1 << _N_ROLES) - 1
    elif kind < 0.7:
        # Everything but one role in a span of bars: "regenerate this" (DeepBach).
        hidden_role = int(rng.choice(roles))
        length = int(rng.integers(1, BARS_PER_CLIP + 1))
        first = int(rng.integers(0, BARS_PER_CLIP - length + 1))
        here = (bar >= first) & (bar < first + length)
        kept = ~(here & (role == hidden_role))
        kept_roles[:] = (1 << _N_ROLES) - 1
        kept_roles[first : first + length] -= 1 << hidden_role
    elif kind < 0.85:
        kept = rng.random(len(notes)) < rng.random()
    show_before = before if kind >= 0.85 or rng.random() < 0.3 else before[:0]
    return kept, kept_roles, show_before


def bar_before(shard: Shard, index: int) -> NDArray[np.int64]:
    """Note rows of the bar before window ``index``, marked ``BAR_BEFORE``; none at the start."""
    previous = index - 1
    if previous < 0 or shard.piece[previous] != shard.piece[index]:
        return np.zeros((0, len(Field)), dtype=np.int64)
    if shard.first_bar[previous] != shard.first_bar[index] - 1:
        return np.zeros((0, len(Field)), dtype=np.int64)
    rows = note_rows(shard.rows(previous))
    notes: NDArray[np.int64] = rows[(rows[:, Field.BAR] == 0) & (rows[:, Field.STEP] != STEP_HELD)]
    notes[:, Field.BAR] = BAR_BEFORE
    return notes


def make_batch(
    shard: Shard,
    indices: NDArray[np.int64],
    pieces: Sequence[PieceInfo],
    spec: ControlSpec,
    config: DataConfig | None,
    rng: np.random.Generator,
) -> Batch:
    """A batch of windows of one meter.

    Args:
        shard: where they come from.
        indices: which windows.
        pieces: of the corpus, for their style.
        spec: the model's controls.
        config: how to augment, keep and drop; None for evaluation, with none of these.
        rng: randomness.
    """
    meter = Meter(
        numerator=int(shard.meter[indices[0], 0]), denominator=int(shard.meter[indices[0], 1])
    )
    show_kept = config is not None and rng.random() < config.kept_batches
    modes, places = tuple(Mode), tuple(Place)
    whole, kept, hidden, clip_controls, bar_controls, kept_roles = [], [], [], [], [], []
    for index in indices:
        notes = note_rows(shard.rows(index))
        before = bar_before(shard, index) if show_kept else notes[:0]
        if config is not None and (not len(before) or rng.random() < 0.5):
            other = note_rows(shard.rows(rng.choice(indices)))
            notes = augment(notes, other, config.augment, rng)
            before = before[:0]
        start, role, pitch, duration, held = note_columns(notes, meter)
        clip_control, bar_control = measured_arrays(
            measure_notes(start, role, pitch, duration, held, meter=meter),
            spec,
            style=pieces[shard.piece[index]].style,
            mode=modes[int(shard.minor[index])],
            meter=meter,
            tempo_qpm=float(shard.tempo[index]),
            place=places[shard.place[index]],
            emotion=_emotion(shard, index, notes, start, role, pitch, duration),
            repetition=repetition(start, role, pitch, meter.steps),
        )
        clip_controls.append(clip_control)
        bar_controls.append(bar_control)
        whole.append(with_structure(notes))
        if show_kept:
            is_kept, roles, shown = choose_kept(notes, before, rng)
            kept.append(np.concatenate([shown, notes[is_kept]]))
            hidden.append(with_structure(notes[~is_kept]))
            kept_roles.append(roles)
        else:
            kept.append(notes[:0])
            hidden.append(whole[-1])
            kept_roles.append(np.zeros(BARS_PER_CLIP, dtype=np.int64))

    n_clips = len(indices)
    bar_steps = torch.full((n_clips,), meter.steps)
    measured = Condition(
        clip=torch.from_numpy(np.stack(clip_controls)),
        bar=torch.from_numpy(np.stack(bar_controls)),
        kept_roles=torch.zeros(n_clips, BARS_PER_CLIP, dtype=torch.long),
        bar_steps=bar_steps,
    )
    asked = Condition(
        clip=measured.clip,
        bar=measured.bar,
        kept_roles=torch.from_numpy(np.stack(kept_roles)),
        bar_steps=bar_steps,
    )
    hidden_rows = Rows.pad(hidden)
    null_z = np.zeros(n_clips, dtype=np.bool_)
    noise_level = np.zeros(n_clips, dtype=np.float32)
    unknown = np.zeros(tuple(hidden_rows.mask.shape), dtype=np.bool_)
    if config is not None:
        asked = drop_controls(asked, config, rng)
        null_z = rng.random(n_clips) < config.null_z
        is_noisy = ~null_z & (rng.random(n_clips) < config.noisy_z)
        noise_level = np.where(is_noisy, rng.random(n_clips), 0.0).astype(np.float32)
        unknown = rng.random(unknown.shape) < config.token_dropout
    return Batch(
        rows=Rows.pad(whole),
        kept=Rows.pad(kept),
        hidden=hidden_rows,
        measured=measured,
        asked=asked,
        null_z=torch.from_numpy(null_z),
        noise_level=torch.from_numpy(noise_level),
        unknown=torch.from_numpy(unknown),
    )


def _emotion(
    shard: Shard,
    index: int,
    notes: NDArray[np.int64],
    start: NDArray[np.int64],
    role: NDArray[np.int64],
    pitch: NDArray[np.int64],
    duration: NDArray[np.int64],
) -> Emotion | None:
    """The emotion of a window's notes at its own key and tempo; None without a pitched note."""
    pitched = role != Role.DRUMS
    if not pitched.any():
        return None
    step_s = 60.0 / (float(shard.tempo[index]) * STEPS_PER_BEAT)
    velocity = notes[pitched, Field.VELOCITY]
    features = features_of_notes(
        start[pitched] * step_s,
        (start + duration)[pitched] * step_s,
        (pitch[pitched] + shard.key(index).shift).astype(np.float64),
        np.where(velocity == VELOCITY_NONE, np.nan, velocity / (N_VELOCITIES - 1)),
    )
    return shipped_model().estimate(features)


@dataclass(frozen=True, kw_only=True)
class BatchStream(IterableDataset[tuple[int, int, Batch]]):
    """Endless (epoch, index of the batch, batch), from batch ``first`` of ``epoch`` on.

    Of ``n_ranks`` processes, each takes every n-th batch from ``first + rank`` on; an epoch ends
    where not all of them would get one. The workers of a ``DataLoader`` share a stream out without
    changing its order.
    """

    shard: Shard
    pieces: Sequence[PieceInfo]
    spec: ControlSpec
    config: DataConfig
    seed: int
    epoch: int = 0
    first: int = 0
    rank: int = 0
    n_ranks: int = 1

    def __iter__(self) -> Iterator[tuple[int, int, Batch]]:
        worker = get_worker_info()
        share = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for epoch, index, windows in islice(self.planned(), share[0], None, share[1]):
            rng = np.random.default_rng([self.seed, epoch, index])
            yield (
                epoch,
                index,
                make_batch(self.shard, windows, self.pieces, self.spec, self.config, rng),
            )

    def planned(self) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
        """Epoch, index and windows of each batch to be made."""
        weights = window_weights(self.shard, self.pieces, self.config.emphasis)
        epoch, first = self.epoch, self.first
        while True:
            plan = plan_epoch(self.shard, self.config.tokens_per_batch, self.seed, epoch, weights)
            whole = max(1, (len(plan) - first) // self.n_ranks) * self.n_ranks
            for index in range(first + self.rank, min(first + whole, len(plan)), self.n_ranks):
                yield epoch, index, plan[index]
            epoch, first = epoch + 1, 0


def loaded(stream: BatchStream, n_loaders: int = 0) -> Iterator[tuple[int, int, Batch]]:
    """The batches of ``stream``, made ahead of time.

    Args:
        stream: what to make.
        n_loaders: processes that make them: a CPU that trains needs none beside its own thread, a
            GPU a dozen.
    """
    return ahead(iter(DataLoader(stream, batch_size=None, num_workers=n_loaders)))


def ahead(stream: Iterator[T]) -> Iterator[T]:
    """The same items, each made in a thread while the one before is used."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(next, stream)
        while True:
            item = coming.result()
            coming = pool.submit(next, stream)
            yield item
