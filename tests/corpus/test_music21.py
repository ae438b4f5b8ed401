"""Reading music21's corpus: real chorales and tunes, and made-up tunes for what is rare in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from musicgen_vae.corpus.sources import SPLITS, Failure, SourcePiece, tunes
from musicgen_vae.corpus.sources.chorale_split import JSB_TEST, split_of_chorale
from musicgen_vae.corpus.sources.chorales import list_chorales, read_chorales
from musicgen_vae.corpus.sources.music21_scores import corpus_folder
from musicgen_vae.corpus.sources.tunes import AIRD, ONEILL, RYAN, Book, list_tunes, read_book
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Key, Meter, Note, Role

pytest.importorskip("music21")

ReadAbc = Callable[..., SourcePiece | Failure]


def only(items: Iterator[SourcePiece | Failure]) -> SourcePiece:
    (item,) = items
    assert isinstance(item, SourcePiece), item.reason
    return item


def line(item: SourcePiece, role: Role, bar: int) -> list[tuple[int, int, int]]:
    """(step in the bar, pitch, duration) of the notes that a role starts in a bar."""
    start, end = item.piece.bars[bar].start, item.piece.bars[bar].end
    return [
        (note.start - start, note.pitch, note.duration)
        for note in item.piece.notes
        if note.role is role and start <= note.start < end
    ]


@pytest.fixture
def read_abc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReadAbc:
    """Reads a made-up tune as if it stood in the collection."""

    def read(
        body: str,
        *,
        meter: str = "4/4",
        key: str = "G",
        fields: str = "R:reel\n",
        book: Book = RYAN,
        number: str = "1",
    ) -> SourcePiece | Failure:
        title = "" if "T:" in fields else "T:Made Up -- Reel\n"
        (tmp_path / "MadeUp.abc").write_text(
            f"X:{number}\n{title}{fields}M:{meter}\nL:1/8\nK:{key}\n{body}\n", encoding="utf-8"
        )
        monkeypatch.setattr(tunes, "corpus_folder", lambda name: tmp_path)
        (item,) = read_book(book)
        return item

    return read


def starts(item: SourcePiece | Failure) -> list[int]:
    assert isinstance(item, SourcePiece), item.reason
    return [note.start for note in item.piece.notes]


def meters(item: SourcePiece | Failure) -> list[str]:
    assert isinstance(item, SourcePiece), item.reason
    return [str(bar.meter) for bar in item.piece.bars]


def test_a_chorale_has_its_four_voices_in_their_bars() -> None:
    item = only(read_chorales(["bwv269"]))
    assert item.piece.title == "Aus meines Herzens Grunde (BWV 269)"
    assert item.piece.key == Key.parse("G major")
    assert [str(bar.meter) for bar in item.piece.bars] == ["3/4"] * 22
    # The pickup on the third beat, then the first full bar.
    assert line(item, Role.MELODY, 0) == [(24, 67, 12)]
    assert line(item, Role.MELODY, 1) == [(0, 67, 24), (24, 74, 12)]
    assert line(item, Role.BASS, 1) == [(0, 55, 12), (12, 52, 12), (24, 54, 12)]
    assert line(item, Role.HARMONY, 1)[:2] == [(0, 59, 12), (0, 62, 12)]
    # Bar 7 is cut by a repeat sign: its two measures are one bar again.
    assert line(item, Role.MELODY, 7) == [(0, 67, 24), (24, 71, 12)]
    # The last chord stands on the first beat.
    assert line(item, Role.BASS, 21) == [(0, 43, 24)]
    assert item.piece.bars[0].tempo_qpm == 80
    assert item.piece.programs == (52, 52, 52, 0)
    assert item.piece.off_grid == 0
    assert {note.velocity for note in item.piece.notes} == {None}


def test_a_chorale_says_where_it_is_from() -> None:
    item = only(read_chorales(["bwv269"]))
    assert (item.source, item.song, item.style) == (
        "Bach chorales (music21 corpus)", "bwv269", "chorale",
    )  # fmt: skip
    assert "Margaret Greentree" in item.licence
    assert "permission" in item.licence
    assert item.split in SPLITS


def test_the_usual_test_set_is_for_testing_and_its_hymns_are_not_learnt() -> None:
    first_lines = {"153.9": "Ach Gott, wie manches Herzeleid", "3.6": "Ach Gott, wie manches"}
    first_lines["58.5"] = first_lines["153.9"]
    assert split_of_chorale("153.9", first_lines) == "test"
    assert split_of_chorale("58.5", first_lines) == "validation"
    assert split_of_chorale("97.9", first_lines) == "validation"  # by its melody
    assert split_of_chorale("3.6", first_lines) == "train"
    assert split_of_chorale("66.6", {}) == "train"
    names = [f"bwv{number}" for number in ("60.5", "269")]
    assert [only(read_chorales([name])).split for name in names] == ["test", "train"]


def test_the_test_set_names_files_that_are_there() -> None:
    folder = corpus_folder("bach")
    assert {f"bwv{number}" for number in JSB_TEST} <= {path.stem for path in folder.iterdir()}


def test_a_tempo_in_the_file_counts_and_a_title_need_not_be_known() -> None:
    item = only(read_chorales(["bwv66.6"]))
    assert item.piece.bars[0].tempo_qpm == 96
    assert item.piece.title == "Chorale BWV 66.6"
    assert item.piece.key == Key.parse("F# minor")


def test_the_key_of_an_old_mode_is_heard_not_read() -> None:
    # Without sharps or flats, but it begins and ends in D minor.
    assert only(read_chorales(["bwv277"])).piece.key == Key.parse("D minor")


def test_a_bar_too_long_for_the_grid_is_a_failure() -> None:
    (item,) = read_chorales(["bwv324"])
    assert isinstance(item, Failure)
    assert "10/4" in item.reason


def test_a_tune_takes_the_last_of_its_endings() -> None:
    item = only(read_book(RYAN, ["TellHerIAmJig"]))
    assert item.piece.title == "Tell Her I Am Jig"
    assert item.labels == {"dance": "jig"}
    assert item.style == "fiddle tune"
    assert [str(bar.meter) for bar in item.piece.bars] == ["6/8"] * 17
    assert line(item, Role.MELODY, 0) == [(30, 76, 6)]
    second_ending, upbeat = [(0, 71, 6), (6, 67, 6), (12, 64, 6), (18, 64, 12)], (30, 72, 6)
    assert line(item, Role.MELODY, 8) == [*second_ending, upbeat]
    assert {note.role for note in item.piece.notes} == {Role.MELODY}
    assert item.piece.programs[0] == 73
    assert item.piece.bars[0].tempo_qpm == 168  # 112 dotted quarters


def test_notes_beside_fingerings_are_not_lost() -> None:
    item = only(read_book(RYAN, ["CosmopoliteReelThe"]))
    assert item.piece.title == "The Cosmopolite Reel"
    assert {bar.meter for bar in item.piece.bars} == {Meter()}
    assert len(line(item, Role.MELODY, 5)) == 16
    assert "John Walsh" in item.licence


def test_two_bars_of_two_quarters_make_one(read_abc: ReadAbc) -> None:
    item = read_abc("D2 | G2A2 | B2c2 | d2e2 | f2g2 |", meter="2/4")
    assert meters(item) == ["4/4"] * 3
    assert starts(item) == [36, *range(48, 144, 12)]
    assert isinstance(item, SourcePiece)
    assert item.piece.bars[0].tempo_qpm == 104


def test_half_notes_are_counted_in_quarters(read_abc: ReadAbc) -> None:
    item = read_abc("G4A4 | B4c4 |", meter="C|")
    assert meters(item) == ["4/4"] * 2
    assert isinstance(item, SourcePiece)
    assert item.piece.bars[0].tempo_qpm == 208


def test_a_last_bar_is_filled_up(read_abc: ReadAbc) -> None:
    assert meters(read_abc("G4A4 | B4c4 | G6 |]")) == ["4/4"] * 3
    assert meters(read_abc("G2A2 | B2c2 | G2A2 |]", meter="2/4")) == ["4/4"] * 2


def test_an_odd_bar_inside_keeps_its_length(read_abc: ReadAbc) -> None:
    item = read_abc("G4A4 | B4c4 | G4A2 | B4c4 | G4A4 | B4c4 |")
    assert meters(item) == ["4/4", "4/4", "3/4", "4/4", "4/4", "4/4"]
    assert starts(item)[4:8] == [96, 120, 132, 156]


def test_too_many_odd_bars_are_a_failure(read_abc: ReadAbc) -> None:
    item = read_abc("G4A4 | B4c2 | G4A2 | B4 | G4A4 |")
    assert isinstance(item, Failure)
    assert item.reason == "3 of 5 bars are not as long as the meter says"


def test_ties_join_and_grace_notes_are_dropped(read_abc: ReadAbc) -> None:
    item = read_abc("G4A4- | A4{e}c4 |")
    assert isinstance(item, SourcePiece)
    assert item.piece.notes == tuple(
        Note(start=start, role=Role.MELODY, pitch=pitch, duration=duration)
        for start, pitch, duration in ((0, 67, 24), (24, 69, 48), (72, 72, 24))
    )


def test_onsets_off_the_grid_are_counted(read_abc: ReadAbc) -> None:
    item = read_abc("G/>A/ G/>A/ G2 A4 | B8 |")
    assert isinstance(item, SourcePiece)
    assert item.piece.off_grid == pytest.approx(2 / 7)


@pytest.mark.parametrize(
    ("key", "expected"), [("Em", "E minor"), ("Bb", "Bb major"), ("Ador", "A minor")]
)
def test_major_and_minor_are_read_and_modes_are_heard(
    read_abc: ReadAbc, key: str, expected: str
) -> None:
    item = read_abc("A2e2 A2c2 | A2B2 c2A2 | e2d2 c2B2 | A8 |", key=key)
    assert isinstance(item, SourcePiece)
    assert item.piece.key == Key.parse(expected)


@pytest.mark.parametrize(
    ("fields", "title", "dance"),
    [
        ("T:COL. McBAIN'S -- REEL.\nR:reel\n", "Col. McBain's Reel", "reel"),
        ("T:O'CONNOR'S -- REEL.\nR:reel\n", "O'Connor's Reel", "reel"),
        ("T: NIGHT OF FUN -- JIG., THE\n", "The Night of Fun Jig", "jig"),
        ("T:Cat:holic Bill's -- Jig\nR: JIG\n", "Catholic Bill's Jig", "jig"),
        ("T:Paddy's the Boy -- Jig\nR:slipjig\n", "Paddy's the Boy Slip Jig", "slip jig"),
        ("T:Souvenir (Lancashire) -- Clog\nR:reel\n", "Souvenir (Lancashire) Clog", "clog"),
        ("T:FLING-DANG -- REEL.\n", "Fling-Dang Reel", "reel"),
        ("T:THE GIRL I LEFT BEHIND ME\n", "The Girl I Left Behind Me", ""),
    ],
)
def test_titles_and_dances(read_abc: ReadAbc, fields: str, title: str, dance: str) -> None:
    item = read_abc("G4A4 | B4c4 |", fields=fields)
    assert isinstance(item, SourcePiece)
    assert item.piece.title == title
    assert item.labels == ({"dance": dance} if dance else {})


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("Z: Contributed 20000516 by John Chambers jchambers:casc.com", "John Chambers"),
        ("Z:Contributed by Ray Davies,  ray:davies99.freeserve.co.uk", "Ray Davies"),
        ("Z:20020507 John B. Walsh <walsh:mat:h.ubc.ca>", "John B. Walsh"),
        ("B:Some book", "an unnamed encoder"),
    ],
)
def test_the_licence_names_the_encoder_without_address(
    read_abc: ReadAbc, field: str, name: str
) -> None:
    item = read_abc("G4A4 | B4c4 |", fields=field + "\n")
    assert isinstance(item, SourcePiece)
    assert f"encoding by {name}, distributed with music21" in item.licence


def test_minstrel_tunes_are_left_out() -> None:
    (item,) = read_book(RYAN, ["OldZipCoonReel_A"])
    assert isinstance(item, Failure)
    assert "minstrel" in item.reason


def test_what_music21_cannot_parse_is_a_failure(read_abc: ReadAbc) -> None:
    item = read_abc("", key="no such key at all")
    assert isinstance(item, Failure)


def test_without_music21_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(CorpusError, match="pip install music21"):
        next(read_chorales())


def test_the_books_are_there_and_tunes_have_ids_of_their_own() -> None:
    for book, n_least in ((RYAN, 1000), (AIRD, 1100), (ONEILL, 1850)):
        songs = [tune.song for tune in list_tunes(book)]
        assert len(songs) == len(set(songs)) >= n_least
    assert "bwv269" in list_chorales()


def test_an_air_of_airds_has_the_tempo_that_it_states() -> None:
    item = only(read_book(AIRD, ["book1/0001"]))
    assert item.piece.title == "The Ranting Highlandman"
    assert item.piece.bars[0].tempo_qpm == 224
    assert {bar.meter for bar in item.piece.bars} == {Meter()}
    assert item.style == "fiddle tune"
    assert "Jack Campin" in item.licence


@pytest.mark.parametrize(
    ("number", "fields", "dance", "style"),
    [
        ("12", "T:Untold\n", "air", "folk air"),
        ("1000", "T:Untold\n", "jig", "fiddle tune"),
        ("1120", "T:Untold\n", "slip jig", "fiddle tune"),
        ("1200", "T:Untold\nR:hornpipe\n", "hornpipe", "fiddle tune"),
        ("1790", "T:Untold\n", "", "fiddle tune"),
    ],
)
def test_oneills_numbers_tell_the_dance(
    read_abc: ReadAbc, number: str, fields: str, dance: str, style: str
) -> None:
    item = read_abc("G4A4 | B4c4 |", fields=fields, book=ONEILL, number=number)
    assert isinstance(item, SourcePiece)
    assert item.labels.get("dance", "") == dance
    assert (item.style, item.piece.title) == (style, "Untold")


def test_a_file_may_hold_several_tunes_and_a_number_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tune = "X:7\nT:Tun\xe9\nM:4/4\nL:1/8\nK:G\nG4A4 | B4c4 |\n"
    (tmp_path / "book.abc").write_bytes(f"% a book\n\n{tune}\n{tune}".encode("latin-1"))
    monkeypatch.setattr(tunes, "corpus_folder", lambda name: tmp_path)
    items = list(read_book(AIRD))
    assert [item.song for item in items] == ["book/7", "book/7-2"]
    assert isinstance(items[0], SourcePiece) and items[0].piece.title == "Tun\xe9"
