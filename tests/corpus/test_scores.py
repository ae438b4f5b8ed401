"""What comes out of a score: bars, notes, loudness and tempo."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicgen_vae.corpus.sources.scores import (
    Layout,
    Part,
    assemble,
    lay_out,
    movements,
    parse_score,
    read_part,
    staves_by_part,
    whole_meter,
)
from musicgen_vae.errors import ClipError, CorpusError
from musicgen_vae.music.clip import Key, Meter, Role
from tests.corpus.tiny_scores import measure, notes, part, piano, write_score

pytest.importorskip("music21")


def read(
    tmp_path: Path, body: str, measures: range | None = None, qpm: float = 100
) -> tuple[Layout, Part]:
    """The first part of a score with the given measures."""
    score = parse_score(write_score(tmp_path / "score.musicxml", [("One", body)]))
    ((_, staves),) = staves_by_part(score)
    layout = lay_out(staves, tempo_qpm=qpm, measures=measures)
    return layout, read_part(staves, layout)


def meters(layout: Layout) -> list[str]:
    return [str(bar.meter) for bar in layout.bars]


def places(music: Part) -> list[tuple[int, int, int]]:
    return [(n.start, n.pitch, n.duration) for n in music.notes]


def test_notes_and_chords_are_where_they_are_written(tmp_path: Path) -> None:
    layout, music = read(tmp_path, part(["C4:1 +E4:1 r:1 F#4:2", "Bb3:4"]))
    assert meters(layout) == ["4/4", "4/4"]
    assert sorted(places(music)) == [(0, 60, 12), (0, 64, 12), (24, 66, 24), (48, 58, 48)]
    assert music.off_grid == ()


def test_tied_notes_are_one_and_grace_notes_none(tmp_path: Path) -> None:
    _, music = read(tmp_path, part(["C4:2 gD4 C4:2~", "~C4:1~ ~C4:1 C4:2"]))
    assert places(music) == [(0, 60, 24), (24, 60, 48), (72, 60, 24)]


def test_triplets_are_on_the_grid_and_half_of_the_thirty_seconds_are_not(tmp_path: Path) -> None:
    thirds = " ".join(f"{letter}4:1/3" for letter in "CDE")
    eighths = " ".join(f"{letter}4:1/8" for letter in "CDEFGABC")
    _, music = read(tmp_path, part([f"{thirds} {eighths} r:2"]))
    assert [n.start for n in music.notes][:7] == [0, 4, 8, 12, 14, 15, 17]
    assert music.off_grid == (14, 17, 20, 23)


def test_a_pickup_stands_at_the_end_of_its_bar(tmp_path: Path) -> None:
    layout, music = read(tmp_path, part(["G4:1", "C5:3", "E5:2"], meter="3/4"))
    assert meters(layout) == ["3/4"] * 3
    assert [n.start for n in music.notes] == [24, 36, 72]


def test_halves_of_bars_and_long_bars_become_bars_for_the_grid(tmp_path: Path) -> None:
    layout, _ = read(tmp_path, part(["C4:2", "D4:2", "E4:2", "F4:2"], meter="2/4"))
    assert meters(layout) == ["4/4", "4/4"]
    layout, music = read(tmp_path, part(["C4:4 D4:4", "E4:8"], meter="4/2"))
    assert meters(layout) == ["4/4"] * 4
    assert [n.start for n in music.notes] == [0, 48, 96]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [("2/2", "4/4"), ("3/2", "6/4"), ("4/2", "4/4"), ("9/4", "3/4"), ("6/8", "6/8")],
)
def test_meters_for_the_grid(written: str, read_as: str) -> None:
    numerator, denominator = map(int, written.split("/"))
    assert whole_meter(numerator, denominator) == Meter.parse(read_as)


def test_a_meter_that_fits_no_grid_is_refused() -> None:
    with pytest.raises(ClipError, match="does not fit the grid"):
        whole_meter(11, 4)


def test_first_endings_are_left_out(tmp_path: Path) -> None:
    body = (
        measure(notes("C4:4"), number=1, meter="4/4")
        + measure(notes("D4:4"), number=2, ending="1")
        + measure(notes("E4:4"), number=3, ending="2")
        + measure(notes("F4:4"), number=4)
    )
    layout, music = read(tmp_path, body)
    assert places(music) == [(0, 60, 48), (48, 64, 48), (96, 65, 48)]
    assert len(layout.bars) == 3


def test_a_tempo_holds_until_the_next_one(tmp_path: Path) -> None:
    layout, _ = read(
        tmp_path, part(["C4:4", "q=90 C4:4", "C4:2 q=60 C4:2", "C4:4", "q=900 C4:4"]), qpm=111
    )
    assert [bar.tempo_qpm for bar in layout.bars] == [111, 90, 90, 60, 60]


def test_loudness_is_the_latest_mark_and_unknown_before_it(tmp_path: Path) -> None:
    _, music = read(tmp_path, part(["C4:1 p! D4:1 E4:1 sf! F4:1", "ff! G4:4"]))
    assert [n.velocity for n in music.notes] == [None, 3, 3, 3, 7]


def test_a_mark_on_one_staff_counts_for_both_hands(tmp_path: Path) -> None:
    layout, music = read(tmp_path, piano([("f! C5:4", "C3:2 D3:2")]))
    assert {(n.pitch, n.velocity) for n in music.notes} == {(72, 6), (48, 6), (50, 6)}
    assert len(layout.bars) == 1


def test_movements_begin_where_the_numbers_do(tmp_path: Path) -> None:
    body = "".join(
        measure(notes("C4:4"), number=number, meter="4/4" if i == 0 else "")
        for i, number in enumerate([1, 2, 3, 1, 2, 0, 1])
    )
    score = parse_score(write_score(tmp_path / "score.musicxml", [("One", body)]))
    assert movements(score.parts[0]) == (range(3), range(3, 5), range(5, 7))
    # A movement that states no meter goes on in that of the one before.
    layout, music = read(tmp_path, body, measures=range(3, 5))
    assert meters(layout) == ["4/4"] * 2
    assert [n.start for n in music.notes] == [0, 48]


def test_a_piece_has_its_share_of_notes_off_the_grid_and_a_key(tmp_path: Path) -> None:
    layout, music = read(tmp_path, part(["G4:1 A4:1 B4:1 D5:1", "F#4:1 A4:1 G4:2"]))
    piece = assemble([(Role.MELODY, 40, music.notes)], layout, n_off_grid=2, title="Tiny")
    assert piece.off_grid == pytest.approx(2 / 7)
    assert piece.key == Key.parse("G major")
    assert piece.programs[Role.MELODY] == 40
    assert {n.role for n in piece.notes} == {Role.MELODY}


def test_what_makes_no_piece_says_why(tmp_path: Path) -> None:
    layout, music = read(tmp_path, part(["r:4"]))
    with pytest.raises(CorpusError, match="no notes"):
        assemble([(Role.MELODY, 0, music.notes)], layout, n_off_grid=0, title="")
    with pytest.raises(CorpusError, match="no meter"):
        read(tmp_path, part(["C4:4"], meter=""))
    with pytest.raises(CorpusError, match="3 of 5 bars"):
        read(tmp_path, part(["C4:4", "C4:3", "C4:2", "C4:3", "C4:4"]))
    broken = tmp_path / "broken.mxl"
    broken.write_bytes(b"no zip")
    with pytest.raises(CorpusError, match="cannot parse"):
        parse_score(broken)
