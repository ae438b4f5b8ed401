"""Readers to shards: pieces become windows of four bars, split by song, with a report.

This module knows what makes a window fit for training; it does not know any data set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musicgen_vae.corpus.shards import (
    SPLITS,
    PieceInfo,
    save_info,
    save_shard,
    shard_from_windows,
)
from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.errors import ClipError, CorpusError
from musicgen_vae.music.attributes import ORDINAL, Edges, clip_repetition, measure
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip, Piece, Role
from musicgen_vae.music.emotion import ANY_STYLE, Emotion, estimate_emotion
from musicgen_vae.music.tokens import Tokens, clip_to_tokens

MIN_NOTES = 8
MAX_ROWS = 320
MAX_OFF_GRID = 0.02

Window = tuple[Clip, Tokens, int, int, bool]


def piece_windows(piece: Piece, index: int, left_out: Counter[str]) -> list[Window]:
    """Every window of four bars in one meter that is fit for training, in order.

    Args:
        piece: where they are cut from.
        index: of the piece in the corpus.
        left_out: counts the windows passed over, by reason.
    """
    aligned = {first for first, n_bars in piece.spans() if n_bars == BARS_PER_CLIP}
    windows = []
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
        windows.append((clip, rows, index, first, first in aligned))
    return windows


def build_corpus(items: Iterable[SourcePiece | Failure], out: Path) -> dict[str, Any]:
    """Write shards and ``corpus.json`` under ``out``; returns the report in it.

    Pieces of which more than 2 % of the onsets lie off the grid are left out and counted.

    Raises:
        CorpusError: if no window is left for training.
    """
    pieces: list[PieceInfo] = []
    windows: dict[str, list[Window]] = {split: [] for split in SPLITS}
    left_out: Counter[str] = Counter()
    failures: list[dict[str, str]] = []
    for item in items:
        if isinstance(item, Failure):
            failures.append({"source": item.source, "song": item.song, "reason": item.reason})
            continue
        if item.piece.off_grid > MAX_OFF_GRID:
            reason = f"{item.piece.off_grid:.1%} of the onsets lie off the grid"
            failures.append({"source": item.source, "song": item.song, "reason": reason})
            continue
        pieces.append(
            PieceInfo(
                title=item.piece.title,
                source=item.source,
                song=item.song,
                licence=item.licence,
                style=item.style,
                labels=dict(item.labels),
            )
        )
        windows[item.split].extend(piece_windows(item.piece, len(pieces) - 1, left_out))
    if not windows["train"]:
        raise CorpusError("no window is left for training; see the reasons above")

    out.mkdir(parents=True, exist_ok=True)
    shards = {split: shard_from_windows(windows[split]) for split in SPLITS}
    for split, shard in shards.items():
        save_shard(shard, out / f"{split}.safetensors")
    train = [
        (clip, pieces[index].style) for clip, _, index, _, aligned in windows["train"] if aligned
    ]
    report = {
        "pieces": {split: len({int(i) for i in shard.piece}) for split, shard in shards.items()},
        "windows": {split: len(shard) for split, shard in shards.items()},
        "clips": {split: int(shard.aligned.sum()) for split, shard in shards.items()},
        "windows_left_out": dict(sorted(left_out.items())),
        "pieces_left_out": failures,
    }
    control_info = {
        "styles": sorted({style for _, style in train}),
        "edges": fit_edges([clip for clip, _ in train]).values,
        "roles": [role.label for role in Role if any(role in clip.roles for clip, _ in train)],
        "emotion_edges": {style: e.values for style, e in fit_emotion_edges(train).items()},
    }
    save_info(out, pieces, {"report": report, "controls": control_info})
    return report


def fit_edges(clips: Sequence[Clip]) -> Edges:
    """Edges of the ordinal classes from the successive training clips."""
    measured = [measure(clip) for clip in clips]
    samples = {name: np.concatenate([getattr(bars, name) for bars in measured]) for name in ORDINAL}
    samples["tempo"] = np.array([clip.tempo_qpm for clip in clips], dtype=np.float64)
    samples["repetition"] = np.array([clip_repetition(clip) for clip in clips])
    return Edges.fit(samples)


def fit_emotion_edges(clips: Iterable[tuple[Clip, str]]) -> dict[str, Edges]:
    """Edges of valence and arousal of each style, and of all together under ``ANY_STYLE``.

    Args:
        clips: successive training clips with their styles.
    """
    emotions: dict[str, list[Emotion]] = {ANY_STYLE: []}
    for clip, style in clips:
        emotion = estimate_emotion(clip)
        if emotion is not None:
            emotions[ANY_STYLE].append(emotion)
            emotions.setdefault(style, []).append(emotion)
    return {
        style: Edges.fit(
            {
                "valence": np.array([emotion.valence for emotion in members]),
                "arousal": np.array([emotion.arousal for emotion in members]),
            }
        )
        for style, members in sorted(emotions.items())
        if members
    }
