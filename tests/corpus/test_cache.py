"""What was read once is read again from disk, unless something changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from musicgen_vae.corpus.cache import code_of, fingerprint, load_items, save_items
from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.music.clip import Key, Mode
from tests.training.corpora import song

READER = "musicgen_vae.corpus.sources.groove"


@pytest.fixture
def items() -> list[SourcePiece | Failure]:
    pieces: list[SourcePiece | Failure] = [
        SourcePiece(
            piece=replace(song(i, meter=meter), key=Key(tonic=i, mode=Mode.MINOR), off_grid=0.01),
            source="s",
            song=str(i),
            licence="CC0",
            style="pop",
            split="test",
            labels={"key": "žluťoučký"},
        )
        for i, meter in enumerate(["4/4", "3/4", "6/8"])
    ]
    return [*pieces, Failure(source="s", song="9", reason="torn")]


def test_items_come_back_as_they_were(tmp_path: Path, items: list[SourcePiece | Failure]) -> None:
    path = tmp_path / "deep" / "s.jsonl.gz"
    save_items(path, "mark", items)
    loaded = load_items(path, "mark")
    assert loaded is not None
    assert list(loaded) == items
    first = path.read_bytes()
    save_items(path, "mark", items)
    assert path.read_bytes() == first
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_another_mark_or_a_damaged_file_is_nothing(
    tmp_path: Path, items: list[SourcePiece | Failure]
) -> None:
    path = tmp_path / "s.jsonl.gz"
    assert load_items(path, "mark") is None
    save_items(path, "mark", items)
    assert load_items(path, "other") is None
    path.write_bytes(b"rubbish")
    assert load_items(path, "mark") is None


def test_a_fingerprint_changes_with_the_files(tmp_path: Path) -> None:
    file = tmp_path / "a.mid"
    file.write_bytes(b"1")
    marks = {fingerprint("s", READER, [tmp_path]), fingerprint("t", READER, [tmp_path])}
    assert fingerprint("s", READER, [tmp_path]) in marks
    file.write_bytes(b"22")
    marks.add(fingerprint("s", READER, [tmp_path]))
    (tmp_path / "b.mid").write_bytes(b"1")
    marks.add(fingerprint("s", READER, [tmp_path]))
    assert len(marks) == 4


def test_the_code_of_a_reader_is_what_it_imports_and_nothing_else() -> None:
    names = {f"{path.parent.name}/{path.name}" for path in code_of(READER)}
    assert {"sources/groove.py", "sources/__init__.py", "music/beats.py", "music/midi.py"} <= names
    assert not {"sources/pop909.py", "corpus/build.py", "corpus/cache.py"} & names
