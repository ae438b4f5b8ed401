"""Which sources are read."""

from __future__ import annotations

import pickle
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from musicgen_vae.corpus.read import Locations, read_sources, sources_at
from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.errors import CorpusError

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples"


def read(cache: Path, **given: Any) -> list[object]:
    log: list[str] = []
    return [*read_sources(Locations(**given), cache=cache, processes=1, log=log.append), *log]


def test_a_folder(tmp_path: Path) -> None:
    pieces = read(tmp_path, folder=EXAMPLES)
    assert len(pieces) == len(list(EXAMPLES.glob("*.mid")))
    assert all(isinstance(piece, SourcePiece) for piece in pieces)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "name a data set"),
        ({"pop909": EXAMPLES}, "read together"),
        ({"pop909": EXAMPLES, "pop909_cl": EXAMPLES, "labels": EXAMPLES}, "--labels describes"),
        ({"bands": True}, "--bands arranges"),
    ],
)
def test_half_of_what_belongs_together(given: dict[str, Any], says: str) -> None:
    with pytest.raises(CorpusError, match=says):
        Locations(**given)


def test_every_location_has_its_source(tmp_path: Path) -> None:
    at = Locations(
        **{
            one.name: True if one.name in ("music21", "bands") else tmp_path
            for one in fields(Locations)
        }
    )
    names = [source.name for source in sources_at(at)]
    assert len(set(names)) == len(names) == 14
    for source in sources_at(at):
        pickle.dumps(source.read)  # as the processes of a pool need it


def test_what_was_read_is_kept(tmp_path: Path) -> None:
    hymns = tmp_path / "hymnal" / "Complete"
    hymns.mkdir(parents=True)
    (hymns / "Torn.abc").write_text("X: 1\n")
    first = read(tmp_path / "cache", openhymnal=hymns.parent)
    again = read(tmp_path / "cache", openhymnal=hymns.parent)
    assert isinstance(first[0], Failure)
    assert again[0] == first[0]
    assert again[-1] == "openhymnal: as it was read before"
