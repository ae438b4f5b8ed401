"""The OpenScore Lieder corpus: songs of the long nineteenth century for voice and piano.

The voice is the melody and the piano the accompaniment: its lowest line is the bass where it moves
as one, everything else is harmony. With several voices the first is the melody; without a piano the
lowest of three or more is the bass. Each section in a key of its own is a piece.

This module knows how these scores name their parts; ``scores`` knows how to read them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.folder import split_of
from musicgen_vae.corpus.sources.key_sections import split_by_key
from musicgen_vae.corpus.sources.openscore import LICENCE, Entry, list_entries
from musicgen_vae.corpus.sources.scores import (
    Part,
    assemble,
    lay_out,
    parse_score,
    read_part,
    staves_by_part,
)
from musicgen_vae.errors import CorpusError, InputError
from musicgen_vae.music.clip import Bar, Note, Piece, Role
from musicgen_vae.music.roles import split_roles

RoleNotes = tuple[Role, int, tuple[Note, ...]]
"""A role, a General MIDI program and the notes that it is for."""

SOURCE = "OpenScore Lieder"
STYLE = "art song"
_QPM = 80.0
_VOICE, _PIANO = 53, 0
"""General MIDI programs."""
_NOT_PLAYED = ("practice", "facilit", "ossia")
"""Parts so called repeat what others have."""


@dataclass(frozen=True, kw_only=True)
class _Player:
    """A part of the score and what it is."""

    part: Part
    is_keyboard: bool
    sings: bool


def read_lieder(folder: Path) -> Iterator[SourcePiece | Failure]:
    """The sections of every song, in order.

    Raises:
        CorpusError: if there is no song.
    """
    for entry in list_entries(folder):
        yield from read_song(entry)


def read_song(entry: Entry) -> tuple[SourcePiece | Failure, ...]:
    """One song as its sections, or a ``Failure`` that says why it cannot be used."""
    try:
        sections = _sections(entry)
    except InputError as error:
        return (Failure(source=SOURCE, song=entry.name, reason=str(error)),)
    labels = {"composer": entry.composer}
    if entry.collection:
        labels["collection"] = entry.collection
    return tuple(
        SourcePiece(
            piece=section,
            source=SOURCE,
            song=entry.name,
            licence=LICENCE,
            style=STYLE,
            # Versions of one song, in other keys or for other voices, fall in one split.
            split=split_of(f"{entry.composer}: {entry.title}"),
            labels=labels,
        )
        for section in sections
    )


def _sections(entry: Entry) -> tuple[Piece, ...]:
    parts = [
        (name, staves)
        for name, staves in staves_by_part(parse_score(entry.path))
        if not any(word in name.lower() for word in _NOT_PLAYED)
    ]
    if not parts:
        raise CorpusError("it has no parts")
    layout = lay_out([staff for _, staves in parts for staff in staves], tempo_qpm=_QPM)
    players = [
        _Player(
            part=read_part(staves, layout),
            is_keyboard=len(staves) > 1,
            sings=len(staves) == 1 and _has_words(staves[0]),
        )
        for _, staves in parts
    ]
    players = [player for player in players if player.part.notes]
    off_grid = [step for player in players for step in player.part.off_grid]
    piece = assemble(
        _assign(players, layout.bars), layout, n_off_grid=len(off_grid), title=entry.title
    )
    return split_by_key(piece, off_grid)


def _has_words(staff: Any) -> bool:
    return any(note.lyrics for note in staff.recurse().notes)


def _assign(players: Sequence[_Player], bars: Sequence[Bar]) -> list[RoleNotes]:
    """The roles of what everybody plays.

    Raises:
        CorpusError: if nobody sings.
    """
    singers = [player for player in players if player.sings]
    if not singers:
        raise CorpusError("it has no part with words")
    lowest = None
    if len(singers) > 2 and not any(player.is_keyboard for player in players):
        lowest = min(singers[1:], key=lambda singer: _mean_pitch(singer.part.notes))
    result = []
    for player in players:
        notes = player.part.notes
        if player.is_keyboard:
            result += _keyboard(notes, bars)
        elif player is singers[0]:
            result.append((Role.MELODY, _VOICE, notes))
        else:
            role = Role.BASS if player is lowest else Role.HARMONY
            result.append((role, _VOICE, notes))
    return result


def _keyboard(notes: tuple[Note, ...], bars: Sequence[Bar]) -> list[RoleNotes]:
    """Bass and harmony of what two hands play.

    Bass is what the heuristic for one instrument takes for it, without what lies more than an
    octave above the lowest note of its bar: chords struck after a bass note, while it rests.
    """
    split = split_roles(notes)
    lines = [bar.start for bar in bars]
    place = [bisect_right(lines, note.start) for note in split]
    lowest: dict[int, int] = {}
    for bar, note in zip(place, split, strict=True):
        lowest[bar] = min(note.pitch, lowest.get(bar, note.pitch))
    is_bass = [
        note.role is Role.BASS and note.pitch <= lowest[bar] + 12
        for bar, note in zip(place, split, strict=True)
    ]
    bass = tuple(note for note, low in zip(split, is_bass, strict=True) if low)
    rest = tuple(note for note, low in zip(split, is_bass, strict=True) if not low)
    return [(Role.HARMONY, _PIANO, rest), (Role.BASS, _PIANO, bass)]


def _mean_pitch(notes: Sequence[Note]) -> float:
    return sum(note.pitch for note in notes) / len(notes)
