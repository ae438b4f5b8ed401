"""OpenScore's songs and quartets, imitated by scores of a few bars written here."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.openscore import list_entries
from musicgen_vae.corpus.sources.openscore_lieder import read_lieder
from musicgen_vae.corpus.sources.openscore_quartets import read_quartets
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Key, Role
from tests.corpus.tiny_scores import measure, notes, part, piano, write_score

pytest.importorskip("music21")

VOICE = part(["G4:2 E4:2", "F4:2 D4:2", "E4:1 F4:1 G4:1 B3:1", "C4:4"] * 2, words=True)
PIANO = piano(
    [
        ("r:1 C4:1 +E4:1 r:1 C4:1 +E4:1", "C2:1 r:1 G2:1 r:1"),
        ("r:1 B3:1 +F4:1 r:1 B3:1 +F4:1", "G2:1 r:1 D2:1 r:1"),
        ("r:1 C4:1 +G4:1 r:1 B3:1 +F4:1", "E2:1 r:1 G2:1 r:1"),
        ("C4:4 +E4:4", "C2:4"),
    ]
    * 2
)


def corpus(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir(exist_ok=True)
    return tmp_path


def add(folder: Path, place: str, parts: list[tuple[str, str]], name: str = "lc1") -> None:
    write_score(folder / "scores" / place / f"{name}.mxl", parts)


def only(items: list[SourcePiece | Failure]) -> SourcePiece:
    (item,) = items
    assert isinstance(item, SourcePiece), item.reason
    return item


def test_names_come_from_the_tables_or_from_the_folders(tmp_path: Path) -> None:
    folder = corpus(tmp_path)
    (folder / "data" / "composers.tsv").write_text(
        "id\tpath\tname\n1\tWho,_Dr\tDr Who\n", encoding="utf-8"
    )
    (folder / "data" / "scores.tsv").write_text(
        "id\tpath\tname\n1\tWho,_Dr/_/Why\tWhy?\n", encoding="utf-8"
    )
    add(folder, "Who,_Dr/_/Why", [("Voice", VOICE)], "lc2")
    add(folder, "Else,_Some/3_Songs/1_A_Song", [("Voice", VOICE)], "lc1")
    first, second = list_entries(folder)
    assert (first.name, first.composer, first.collection, first.title) == (
        "lc1", "Else, Some", "3 Songs", "1 A Song",
    )  # fmt: skip
    assert (second.name, second.composer, second.collection, second.title) == (
        "lc2", "Dr Who", "", "Why?",
    )  # fmt: skip


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="OpenScore"):
        list_entries(tmp_path)


def test_a_song_has_voice_chords_and_bass(tmp_path: Path) -> None:
    add(corpus(tmp_path), "Who/_/Why", [("Voice", VOICE), ("Piano", PIANO)])
    item = only(list(read_lieder(tmp_path)))
    assert (item.style, item.licence, item.song) == ("art song", "CC0", "lc1")
    assert item.labels == {"composer": "Who"}
    assert item.piece.key == Key.parse("C major")
    by_role = {role: [n for n in item.piece.notes if n.role is role] for role in Role}
    assert [n.pitch for n in by_role[Role.MELODY]][:4] == [67, 64, 65, 62]
    assert [n.pitch for n in by_role[Role.BASS]][:7] == [36, 43, 43, 38, 40, 43, 36]
    assert {n.pitch for n in by_role[Role.HARMONY]} == {59, 60, 64, 65, 67}


def test_a_part_without_words_is_no_melody(tmp_path: Path) -> None:
    silent = VOICE.replace("<lyric><text>la</text></lyric>", "")
    add(corpus(tmp_path), "Who/_/Why", [("Clarinet", silent), ("Piano", PIANO)])
    (item,) = read_lieder(tmp_path)
    assert isinstance(item, Failure)
    assert item.reason == "it has no part with words"


def test_without_a_piano_the_lowest_voice_is_the_bass(tmp_path: Path) -> None:
    voices = [
        (name, part([f"{note}:4"] * 4, words=True))
        for name, note in (("Soprano", "C5"), ("Bass", "C3"), ("Alto", "G4"))
    ]
    add(corpus(tmp_path), "Who/_/Why", [*voices, ("Piano for practice only", PIANO)])
    item = only(list(read_lieder(tmp_path)))
    assert {(n.role, n.pitch) for n in item.piece.notes} == {
        (Role.MELODY, 72), (Role.HARMONY, 67), (Role.BASS, 48),
    }  # fmt: skip


def _quartet(bars: list[str]) -> list[tuple[str, str]]:
    names = ("Violin 1", "Violin 2", "Viola", "Violoncello")
    octaves = ("5", "4", "4", "2")
    return [
        (
            name,
            "".join(
                measure(notes(bar.replace("@", octave)), number=1 + i % 4, meter="" if i else "4/4")
                for i, bar in enumerate(bars)
            ),
        )
        for name, octave in zip(names, octaves, strict=True)
    ]


def test_a_quartet_is_read_movement_by_movement(tmp_path: Path) -> None:
    bars = ["C@:1 E@:1 G@:2", "F@:1 A@:1 D@:2", "G@:1 B@:1 D@:2", "C@:4"]
    parts = _quartet([*bars, "E@:4", *bars[1:]])
    add(corpus(tmp_path), "Who/Quartet", parts, "sq1")
    first, second = read_quartets(tmp_path)
    assert isinstance(first, SourcePiece) and isinstance(second, SourcePiece)
    assert [first.piece.title, second.piece.title] == [
        "Quartet, movement 1", "Quartet, movement 2",
    ]  # fmt: skip
    assert first.split == second.split
    assert first.piece.programs[:3] == (40, 41, 42)
    at_start = {(n.role, n.pitch) for n in first.piece.notes if n.start == 0}
    assert at_start == {(Role.MELODY, 72), (Role.HARMONY, 60), (Role.BASS, 36)}
    assert {n.pitch % 12 for n in second.piece.notes if n.start == 0} == {4}


def test_other_ensembles_are_failures(tmp_path: Path) -> None:
    add(corpus(tmp_path), "Who/Trio", _quartet(["C@:4"] * 4)[:3], "sq1")
    (item,) = read_quartets(tmp_path)
    assert isinstance(item, Failure)
    assert item.reason == "it has the parts Violin 1, Violin 2, Viola"
