"""Lead sheets and OpenEWLD's database, imitated here."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.lead_sheets import ChordSymbol, accompany, read_lead_sheet
from musicgen_vae.corpus.sources.openewld import list_songs, read_openewld
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Bar, Key, Meter, Role
from tests.corpus.tiny_scores import part, write_score

pytest.importorskip("music21")

TUNE = ["[C] E4:2 G4:2", "[F] A4:2 [G7/B] B4:2", "[C] C5:4", "C5:4"]


def chord(start: int, end: int, root: int, *classes: int) -> ChordSymbol:
    return ChordSymbol(
        start=start, end=end, root=root, quality="", bass=root, pitch_classes=(root, *classes)
    )


def bars(n: int) -> list[Bar]:
    return [Bar(start=48 * i, meter=Meter(), tempo_qpm=120) for i in range(n)]


def test_a_sheet_has_its_chords_as_written(tmp_path: Path) -> None:
    path = write_score(tmp_path / "song.mxl", [("Voice", part(TUNE))])
    sheet = read_lead_sheet(path, title="Song")
    assert sheet.melody.title == "Song"
    assert [n.pitch for n in sheet.melody.notes] == [64, 67, 69, 71, 72, 72]
    assert {n.role for n in sheet.melody.notes} == {Role.MELODY}
    assert [(c.start, c.end, c.root, c.quality, c.bass) for c in sheet.chords] == [
        (0, 48, 0, "major", 0),
        (48, 72, 5, "major", 5),
        (72, 96, 7, "dominant-seventh", 11),
        (96, 192, 0, "major", 0),
    ]
    assert sheet.chords[2].pitch_classes == (7, 11, 2, 5)


def test_a_waltz_without_a_tempo_is_not_slow(tmp_path: Path) -> None:
    path = write_score(tmp_path / "song.mxl", [("Voice", part(["C4:3"] * 4, meter="3/4"))])
    assert read_lead_sheet(path).melody.bars[0].tempo_qpm == 132


def test_chords_are_struck_anew_in_every_bar() -> None:
    harmony, bass = accompany([chord(24, 120, 0, 4, 7)], bars(3))
    assert [(n.start, n.duration, n.pitch) for n in bass] == [
        (24, 24, 36),
        (48, 48, 36),
        (96, 24, 36),
    ]
    assert sorted({n.pitch for n in harmony}) == [55, 60, 64]
    assert len(harmony) == 9


def test_full_chords_leave_the_root_to_the_bass() -> None:
    harmony, bass = accompany([chord(0, 48, 7, 11, 2, 5)], bars(1))
    assert [n.pitch for n in harmony] == [59, 62, 65]
    assert [n.pitch for n in bass] == [43]
    # Of a thirteenth chord third, seventh, thirteenth and ninth are left.
    harmony, _ = accompany([chord(0, 48, 0, 2, 4, 5, 7, 9, 10)], bars(1))
    assert sorted(n.pitch % 12 for n in harmony) == [2, 4, 9, 10]


def _data_set(folder: Path, works: list[tuple[str, str | None, str, list[str]]]) -> Path:
    """Works of (title, date, genre, bars)."""
    connection = sqlite3.connect(folder / "OpenEWLD.db")
    connection.executescript(
        "CREATE TABLE works (id INTEGER, title TEXT, first_performance_date TEXT,"
        " path_leadsheet TEXT);"
        "CREATE TABLE work_author (id INTEGER, author TEXT);"
        "CREATE TABLE work_genres (id INTEGER, genre TEXT, occurrences INTEGER);"
        "CREATE TABLE work_style (id INTEGER, style TEXT, occurrences INTEGER);"
    )
    for i, (title, date, genre, tune) in enumerate(works):
        path = f"dataset/Who/{title}/{title}.mxl"
        connection.execute("INSERT INTO works VALUES (?, ?, ?, ?)", (i, title, date, path))
        connection.execute("INSERT INTO work_author VALUES (?, ?)", (i, f"Author {i}"))
        connection.execute("INSERT INTO work_genres VALUES (?, ?, 2)", (i, genre))
        meter = "3/4" if tune[0].endswith(":3") else "4/4"
        write_score(folder / path, [("Voice", part(tune, meter=meter))])
    connection.commit()
    connection.close()
    return folder


def test_songs_have_harmony_bass_and_a_style(tmp_path: Path) -> None:
    waltz = ["[C] C4:3", "[G7] D4:3", "[C] E4:3", "C4:3"]
    folder = _data_set(
        tmp_path,
        [
            ("New", "1930-05-01", "Pop", TUNE),
            ("Old", "1899-00-00", "Pop", TUNE),
            ("Undated", None, "Jazz", TUNE),
            ("Waltz", "1930-05-01", "Jazz", waltz),
        ],
    )
    items = [item for item in read_openewld(folder) if isinstance(item, SourcePiece)]
    assert [(item.song, item.style) for item in items] == [
        ("Who/New", "jazz standard"),
        ("Who/Old", "vintage song"),
        ("Who/Undated", "jazz standard"),
        ("Who/Waltz", "vintage song"),
    ]
    assert items[3].labels == {
        "composer": "Author 3", "genres": "Jazz", "year": "1930", "dance": "waltz",
        "harmony": "from chord symbols",
    }  # fmt: skip
    piece = items[0].piece
    assert piece.key == Key.parse("C major")
    assert [(n.start, n.pitch) for n in piece.notes if n.role is Role.BASS] == [
        (0, 36), (48, 41), (72, 47), (96, 36), (144, 36),
    ]  # fmt: skip
    assert piece.programs[Role.BASS] == 32


def test_a_sheet_listed_twice_is_one_song(tmp_path: Path) -> None:
    folder = _data_set(tmp_path, [("Song", "1930-05-01", "Pop", TUNE)])
    connection = sqlite3.connect(folder / "OpenEWLD.db")
    connection.execute("INSERT INTO works VALUES (9, 'Song', NULL, 'dataset/Who/Song/Song.mxl')")
    connection.execute("INSERT INTO work_author VALUES (9, 'Other')")
    connection.commit()
    connection.close()
    (entry,) = list_songs(folder)
    assert entry.authors == ("Author 0", "Other")
    assert entry.year == 1930


def test_without_chords_or_database_nothing_is_made_up(tmp_path: Path) -> None:
    folder = _data_set(tmp_path, [("Plain", None, "Pop", ["C4:4"] * 4)])
    (item,) = read_openewld(folder)
    assert isinstance(item, Failure)
    assert item.reason == "it has no chord symbols"
    with pytest.raises(CorpusError, match="OpenEWLD"):
        list_songs(tmp_path / "elsewhere")
