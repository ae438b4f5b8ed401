"""What the corpora of OpenScore have in common: their folders and tables.

OpenScore's volunteers transcribe printed music and give it away (CC0). Each corpus has a folder
``scores/<composer>/<set>/<score>/`` and tables of names in ``data/``. This module knows these; it
does not open a score.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from musicgen_vae.errors import CorpusError

LICENCE = "CC0"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A score and whose it is.

    Attributes:
        path: of the compressed MusicXML file.
        name: of the file without its suffix, such as "lc6583477".
        composer: such as "Clara Schumann".
        collection: the opus that it belongs to; empty if there is none.
        title: of the song or work.
    """

    path: Path
    name: str
    composer: str
    collection: str
    title: str


def list_entries(folder: Path) -> tuple[Entry, ...]:
    """Every score of a corpus, in the order of the paths.

    Args:
        folder: of the corpus, in which ``scores`` and ``data`` lie.

    Raises:
        CorpusError: if there is no score.
    """
    scores = folder / "scores"
    paths = sorted(scores.rglob("*.mxl"), key=lambda path: path.as_posix())
    if not paths:
        raise CorpusError(f"{scores} holds no .mxl files: give the folder of an OpenScore corpus")
    names = {
        path: name
        for table in ("composers", "sets", "scores")
        for path, name in _read_names(folder / "data" / f"{table}.tsv")
    }
    return tuple(_entry(path, path.relative_to(scores).parent, names) for path in paths)


def _read_names(table: Path) -> list[tuple[str, str]]:
    """(path, name) of every row; nothing if the table is missing."""
    if not table.is_file():
        return []
    with table.open(encoding="utf-8", newline="") as file:
        return [(row["path"], row["name"]) for row in csv.DictReader(file, delimiter="\t")]


def _entry(path: Path, place: Path, names: dict[str, str]) -> Entry:
    composer, collection, title = (
        names.get("/".join(place.parts[:depth])) or _spelled(place.parts[depth - 1 : depth])
        for depth in (1, 2, len(place.parts))
    )
    alone = len(place.parts) < 3 or place.parts[1] == "_"
    return Entry(
        path=path,
        name=path.stem,
        composer=composer,
        collection="" if alone else collection,
        title=title,
    )


def _spelled(parts: tuple[str, ...]) -> str:
    """A folder's name as text."""
    return parts[0].replace("_", " ").strip() if parts else ""
