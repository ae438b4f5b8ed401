"""OpenEWLD: lead sheets of old popular songs.

502 sheets from the former Wikifonia, which the compilers of the Enhanced Wikifonia Leadsheet
Dataset (Simonetta, 2018) take to be in the public domain, with genres and dates in a database. The
sheets give melody and chord symbols; harmony and bass are a plain reading of the symbols.

This module knows the database and the folders; ``lead_sheets`` knows how to read a sheet.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.folder import split_of
from musicgen_vae.corpus.sources.lead_sheets import (
    ChordSymbol,
    LeadSheet,
    accompany,
    read_lead_sheet,
)
from musicgen_vae.errors import CorpusError, InputError
from musicgen_vae.music.clip import Meter, Piece, Role
from musicgen_vae.music.key import estimate_key
from musicgen_vae.music.roles import Programs, Track, assign_roles

SOURCE = "OpenEWLD"
LICENCE = "MIT (collection; scores in the public domain according to its compilers)"

_JAZZ, _VINTAGE = "jazz standard", "vintage song"
_PROGRAMS: dict[str, Programs] = {_JAZZ: (66, 0, 32, 0), _VINTAGE: (71, 0, 32, 0)}
"""General MIDI programs: tenor saxophone or clarinet over piano and double bass."""
_JAZZ_SINCE = 1918
"""Songs from this year on count as jazz standards, and older ones that the database files under
jazz; but not waltzes. Its genres are those of recordings, often of the rock era, and say little
else of the song."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A lead sheet and what the database says of it.

    Attributes:
        path: of the compressed MusicXML file.
        song: its folder below ``dataset``.
        title: of the song.
        authors: composers and writers, by name.
        genres: genres and styles of recordings of it, commonest first.
        year: of the first performance, if it is known.
    """

    path: Path
    song: str
    title: str
    authors: tuple[str, ...]
    genres: tuple[str, ...]
    year: int | None


def list_songs(folder: Path) -> tuple[Entry, ...]:
    """Every song of the data set in ``folder``, in the order of the paths.

    Raises:
        CorpusError: if the database is missing or damaged.
    """
    database = folder / "OpenEWLD.db"
    if not database.is_file():
        raise CorpusError(f"there is no {database}: give the folder of OpenEWLD")
    connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    try:
        return _entries(folder, connection)
    except sqlite3.Error as error:
        raise CorpusError(f"{database} cannot be read: {error}") from error
    finally:
        connection.close()


def read_openewld(folder: Path) -> Iterator[SourcePiece | Failure]:
    """Every song, in order.

    Raises:
        CorpusError: if the database is missing or damaged.
    """
    for entry in list_songs(folder):
        yield read_song(entry)


def read_song(entry: Entry) -> SourcePiece | Failure:
    """One song; a ``Failure`` says why it cannot be used."""
    found = read_with_chords(entry)
    return found if isinstance(found, Failure) else found[0]


def read_with_chords(entry: Entry) -> tuple[SourcePiece, tuple[ChordSymbol, ...]] | Failure:
    """One song as ``read_song`` gives it, and its chord symbols."""
    try:
        sheet = read_lead_sheet(entry.path, title=entry.title)
        if not sheet.chords:
            raise CorpusError("it has no chord symbols")
    except (InputError, OSError) as error:
        return Failure(source=SOURCE, song=entry.song, reason=str(error))
    waltz = _is_waltz(sheet.melody)
    style = style_of(entry, waltz=waltz)
    labels = {
        "composer": ", ".join(entry.authors),
        "genres": ", ".join(entry.genres),
        "year": str(entry.year or ""),
        "dance": "waltz" if waltz else "",
        "harmony": "from chord symbols",
    }
    item = SourcePiece(
        piece=_realise(sheet, _PROGRAMS[style]),
        source=SOURCE,
        song=entry.song,
        licence=LICENCE,
        style=style,
        split=split_of(entry.title.lower()),
        labels={name: text for name, text in labels.items() if text},
    )
    return item, sheet.chords


def style_of(entry: Entry, *, waltz: bool) -> str:
    """What kind of song it is, in a word or two."""
    is_late = entry.year is not None and entry.year >= _JAZZ_SINCE
    return _JAZZ if not waltz and (is_late or "Jazz" in entry.genres) else _VINTAGE


def _is_waltz(piece: Piece) -> bool:
    return 2 * sum(bar.meter == Meter(numerator=3) for bar in piece.bars) > len(piece.bars)


def _realise(sheet: LeadSheet, programs: Programs) -> Piece:
    harmony, bass = accompany(sheet.chords, sheet.melody.bars)
    parts = (
        (Role.MELODY, sheet.melody.notes), (Role.HARMONY, harmony), (Role.BASS, bass),
    )  # fmt: skip
    notes, _ = assign_roles([Track(notes=part, name=role.label) for role, part in parts])
    return replace(sheet.melody, notes=notes, key=estimate_key(notes), programs=programs)


def _entries(folder: Path, connection: sqlite3.Connection) -> tuple[Entry, ...]:
    songs: dict[str, Entry] = {}
    works = connection.execute(
        "SELECT id, title, first_performance_date, path_leadsheet FROM works ORDER BY id"
    ).fetchall()
    for work, title, date, path in works:
        place = Path(path)
        song = "/".join(place.parts[1:-1])
        # Some sheets are listed as several works, which differ in their authors.
        authors = _column(connection, "SELECT author FROM work_author WHERE id = ?", work)
        genres = [
            name
            for table, column in (("work_genres", "genre"), ("work_style", "style"))
            for name in _column(
                connection,
                f"SELECT {column} FROM {table} WHERE id = ? ORDER BY occurrences DESC, {column}",
                work,
            )
        ]
        before = songs.get(song)
        songs[song] = Entry(
            path=folder / place,
            song=song,
            title=str(title),
            authors=_merged(before.authors if before else (), authors),
            genres=_merged(before.genres if before else (), genres),
            year=int(date[:4]) if date else before.year if before else None,
        )
    return tuple(songs[song] for song in sorted(songs))


def _column(connection: sqlite3.Connection, query: str, work: int) -> list[str]:
    return [str(name) for (name,) in connection.execute(query, (work,))]


def _merged(first: tuple[str, ...], second: list[str]) -> tuple[str, ...]:
    """Both without doubles, in order."""
    return tuple(dict.fromkeys([*first, *second]))
