"""Readers to shards: pieces become windows of four bars, each once, split by song, with a report.

This module knows what makes a window fit for training; it does not know any data set.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from musicgen_vae.corpus.duplicates import clip_key, share_splits
from musicgen_vae.corpus.shards import (
    SPLITS,
    PieceInfo,
    Shard,
    save_info,
    save_shard,
    shard_from_windows,
)
from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.errors import ClipError, CorpusError
from musicgen_vae.music.attributes import ORDINAL, Edges, clip_repetition, measure
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip, Piece, Role
from musicgen_vae.music.emotion import ANY_STYLE, Emotion, estimate_emotion
from musicgen_vae.music.tokens import Field, Tokens, clip_to_tokens

MIN_NOTES = 8
MAX_ROWS = 320
MAX_OFF_GRID = 0.02
MAX_REPEATS = 2
"""How often the same notes may come in one song."""
SYNTHETIC = "synthetic"
"""Label of pieces whose accompaniment a program wrote."""

Window = tuple[Clip, Tokens, int, int, bool]
"""A clip, its rows, its piece, its first bar, and whether it is one of the successive clips."""


def piece_windows(piece: Piece, index: int, left_out: Counter[str]) -> Iterator[Window]:
    """Every window of four bars in one meter that is fit for training, in order.

    Args:
        piece: where they are cut from.
        index: of the piece in the corpus.
        left_out: counts the windows passed over, by reason.
    """
    aligned = {first for first, n_bars in piece.spans() if n_bars == BARS_PER_CLIP}
    for first in range(len(piece.bars) - BARS_PER_CLIP + 1):
        bars = piece.bars[first : first + BARS_PER_CLIP]
        if len({bar.meter for bar in bars}) > 1:
            left_out["change of meter"] += 1
            continue
        clip = piece.clip(first)
        if sum(not note.held for note in clip.notes) < MIN_NOTES:
            left_out[f"fewer than {MIN_NOTES} notes"] += 1
            continue
        try:
            rows = clip_to_tokens(clip)
        except ClipError:
            left_out["too many notes"] += 1
            continue
        if len(rows) > MAX_ROWS:
            left_out["too many notes"] += 1
            continue
        yield clip, rows, index, first, first in aligned


@dataclass(kw_only=True)
class Seen:
    """Which clips the corpus has already, in whatever key.

    Attributes:
        song_of: fingerprint of a clip to the song that has it.
        times: how often that song has it.
    """

    song_of: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    times: Counter[bytes] = field(default_factory=Counter)

    def refusal(self, clip: Clip, song: tuple[str, str]) -> str | None:
        """Why a clip of ``song`` is one too many; None if it is not, and then it is noted."""
        key = clip_key(clip)
        if self.song_of.setdefault(key, song) != song:
            return "the same notes in another song"
        if self.times[key] == MAX_REPEATS:
            return f"the same notes {MAX_REPEATS} times in its song already"
        self.times[key] += 1
        return None


@dataclass(kw_only=True)
class Tally:
    """What the successive training clips are like, for the edges of ordinal classes.

    Attributes:
        samples: measured values by attribute.
        emotions: estimates by style, and all of them under ``ANY_STYLE``.
        roles: roles that strike notes.
    """

    samples: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    emotions: dict[str, list[Emotion]] = field(default_factory=lambda: defaultdict(list))
    roles: set[Role] = field(default_factory=set)

    def add(self, clip: Clip, style: str) -> None:
        """Measure one clip."""
        bars = measure(clip)
        for name in ORDINAL:
            self.samples[name].append(getattr(bars, name))
        self.samples["tempo"].append(np.array([clip.tempo_qpm]))
        self.samples["repetition"].append(np.array([clip_repetition(clip)]))
        self.roles.update(clip.roles)
        emotion = estimate_emotion(clip)
        if emotion is not None:
            self.emotions[ANY_STYLE].append(emotion)
            self.emotions[style].append(emotion)

    def edges(self) -> Edges:
        """Of density, polyphony, register, syncopation, tempo and repetition."""
        return Edges.fit({name: np.concatenate(values) for name, values in self.samples.items()})

    def emotion_edges(self) -> dict[str, Edges]:
        """Of valence and arousal, by style."""
        return {
            style: Edges.fit(
                {
                    "valence": np.array([emotion.valence for emotion in members]),
                    "arousal": np.array([emotion.arousal for emotion in members]),
                }
            )
            for style, members in sorted(self.emotions.items())
        }


def build_corpus(items: Iterable[SourcePiece | Failure], out: Path) -> dict[str, Any]:
    """Write shards and ``corpus.json`` under ``out``; returns the report in it.

    Pieces of which more than 2 % of the onsets lie off the grid are left out and counted. Near
    duplicates share a split. The same notes, in whatever key, come from one song only, a song for
    testing before one for training, and at most twice from that.

    Raises:
        CorpusError: if no window is left for training.
    """
    failures: list[dict[str, str]] = []
    usable: list[SourcePiece] = []
    for item in items:
        if isinstance(item, SourcePiece) and item.piece.off_grid <= MAX_OFF_GRID:
            usable.append(item)
            continue
        reason = (
            item.reason
            if isinstance(item, Failure)
            else f"{item.piece.off_grid:.1%} of the onsets lie off the grid"
        )
        failures.append({"source": item.source, "song": item.song, "reason": reason})
    shared = share_splits(usable)
    pieces = [
        PieceInfo(
            title=item.piece.title,
            source=item.source,
            song=item.song,
            licence=item.licence,
            style=item.style,
            labels=dict(item.labels),
        )
        for item in shared
    ]
    seen, tally = Seen(), Tally()
    left_out: Counter[str] = Counter()
    shards: dict[str, Shard] = {}
    out.mkdir(parents=True, exist_ok=True)
    for split in reversed(SPLITS):
        windows: list[Window] = []
        for index, item in enumerate(shared):
            if item.split != split:
                continue
            for window in piece_windows(item.piece, index, left_out):
                refusal = seen.refusal(window[0], (item.source, item.song))
                if refusal is not None:
                    left_out[refusal] += 1
                    continue
                if split == "train" and window[-1]:
                    tally.add(window[0], item.style)
                # Its rows hold the notes; as objects those of all windows would fill gigabytes.
                windows.append((replace(window[0], notes=()), *window[1:]))
        shards[split] = shard_from_windows(windows)
        save_shard(shards[split], out / f"{split}.safetensors")
    if not len(shards["train"]):
        raise CorpusError("no window is left for training; see the reasons above")

    report = {
        "pieces": {split: len({int(i) for i in shards[split].piece}) for split in SPLITS},
        "windows": {split: len(shards[split]) for split in SPLITS},
        "clips": {split: int(shards[split].aligned.sum()) for split in SPLITS},
        "clips_by_source": count_clips(shards, pieces, lambda piece: piece.source),
        "clips_by_style": count_clips(shards, pieces, lambda piece: piece.style),
        "synthetic_clips_by_style": count_clips(
            shards, pieces, lambda piece: piece.style if SYNTHETIC in piece.labels else None
        ),
        "training_clips_with_all_roles": full_bands(shards["train"]),
        "moved_to_another_split": sum(
            a.split != b.split for a, b in zip(usable, shared, strict=True)
        ),
        "windows_left_out": dict(sorted(left_out.items())),
        "pieces_left_out": failures,
    }
    control_info = {
        "styles": sorted({pieces[index].style for index in shards["train"].piece}),
        "edges": tally.edges().values,
        "roles": [role.label for role in sorted(tally.roles)],
        "emotion_edges": {style: e.values for style, e in tally.emotion_edges().items()},
    }
    save_info(out, pieces, {"report": report, "controls": control_info})
    return report


def count_clips(
    shards: Mapping[str, Shard],
    pieces: Sequence[PieceInfo],
    name_of: Callable[[PieceInfo], str | None],
) -> dict[str, dict[str, int]]:
    """Successive clips by name and split; pieces whose name is None do not count."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for split, shard in shards.items():
        for index in shard.piece[shard.aligned]:
            name = name_of(pieces[index])
            if name is not None:
                counts[name][split] += 1
    return {name: {s: counts[name][s] for s in SPLITS} for name in sorted(counts)}


def full_bands(shard: Shard) -> int:
    """Successive clips in which all four roles have notes."""
    roles = shard.tokens[:, Field.ROLE]
    return sum(
        set(range(len(Role))) <= set(roles[shard.offsets[i] : shard.offsets[i + 1]].tolist())
        for i in np.flatnonzero(shard.aligned)
    )
