"""Plaine & Easie Code and RISM's records, on tunes in the public domain written out here."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.plaine_easie import CodedBar, read_plaine_easie
from musicgen_vae.corpus.sources.rism import list_incipits, read_rism
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Key

JOY = "4'FFGA+/AGFE/DDEF/4.F8E2E/4FFGA/AGFE/DDEF/4.E8D2D//"
"""Beethoven's Ode to Joy in D major, with a tie that the tune does not have."""


def bars(code: str, key: str = "", meter: str = "4/4") -> tuple[CodedBar, ...]:
    return read_plaine_easie(code, key=key, meter=meter)


def pitches(code: str, key: str = "") -> list[int]:
    return [tone.pitch for bar in bars(code, key) for tone in bar.tones]


def lengths(code: str) -> list[Fraction]:
    return [tone.length for bar in bars(code) for tone in bar.tones]


def test_octaves_accidentals_and_key_signature() -> None:
    assert pitches("4'C''C,C,,C") == [60, 72, 48, 36]
    assert pitches("4'FCnFF/F", "xFC") == [66, 61, 65, 65, 66]
    assert pitches("4'xFbBxxCnB/FB") == [66, 70, 62, 71, 65, 71]
    assert pitches("4'xF''F'F") == [66, 77, 66]


def test_durations_dots_and_rhythms_that_repeat() -> None:
    assert lengths("1'C2C4C8C6C3C") == [4, 2, 1, Fraction(1, 2), Fraction(1, 4), Fraction(1, 8)]
    assert lengths("4.'C8D2..E") == [Fraction(3, 2), Fraction(1, 2), Fraction(7, 2)]
    assert lengths("8.6'CDEF") == [Fraction(3, 4), Fraction(1, 4)] * 2


def test_triplets_groups_and_fermatas() -> None:
    assert lengths("8('CDE)") == [Fraction(1, 3)] * 3
    assert lengths("4(6'CDEFG;5)") == [Fraction(1, 5)] * 5
    assert lengths("4('C)") == [1]
    (bar,) = bars("4'C8(DEF)2G")
    assert [tone.start for tone in bar.tones] == [0, 1, Fraction(4, 3), Fraction(5, 3), 2]


def test_rests_bars_beams_graces_and_trills() -> None:
    first, *others = bars("4-'C{8DE}g'F4Gt/=2/qq6'CDr1C//", meter="4/4")
    assert [tone.start for tone in first.tones] == [1, 2, Fraction(5, 2), 3]
    assert [bar.length for bar in others] == [4, 4, 4]
    assert [len(bar.tones) for bar in others] == [0, 0, 1]


def test_figures_and_bars_that_repeat() -> None:
    assert pitches("!8'CD!ff/i/4E") == [60, 62] * 6 + [64]
    assert [bar.length for bar in bars("!8'CD!fff/i")] == [4, 4]


def test_an_accidental_is_tied_over_a_bar_line_but_goes_no_further() -> None:
    assert pitches("1'xF+/2FE/F") == [66, 66, 64, 65]


def test_key_and_meter_change_on_the_way() -> None:
    first, second = bars("4'F///$xF @3/4 4'FGA")
    assert first.tones[0].pitch == 65
    assert (second.meter, second.tones[0].pitch) == ((3, 4), 66)


@pytest.mark.parametrize(
    ("code", "meter", "reason"),
    [
        ("4'C^E", "4/4", "is not read here"),
        ("'C", "4/4", "no duration"),
        ("4'C", "o", "not a modern one"),
    ],
)
def test_what_is_not_read_is_refused(code: str, meter: str, reason: str) -> None:
    with pytest.raises(CorpusError, match=reason):
        bars(code, meter=meter)


def _catalogue(path: Path, code: str, *, clef: str = "G-2", meter: str = "4/4") -> Path:
    fields = {"a": "1", "b": "1", "c": "1", "d": "Allegro", "g": clef, "n": "xFC", "o": meter,
              "p": code, "r": "D"}  # fmt: skip
    subfields = "".join(f'<subfield code="{k}">{v}</subfield>' for k, v in fields.items())
    path.write_text(
        '<collection xmlns="http://www.loc.gov/MARC21/slim"><record>'
        '<controlfield tag="001">42</controlfield>'
        f'<datafield tag="031">{subfields}</datafield>'
        '<datafield tag="100"><subfield code="a">Beethoven, Ludwig van</subfield></datafield>'
        '<datafield tag="240"><subfield code="a">Symphonies</subfield></datafield>'
        '<datafield tag="031"><subfield code="t">words only</subfield></datafield>'
        "</record></collection>",
        encoding="utf-8",
    )
    return path


def test_a_record_becomes_a_melody(tmp_path: Path) -> None:
    (item,) = read_rism(_catalogue(tmp_path / "rism.xml", JOY))
    assert isinstance(item, SourcePiece), item.reason
    assert item.song == "42 1.1.1"
    assert item.labels == {"composer": "Beethoven, Ludwig van", "heading": "Allegro"}
    assert item.piece.title == "Symphonies"
    assert item.piece.key == Key.parse("D major")
    assert len(item.piece.bars) == 8
    assert [(n.start, n.pitch, n.duration) for n in item.piece.notes][:4] == [
        (0, 66, 12), (12, 66, 12), (24, 67, 12), (36, 69, 24),
    ]  # fmt: skip


def test_copies_in_another_key_fall_in_the_same_split(tmp_path: Path) -> None:
    tunes = [JOY, "".join({"'": "''"}.get(letter, letter) for letter in JOY)]
    splits = set()
    for tune in tunes:
        (item,) = read_rism(_catalogue(tmp_path / "rism.xml", tune))
        assert isinstance(item, SourcePiece)
        splits.add(item.split)
    assert len(splits) == 1


def test_old_notation_and_damaged_files_are_named(tmp_path: Path) -> None:
    (item,) = read_rism(_catalogue(tmp_path / "rism.xml", JOY, clef="C+3"))
    assert isinstance(item, Failure)
    assert item.reason == "it is in mensural notation"
    damaged = tmp_path / "damaged.xml"
    damaged.write_text("<collection><record>", encoding="utf-8")
    with pytest.raises(CorpusError, match="MARCXML"):
        list(list_incipits(damaged))
