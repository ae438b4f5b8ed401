"""Hymns in ABC, written here in the manner of the Open Hymnal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from musicgen_vae.corpus.sources import SPLITS, Failure, SourcePiece
from musicgen_vae.corpus.sources.openhymnal import list_songs, read_openhymnal
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Key, Meter, Role

STAVES = "%%staves (S1V1 S1V2) | (S2V1 S2V2) "
FREE = "copyright: public domain.  This score is a part of the Open Hymnal Project."
CHOIR = {
    "S1V1": "[Q:1/4=120] G | c B A G | F E D !fermata!C |]",
    "S1V2": "E | E D C B, | A, G, F, E, |]",
    "S2V1": "C | G, G, F, D, | C, C, G, G, |]",
    "S2V2": "C, | C, G,, F,, G,, | F,, C,, G,, C,, |]",
}

Read = Callable[..., SourcePiece | Failure]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a hymn whose voices are given."""

    def read(
        voices: Mapping[str, str] = CHOIR,
        *,
        meter: str = "4/4 % time signature",
        key: str = "C % key signature",
        unit: str = "1/4 % default length",
        said: str = FREE,
        staves: str = STAVES,
    ) -> SourcePiece | Failure:
        music = "\n".join(f"[V: {name}] {line}\nw: la la" for name, line in voices.items())
        folder = tmp_path / "Complete" / "A_Hymn"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "A_Hymn-Tune.abc").write_text(
            f"% (a comment)\n%OHCOMPOSER Somebody (1600-1650)\n\nX: 1\nT: A Hymn\nT: (again)\n"
            f"C: Words: Nobody, 1700.\nC: {said}\nM: {meter}\nL: {unit}\n{staves}\n"
            f"V: S1V1 clef=treble \nK: {key}\n%\n% 1\n{music}\nW: 2. la la\n",
            encoding="utf-8",
        )
        (item,) = read_openhymnal(tmp_path)
        return item

    return read


def line(item: SourcePiece | Failure, role: Role) -> list[tuple[int, int, int]]:
    """(step, pitch, duration) of the notes of a role."""
    assert isinstance(item, SourcePiece), item.reason
    return [(n.start, n.pitch, n.duration) for n in item.piece.notes if n.role is role]


def melody(read: Read, music: str, **fields: str) -> list[tuple[int, int, int]]:
    """The melody that a line of ABC stands for, above another of the same length."""
    item = read({"S1V1": music, "S2V2": music}, staves="%%staves S1V1 | S2V2", **fields)
    return line(item, Role.MELODY)


def test_four_voices_have_their_roles_and_bars(read: Read) -> None:
    item = read()
    assert isinstance(item, SourcePiece), item.reason
    assert [str(bar.meter) for bar in item.piece.bars] == ["4/4"] * 3
    assert line(item, Role.MELODY)[:3] == [(36, 67, 12), (48, 72, 12), (60, 71, 12)]
    assert line(item, Role.BASS)[:3] == [(36, 48, 12), (48, 48, 12), (60, 43, 12)]
    assert line(item, Role.HARMONY)[:4] == [(36, 60, 12), (36, 64, 12), (48, 55, 12), (48, 64, 12)]
    assert item.piece.bars[0].tempo_qpm == 120
    assert item.piece.key == Key()
    assert item.piece.title == "A Hymn"
    assert (item.source, item.song) == ("openhymnal", "A_Hymn/A_Hymn-Tune")
    assert (item.style, item.licence) == ("hymn", "public domain")
    assert item.labels == {"composer": "Somebody (1600-1650)"}
    assert item.split in SPLITS


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("c2 c/ c/ c | c4", [(0, 72, 24), (24, 72, 6), (30, 72, 6), (36, 72, 12), (48, 72, 48)]),
        ("c3/2 d/ e//f// g/4 z/4 z | c4", [(0, 72, 18), (18, 74, 6), (24, 76, 3), (27, 77, 3)]),
        ("(3c d e f2 | c4", [(0, 72, 8), (8, 74, 8), (16, 76, 8), (24, 77, 24)]),
        ("(3::2 c2 d c2 | c4", [(0, 72, 15), (16, 74, 8), (24, 72, 24), (48, 72, 48)]),
        ("(c d) c2- | c2 c2- | c4", [(0, 72, 12), (12, 74, 12), (24, 72, 48), (72, 72, 72)]),
        ("^c c =c _c | c4", [(0, 73, 12), (12, 73, 12), (24, 72, 12), (36, 71, 12), (48, 72, 48)]),
        ("C, c' ^c'2- | c'4", [(0, 48, 12), (12, 84, 12), (24, 85, 72)]),  # tied with its sharp
        ('"text" {d} !sintro!c4 | [K: C] c4', [(0, 72, 48), (48, 72, 48)]),
        ("[ce]2 [c2e2] | .c4", [(0, 76, 24), (24, 76, 24), (48, 72, 48)]),
        ("c4 & e4 | c4", [(0, 76, 48), (48, 72, 48)]),  # a second voice within the bar
        ("|: c4 :| c4 |]", [(0, 72, 48), (48, 72, 48)]),
        ("c2- d2 | c4", [(0, 72, 24), (24, 74, 24), (48, 72, 48)]),  # a tie that leads nowhere
    ],
)
def test_music_is_read(read: Read, music: str, expected: list[tuple[int, int, int]]) -> None:
    assert melody(read, music)[: len(expected)] == expected


@pytest.mark.parametrize(
    ("key", "pitches"),
    [
        ("D", [66, 71, 73, 74]),
        ("Bm", [66, 71, 73, 74]),
        ("Eb", [65, 70, 72, 74]),
        ("F minor", [65, 70, 72, 73]),
    ],
)
def test_the_signature_alters_notes(read: Read, key: str, pitches: list[int]) -> None:
    assert [pitch for _, pitch, _ in melody(read, "F B c d", key=key)] == pitches


@pytest.mark.parametrize(
    ("meter", "music", "meters", "start"),
    [
        ("3/4", "c | c c c", "3/4 3/4", 24),
        ("3/2", "c2 c2 c2", "6/4", 0),
        ("6/8", "c/ | c3/2 c3/2", "6/8 6/8", 30),
        ("2/4", "c c | c c | c c", "4/4 4/4", 0),
        ("2/4", "c | c c | c c", "4/4 4/4", 36),
        ("8/4", "c8", "4/4 4/4", 0),
        ("2/2", "c2 c2", "4/4", 0),
    ],
)
def test_bars_follow_the_meter(read: Read, meter: str, music: str, meters: str, start: int) -> None:
    item = read({"S1V1": music + " |]", "S2V2": music}, staves="%%staves S1V1 | S2V2", meter=meter)
    assert isinstance(item, SourcePiece), item.reason
    expected = [Meter.parse(text) for text in meters.split()]
    assert {bar.meter for bar in item.piece.bars} == set(expected)
    assert item.piece.notes[0].start == start


def test_the_outer_notes_of_chords_are_melody_and_bass(read: Read) -> None:
    item = read({"S1": "[CEG]4 | [CFA]4", "S2": "[C,E,]4 | [F,,C,]4"}, staves="%%staves S1 | S2")
    assert line(item, Role.MELODY) == [(0, 67, 48), (48, 69, 48)]
    assert line(item, Role.BASS) == [(0, 48, 48), (48, 41, 48)]
    assert [pitch for _, pitch, _ in line(item, Role.HARMONY)] == [52, 60, 64, 48, 60, 65]


@pytest.mark.parametrize(
    "said",
    [
        "Words: Copyright 2009, Somebody. These lyrics may be freely reproduced.",
        "copyright: public domain. Setting: Copyright 2009 Somebody.",
        "copyright: This hymn may be freely used for worship. Words public domain.",
        "by Somebody",
    ],
)
def test_hymns_with_reserved_rights_are_refused(read: Read, said: str) -> None:
    item = read(said=said)
    assert isinstance(item, Failure) and "header" in item.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"meter": "none"}, "no meter"),
        ({"key": "Ddor"}, "'Ddor' is not major or minor"),
        ({"meter": "9/2"}, "does not fit the grid"),
        ({"voices": {**CHOIR, "S1V1": "c [M:3/4] c"}}, "meter changes"),
        ({"voices": {**CHOIR, "S1V1": "c4 |[1 c4 :|"}}, "endings"),
        ({"voices": {**CHOIR, "S1V1": "G | c3 | c4"}}, "S1V1 8, S1V2 9"),
        ({"voices": {"S1V1": "c4 |]"}}, "fewer than two voices"),
        ({"voices": {"S1V1": "c4 | c5 | c4 | c4 |]", "S1V2": "c17"}}, "3 of 4 bar lines"),
    ],
)
def test_what_cannot_be_read_is_a_failure(read: Read, change: dict[str, str], reason: str) -> None:
    item = read(**change)
    assert isinstance(item, Failure), item
    assert reason in item.reason


def test_a_folder_without_hymns_is_said(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no .abc files"):
        list_songs(tmp_path)
