"""The built corpus on disk: windows of four bars as flat token arrays, memory-mapped.

One folder holds ``train.safetensors``, ``validation.safetensors``, ``test.safetensors`` and
``corpus.json`` (the pieces, the edges of the ordinal classes, the build's report). A window starts
at any bar of a piece; windows of one piece follow each other. This module knows the file layout;
it does not know where pieces come from or how windows are drawn in training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Clip, Key, Meter, Mode, Place
from musicgen_vae.music.tokens import Tokens, tokens_to_notes

SPLITS = ("train", "validation", "test")
INFO_FILE = "corpus.json"


@dataclass(frozen=True, kw_only=True)
class PieceInfo:
    """What is known of a piece besides its notes."""

    title: str
    source: str
    song: str
    licence: str
    style: str
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The windows of one split; N windows, M token rows in all.

    Attributes:
        tokens: shape (M, 6), int16.
        offsets: shape (N + 1,), where each window's rows start.
        piece: shape (N,), index into the corpus's pieces.
        first_bar: shape (N,), bar of the piece at which the window starts.
        aligned: shape (N,), true for the piece's successive clips (stride of 4 bars).
        meter: shape (N, 2), numerator and denominator.
        tonic, minor, place: shape (N,), the key and the index into ``Place``.
        tempo: shape (N,), quarter notes per minute.
        programs: shape (N, 4).
    """

    tokens: NDArray[np.int16]
    offsets: NDArray[np.int64]
    piece: NDArray[np.int32]
    first_bar: NDArray[np.int32]
    aligned: NDArray[np.bool_]
    meter: NDArray[np.int16]
    tonic: NDArray[np.int16]
    minor: NDArray[np.bool_]
    place: NDArray[np.int16]
    tempo: NDArray[np.float32]
    programs: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.piece)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Token rows of each window, shape (N,)."""
        return np.diff(self.offsets)

    def rows(self, index: int) -> Tokens:
        """The token rows of window ``index``, shape (T, 6)."""
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]

    def key(self, index: int) -> Key:
        """Key of window ``index``."""
        mode = Mode.MINOR if self.minor[index] else Mode.MAJOR
        return Key(tonic=int(self.tonic[index]), mode=mode)

    def clip(self, index: int) -> Clip:
        """Window ``index`` as a clip."""
        meter = Meter(numerator=int(self.meter[index, 0]), denominator=int(self.meter[index, 1]))
        programs = self.programs[index].tolist()
        return Clip(
            notes=tokens_to_notes(self.rows(index), meter.steps),
            meter=meter,
            key=self.key(index),
            tempo_qpm=float(self.tempo[index]),
            programs=(programs[0], programs[1], programs[2], programs[3]),
            place=tuple(Place)[int(self.place[index])],
        )


def shard_from_windows(windows: Sequence[tuple[Clip, Tokens, int, int, bool]]) -> Shard:
    """A shard from (clip, its rows, piece, first bar, aligned) of each window."""
    clips = [clip for clip, *_ in windows]
    places = tuple(Place)
    lengths = [len(rows) for _, rows, *_ in windows]
    return Shard(
        tokens=np.concatenate([rows for _, rows, *_ in windows]).astype(np.int16)
        if windows
        else np.zeros((0, 6), np.int16),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        piece=np.array([w[2] for w in windows], dtype=np.int32),
        first_bar=np.array([w[3] for w in windows], dtype=np.int32),
        aligned=np.array([w[4] for w in windows], dtype=np.bool_),
        meter=np.array(
            [(c.meter.numerator, c.meter.denominator) for c in clips], dtype=np.int16
        ).reshape(-1, 2),
        tonic=np.array([c.key.tonic for c in clips], dtype=np.int16),
        minor=np.array([c.key.mode is Mode.MINOR for c in clips], dtype=np.bool_),
        place=np.array([places.index(c.place or Place.MIDDLE) for c in clips], dtype=np.int16),
        tempo=np.array([c.tempo_qpm for c in clips], dtype=np.float32),
        programs=np.array([c.programs for c in clips], dtype=np.int16).reshape(-1, 4),
    )


def save_shard(shard: Shard, path: Path) -> None:
    """Write a shard as safetensors."""
    save_file({name: np.ascontiguousarray(v) for name, v in vars(shard).items()}, path)


def load_shard(path: Path) -> Shard:
    """Read a shard; raises ``CorpusError`` when it is missing or of another layout."""
    try:
        return Shard(**load_file(path))
    except (OSError, SafetensorError, TypeError) as error:
        raise CorpusError(
            f"no built corpus at {path}: run python -m musicgen_vae build first"
        ) from error


def save_info(folder: Path, pieces: Sequence[PieceInfo], extra: Mapping[str, Any]) -> None:
    """Write ``corpus.json``."""
    data = {"pieces": [{**vars(p), "labels": dict(p.labels)} for p in pieces], **extra}
    text = json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / INFO_FILE).write_text(text + "\n", encoding="utf-8")


def load_info(folder: Path) -> tuple[tuple[PieceInfo, ...], dict[str, Any]]:
    """The pieces and everything else in ``corpus.json``; raises ``CorpusError``."""
    try:
        data = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))
        pieces = tuple(PieceInfo(**piece) for piece in data.pop("pieces"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(
            f"no built corpus in {folder}: run python -m musicgen_vae build first"
        ) from error
    return pieces, data
