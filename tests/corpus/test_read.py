"""Which sources are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicgen_vae.corpus.read import read_sources
from musicgen_vae.corpus.sources import SourcePiece
from musicgen_vae.errors import CorpusError

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples"


def read(**given: Path) -> list[object]:
    paths = {"pop909": None, "pop909_cl": None, "folder": None, "labels": None, **given}
    return list(read_sources(**paths, processes=1, log=lambda text: None))


def test_a_folder() -> None:
    pieces = read(folder=EXAMPLES)
    assert len(pieces) == len(list(EXAMPLES.glob("*.mid")))
    assert all(isinstance(piece, SourcePiece) for piece in pieces)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "name a data set"),
        ({"pop909": EXAMPLES}, "read together"),
        ({"pop909": EXAMPLES, "pop909_cl": EXAMPLES, "labels": EXAMPLES}, "--labels describes"),
    ],
)
def test_half_of_what_belongs_together(given: dict[str, Path], says: str) -> None:
    with pytest.raises(CorpusError, match=says):
        read(**given)
