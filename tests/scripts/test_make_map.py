"""What the map may show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from musicgen_vae.corpus.sources import SourcePiece, openewld
from scripts.make_map import may_be_shown
from tests.training.corpora import song

SONG = SourcePiece(
    piece=song(0), source=openewld.SOURCE, song="s", licence="MIT", style="swing", split="train"
)


@pytest.mark.parametrize(
    ("labels", "shown"), [({"year": "1921"}, True), ({"year": "1931"}, False), ({}, False)]
)
def test_songs_that_may_be_in_copyright_are_not_shown(labels: dict[str, str], shown: bool) -> None:
    assert may_be_shown(replace(SONG, labels=labels)) is shown


def test_titles_unfit_for_a_class_are_not_shown() -> None:
    item = replace(SONG, source="freedoom", piece=replace(SONG.piece, title="Soviet Porno"))
    assert not may_be_shown(item)


def test_other_sources_are_free_as_a_whole() -> None:
    assert may_be_shown(replace(SONG, source="groove"))
