"""A folder of MIDI files and its table."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pretty_midi
import pytest

from musicgen_vae.corpus.sources import SPLITS, Failure, SourcePiece
from musicgen_vae.corpus.sources.folder import read_folder, split_of
from musicgen_vae.errors import CorpusError


def _write_midi(path: Path, pitch: int = 60) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    midi = pretty_midi.PrettyMIDI(initial_tempo=120)
    piano = pretty_midi.Instrument(program=0)
    for i in range(16):
        piano.notes.append(
            pretty_midi.Note(velocity=80, pitch=pitch + i % 5, start=i / 2, end=i / 2 + 0.5)
        )
    midi.instruments.append(piano)
    midi.write(str(path))


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    _write_midi(folder / "b.mid")
    _write_midi(folder / "a" / "first.MIDI", 62)
    _write_midi(folder / "a" / "second.mid", 64)
    (folder / "notes.txt").write_text("not music", encoding="utf-8")
    return folder


def _table(folder: Path, *lines: str) -> Path:
    path = folder.parent / "labels.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _pieces(folder: Path, table: Path | None = None) -> list[SourcePiece]:
    items = list(read_folder(folder, table))
    assert all(isinstance(item, SourcePiece) for item in items), items
    return [item for item in items if isinstance(item, SourcePiece)]


def test_every_midi_file_in_order_of_path(music: Path) -> None:
    items = _pieces(music)
    assert [item.song for item in items] == ["a/first", "a/second", "b"]
    assert [item.piece.title for item in items] == ["first", "second", "b"]
    assert [item.piece.notes[0].pitch for item in items] == [62, 64, 60]
    assert {(item.source, item.style, item.licence) for item in items} == {
        ("folder", "unknown", "unknown")
    }
    assert [item.split for item in items] == [split_of(item.song) for item in items]


def test_the_table_says_more(music: Path) -> None:
    table = _table(
        music,
        "file,title,song,style,licence,split,mood,composer",
        "b.mid,Bee,bee,waltz,CC0,test,calm,",
        "a\\first.MIDI,,,, ,validation,,",
    )
    first, second, bee = _pieces(music, table)
    assert (bee.piece.title, bee.song, bee.style, bee.licence) == ("Bee", "bee", "waltz", "CC0")
    assert bee.split == "test"
    assert bee.labels == {"mood": "calm"}
    assert (first.piece.title, first.song, first.split) == ("first", "a/first", "validation")
    assert (first.style, first.licence, first.labels) == ("unknown", "unknown", {})
    assert second.split == split_of("a/second")


def test_a_byte_order_mark_does_no_harm(music: Path) -> None:
    table = _table(music, "\ufefffile,style", "b.mid,jazz")
    assert [item.style for item in _pieces(music, table)] == ["unknown", "unknown", "jazz"]


def test_all_files_of_a_song_share_its_split(music: Path) -> None:
    table = _table(music, "file,song,split", "b.mid,x,test", "a/first.MIDI,x,", "a/second.mid,x,")
    assert [item.split for item in _pieces(music, table)] == ["test"] * 3


def test_splits_are_about_ninety_five_five() -> None:
    counts = Counter(split_of(f"song {i}") for i in range(4000))
    assert set(counts) == set(SPLITS)
    assert counts["train"] == pytest.approx(3600, abs=100)
    assert counts["test"] == pytest.approx(200, abs=60)
    # Written down so that a song never changes its split from one version to the next.
    assert [split_of(song) for song in ("a", "song 10", "j")] == ["train", "validation", "test"]


def test_an_unreadable_file_is_a_failure(music: Path) -> None:
    (music / "a" / "broken.mid").write_bytes(b"MThd and no more")
    broken, *rest = read_folder(music)
    assert isinstance(broken, Failure)
    assert (broken.source, broken.song) == ("folder", "a/broken")
    assert broken.reason.startswith("broken.mid: ")
    assert len(rest) == 3


def test_no_folder_and_no_files(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is not a folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(CorpusError, match=r"no \.mid or \.midi file"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["name,style", "b.mid,jazz"], "no column 'file'"),
        (["file", "c.mid"], r"row 2: there is no MIDI file 'c\.mid'"),
        (["file", "b.mid", "b.mid"], r"row 3: 'b\.mid' already has a row"),
        (["file,split", "b.mid,dev"], "row 2: split 'dev' is not one of train, validation, test"),
        (["file,style", "b.mid,jazz,slow"], "row 2: more cells than columns"),
        (["file,song,split", "b.mid,x,test", "a/first.MIDI,x,train"], "song 'x' stands in"),
    ],
)
def test_a_faulty_table_is_refused(music: Path, lines: list[str], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_folder(music, _table(music, *lines))


def test_a_missing_table_is_refused(music: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be read as a CSV file"):
        read_folder(music, music / "labels.csv")


def test_a_table_in_another_encoding_is_refused(music: Path) -> None:
    table = music.parent / "labels.csv"
    table.write_bytes("file,composer\nb.mid,Dvořák\n".encode("utf-16"))
    with pytest.raises(CorpusError, match="UTF-8"):
        read_folder(music, table)


def test_a_source_piece_has_one_of_three_splits(music: Path) -> None:
    piece = _pieces(music)[0].piece
    with pytest.raises(CorpusError, match="split 'dev'"):
        SourcePiece(piece=piece, source="x", song="y", licence="z", style="pop", split="dev")
