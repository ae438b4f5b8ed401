"""A folder of MIDI files of one's own, with or without a table of labels.

The table is a CSV file with a column ``file`` (path below the folder) and any of ``title``,
``song``, ``style``, ``licence`` and ``split``; every other column is a label. Files that it does
not name are read all the same. This module knows the table; ``music.midi`` knows the files.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from musicgen_vae.corpus.sources import SPLITS, Failure, SourcePiece
from musicgen_vae.errors import CorpusError, InputError
from musicgen_vae.music.midi import read_midi

SOURCE = "folder"
UNKNOWN = "unknown"
_SUFFIXES = (".mid", ".midi")
_FIELDS = ("file", "title", "song", "style", "licence", "split")

Row = Mapping[str, str]


def read_folder(folder: Path, labels_csv: Path | None = None) -> Iterator[SourcePiece | Failure]:
    """Every MIDI file at any depth of a folder, in the order of their paths.

    A song is its file unless the table says otherwise. All files of a song share a split: the
    table's, or else 90 % of songs train, 5 % validate and 5 % test, by a hash of the song's id.

    Args:
        folder: where the files are; their names end in .mid or .midi.
        labels_csv: the table, in UTF-8.

    Raises:
        CorpusError: if the folder has no MIDI file or the table is not as described.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder} is not a folder: give one that holds MIDI files")
    paths = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file()
    )
    if not paths:
        raise CorpusError(f"no .mid or .midi file in {folder} or below it")
    names = [path.relative_to(folder).as_posix() for path in paths]
    rows = _read_table(labels_csv, set(names)) if labels_csv else {}
    songs = [rows.get(name, {}).get("song") or name.rpartition(".")[0] for name in names]
    splits = _splits(dict(zip(names, songs, strict=True)), rows)
    return (
        _read(path, song, splits[song], rows.get(name, {}))
        for path, name, song in zip(paths, names, songs, strict=True)
    )


def split_of(song: str) -> str:
    """The split of a song whose source gives none: the same on every machine."""
    place = int.from_bytes(hashlib.sha256(song.encode()).digest()[:4], "big") % 100
    return "train" if place < 90 else "validation" if place < 95 else "test"


def _read_table(path: Path, names: set[str]) -> dict[str, Row]:
    """Rows by file, cells stripped."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            lines = list(reader)
            columns = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path} cannot be read as a CSV file in UTF-8: {error}") from error
    if "file" not in columns:
        raise CorpusError(f"{path} has no column 'file': its first line must name the columns")
    rows: dict[str, Row] = {}
    for number, line in enumerate(lines, start=2):
        if None in line:
            raise CorpusError(f"{path}, row {number}: more cells than columns")
        row = {column: cell.strip() for column, cell in line.items()}
        name = row["file"].replace("\\", "/")
        if name not in names:
            raise CorpusError(f"{path}, row {number}: there is no MIDI file {name!r} in the folder")
        if name in rows:
            raise CorpusError(f"{path}, row {number}: {name!r} already has a row")
        if row.get("split") and row["split"] not in SPLITS:
            raise CorpusError(
                f"{path}, row {number}: split {row['split']!r} is not one of {', '.join(SPLITS)}"
            )
        rows[name] = row
    return rows


def _splits(song_of: Mapping[str, str], rows: Mapping[str, Row]) -> dict[str, str]:
    """The split of each song."""
    given: dict[str, str] = {}
    for name, song in song_of.items():
        split = rows.get(name, {}).get("split")
        if split and given.setdefault(song, split) != split:
            raise CorpusError(
                f"song {song!r} stands in {given[song]} and {split}: give all its files one split"
            )
    return {song: given.get(song) or split_of(song) for song in song_of.values()}


def _read(path: Path, song: str, split: str, row: Row) -> SourcePiece | Failure:
    try:
        piece = read_midi(path.read_bytes(), title=row.get("title", ""))
    except (InputError, OSError) as error:
        return Failure(source=SOURCE, song=song, reason=f"{path.name}: {error}")
    return SourcePiece(
        piece=piece if piece.title else replace(piece, title=path.stem),
        source=SOURCE,
        song=song,
        licence=row.get("licence") or UNKNOWN,
        style=row.get("style") or UNKNOWN,
        split=split,
        labels={name: cell for name, cell in row.items() if cell and name not in _FIELDS},
    )
