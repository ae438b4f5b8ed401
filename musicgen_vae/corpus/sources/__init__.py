"""Readers of public data sets, and of a folder of one's own.

Every reader yields what it could read as ``SourcePiece`` and what it could not as ``Failure``, in
a fixed order, so that nothing is lost without a trace. This module knows only these two types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Piece

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class SourcePiece:
    """A piece with what its source says of it.

    Attributes:
        piece: the music.
        source: name of the data set.
        song: id of the song in its source; all clips of a song fall in one split.
        licence: of the encoding, as the source states it.
        style: one word, such as "pop".
        split: one of ``SPLITS``.
        labels: whatever else the source knows of the song.

    Raises:
        CorpusError: if ``split`` is none of ``SPLITS``.
    """

    piece: Piece
    source: str
    song: str
    licence: str
    style: str
    split: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise CorpusError(
                f"split {self.split!r} of song {self.song!r} is not one of {', '.join(SPLITS)}"
            )


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A song that could not be read, and why."""

    source: str
    song: str
    reason: str
