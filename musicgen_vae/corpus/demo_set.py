"""A small, varied choice of clips to show: what the map and the examples of the page draw on.

This module knows clips and what their source says of them; it does not know models, tokens or how
the choice is stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from musicgen_vae.corpus.build import MAX_OFF_GRID, MIN_NOTES
from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip, Note, Piece

PER_SONG = 3


@dataclass(frozen=True, kw_only=True)
class DemoClip:
    """A clip and what is said of it where it is shown.

    Attributes:
        clip: four bars, none of them without a new note.
        first_bar: of the piece, counted from 0.
        title, source, song, style, licence, labels: of the piece, as in ``SourcePiece``.
    """

    clip: Clip
    first_bar: int
    title: str
    source: str
    song: str
    style: str
    licence: str
    labels: Mapping[str, str]


def demo_clips(
    pieces: Iterable[SourcePiece | Failure], n: int = 1200, seed: int = 0
) -> list[DemoClip]:
    """About ``n`` clips, as many of each style as there are, from as many songs as there are.

    Clips begin where the music does, after a pickup, or a multiple of four bars later. No two are
    the same in relative pitch, and no song gives more than ``PER_SONG``.

    Args:
        pieces: what the readers found; failures and pieces off the grid are passed over.
        n: how many clips; there are fewer if the pieces do not give so many.
        seed: the same seed and pieces give the same clips.

    Returns:
        The clips in the order of their styles and titles.
    """
    generator = np.random.default_rng(seed)
    songs: dict[str, list[list[DemoClip]]] = defaultdict(list)
    for piece in pieces:
        if isinstance(piece, SourcePiece) and piece.piece.off_grid <= MAX_OFF_GRID:
            songs[piece.style].append(_clips(piece))
    queues = [_queue(songs[style], generator) for style in sorted(songs)]
    seen: set[tuple[str, tuple[Note, ...]]] = set()
    chosen: list[DemoClip] = []
    # One from each style in turn: where a style runs out the others fill its place.
    for candidate in (one for turn in zip_longest(*queues) for one in turn if one is not None):
        content = (str(candidate.clip.meter), candidate.clip.notes)
        if len(chosen) == n:
            break
        if content not in seen:
            seen.add(content)
            chosen.append(candidate)
    return sorted(chosen, key=lambda c: (c.style, c.title, c.song))


def _clips(source: SourcePiece) -> list[DemoClip]:
    """The piece's clips that are fit to be shown."""
    piece = source.piece
    result = []
    for first in range(_first_full_bar(piece), len(piece.bars) - BARS_PER_CLIP + 1, BARS_PER_CLIP):
        if len({bar.meter for bar in piece.bars[first : first + BARS_PER_CLIP]}) > 1:
            continue
        clip = piece.clip(first)
        struck = [note.start // clip.meter.steps for note in clip.notes if not note.held]
        if len(struck) >= MIN_NOTES and len(set(struck)) == BARS_PER_CLIP:
            result.append(
                DemoClip(
                    clip=clip,
                    first_bar=first,
                    title=piece.title,
                    source=source.source,
                    song=source.song,
                    style=source.style,
                    licence=source.licence,
                    labels=source.labels,
                )
            )
    return result


def _first_full_bar(piece: Piece) -> int:
    """1 if the music begins in the second half of bar 0, as a pickup does, or else 0."""
    first = min((note.start for note in piece.notes), default=0)
    return int(bool(piece.bars) and 2 * first >= piece.bars[0].meter.steps)


def _queue(songs: Sequence[Sequence[DemoClip]], generator: np.random.Generator) -> list[DemoClip]:
    """One clip of every song, then a second, up to ``PER_SONG``; otherwise in random order."""
    picks = [[clips[i] for i in generator.permutation(len(clips))[:PER_SONG]] for clips in songs]
    queue: list[DemoClip] = []
    for turn in zip_longest(*picks):
        left = [clip for clip in turn if clip is not None]
        queue += [left[i] for i in generator.permutation(len(left))]
    return queue
