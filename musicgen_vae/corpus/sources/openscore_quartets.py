"""The OpenScore String Quartet corpus.

First violin is melody, second violin and viola are harmony, cello is bass. A file holds all
movements of a quartet; each section of each movement in a key of its own is a piece.

This module knows how these scores are laid out; ``scores`` knows how to read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.folder import split_of
from musicgen_vae.corpus.sources.key_sections import split_by_key
from musicgen_vae.corpus.sources.openscore import LICENCE, Entry, list_entries
from musicgen_vae.corpus.sources.scores import (
    assemble,
    lay_out,
    movements,
    parse_score,
    read_part,
    staves_by_part,
)
from musicgen_vae.errors import CorpusError, InputError
from musicgen_vae.music.clip import Piece, Role

SOURCE = "OpenScore String Quartets"
STYLE = "string quartet"
_QPM = 100.0
_DESKS = ((Role.MELODY, 40), (Role.HARMONY, 41), (Role.HARMONY, 41), (Role.BASS, 42))
"""Role and General MIDI program of the four parts; the viola's serves for all of the harmony."""


def read_quartets(folder: Path) -> Iterator[SourcePiece | Failure]:
    """The sections of every movement of every quartet, in order.

    Raises:
        CorpusError: if there is no quartet.
    """
    for entry in list_entries(folder):
        yield from read_quartet(entry)


def read_quartet(entry: Entry) -> tuple[SourcePiece | Failure, ...]:
    """One quartet as the sections of its movements, with a ``Failure`` for each that fails."""
    try:
        parts = staves_by_part(parse_score(entry.path))
        if [len(staves) for _, staves in parts] != [1] * len(_DESKS):
            raise CorpusError(f"it has the parts {', '.join(name for name, _ in parts)}")
    except InputError as error:
        return (Failure(source=SOURCE, song=entry.name, reason=str(error)),)
    staves = [staff for _, (staff,) in parts]
    result: list[SourcePiece | Failure] = []
    spans = movements(staves[0])
    for number, span in enumerate(spans, start=1):
        title = f"{entry.title}, movement {number}" if len(spans) > 1 else entry.title
        try:
            sections = _sections(staves, span, title)
        except InputError as error:
            reason = f"movement {number}: {error}"
            result.append(Failure(source=SOURCE, song=entry.name, reason=reason))
            continue
        result += [
            SourcePiece(
                piece=section,
                source=SOURCE,
                song=entry.name,
                licence=LICENCE,
                style=STYLE,
                split=split_of(entry.name),
                labels={"composer": entry.composer},
            )
            for section in sections
        ]
    return tuple(result)


def _sections(staves: list[Any], span: range, title: str) -> tuple[Piece, ...]:
    """The sections of the movement whose measures are ``span``."""
    layout = lay_out(staves, tempo_qpm=_QPM, measures=span)
    parts = [read_part([staff], layout) for staff in staves]
    off_grid = [step for part in parts for step in part.off_grid]
    piece = assemble(
        [(role, gm, part.notes) for (role, gm), part in zip(_DESKS, parts, strict=True)],
        layout,
        n_off_grid=len(off_grid),
        title=title,
    )
    return split_by_key(piece, off_grid)
