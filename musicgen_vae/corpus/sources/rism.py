"""Incipits of RISM: how some two million works in manuscript and early print begin.

The Répertoire International des Sources Musicales gives its catalogue away as MARCXML; field 031
of a record holds an incipit in Plaine & Easie Code. No such file is at hand where this was written:
the reader is tried on records written for its tests only.

This module knows the catalogue's records; ``plaine_easie`` knows the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from pathlib import Path
from xml.etree import ElementTree

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.folder import split_of
from musicgen_vae.corpus.sources.plaine_easie import CodedBar, Tone, read_plaine_easie
from musicgen_vae.corpus.sources.scores import Layout, Measure, assemble, lay_measures, whole_meter
from musicgen_vae.errors import CorpusError, InputError
from musicgen_vae.music.clip import STEPS_PER_BEAT, Key, Mode, Note, Piece, Role

SOURCE = "RISM incipits"
STYLE = "incipit"
LICENCE = "CC BY (RISM)"
_TEMPOS = {
    "prestissimo": 176.0, "presto": 160.0, "vivace": 144.0, "allegretto": 104.0, "allegro": 126.0,
    "moderato": 96.0, "andantino": 84.0, "andante": 76.0, "larghetto": 66.0, "adagio": 60.0,
    "largo": 52.0, "grave": 48.0,
}  # fmt: skip
"""Quarter notes a minute for the first of these words that a heading has."""
_QPM = 96.0
_PROGRAM = 40
"""General MIDI program: a violin."""


@dataclass(frozen=True, kw_only=True)
class Incipit:
    """Field 031 of a record.

    Attributes:
        name: number of the record and of the incipit in it, such as "452505919 1.1.1".
        title: of the work.
        composer: empty if unknown.
        heading: tempo or title above the music.
        clef: such as "G-2"; a "+" in it means mensural notation.
        key: such as "D" or "d", or empty.
        signature: such as "xFC".
        meter: such as "3/4".
        code: the music.
    """

    name: str
    title: str
    composer: str
    heading: str
    clef: str
    key: str
    signature: str
    meter: str
    code: str


def list_incipits(path: Path) -> Iterator[Incipit]:
    """The incipits in a MARCXML file, in order; the file may be larger than memory.

    Raises:
        CorpusError: if it cannot be read as XML.
    """
    try:
        for _, element in ElementTree.iterparse(path):
            if element.tag.rpartition("}")[2] == "record":
                yield from _incipits(element)
                element.clear()
    except (OSError, ElementTree.ParseError) as error:
        raise CorpusError(f"{path} cannot be read as MARCXML: {error}") from error


def read_rism(path: Path) -> Iterator[SourcePiece | Failure]:
    """Every incipit of a MARCXML file, in order.

    Raises:
        CorpusError: if the file cannot be read as XML.
    """
    for incipit in list_incipits(path):
        yield read_incipit(incipit)


def read_incipit(incipit: Incipit) -> SourcePiece | Failure:
    """One incipit as a melody; a ``Failure`` says why it cannot be used."""
    try:
        if "+" in incipit.clef:
            raise CorpusError("it is in mensural notation")
        piece = _piece(incipit)
    except InputError as error:
        return Failure(source=SOURCE, song=incipit.name, reason=str(error))
    labels = {"composer": incipit.composer, "heading": incipit.heading}
    return SourcePiece(
        piece=piece,
        source=SOURCE,
        song=incipit.name,
        licence=LICENCE,
        style=STYLE,
        # Copies of a work are catalogued one by one: the music decides, at whatever pitch.
        split=split_of(_contour(piece)),
        labels={name: text for name, text in labels.items() if text},
    )


def _incipits(record: ElementTree.Element) -> Iterator[Incipit]:
    numbers = [field.text or "" for field in record if field.get("tag") == "001"]
    fields = [(field.get("tag"), _subfields(field)) for field in record]
    composer = next((field.get("a", "") for tag, field in fields if tag == "100"), "")
    title = next((field.get("a", "") for tag, field in fields if tag in ("240", "245")), "")
    for tag, field in fields:
        if tag == "031" and field.get("p"):
            number = ".".join(field.get(part, "1") for part in "abc")
            yield Incipit(
                name=f"{numbers[0] if numbers else '?'} {number}",
                title=title,
                composer=composer,
                heading=field.get("d", ""),
                clef=field.get("g", ""),
                key=field.get("r", ""),
                signature=field.get("n", ""),
                meter=field.get("o", ""),
                code=field["p"],
            )


def _subfields(field: ElementTree.Element) -> dict[str, str]:
    """Text by code; of several with one code the first."""
    result: dict[str, str] = {}
    for part in field:
        result.setdefault(part.get("code", ""), (part.text or "").strip())
    return result


def _piece(incipit: Incipit) -> Piece:
    bars = read_plaine_easie(incipit.code, key=incipit.signature, meter=incipit.meter)
    tempo_qpm = _tempo(incipit.heading)
    measures = [
        Measure(
            index=index,
            steps=_whole_steps(bar.length),
            meter=whole_meter(*bar.meter),
            tempo_qpm=tempo_qpm,
        )
        for index, bar in enumerate(bars)
    ]
    if not measures:
        raise CorpusError("it has no notes")
    layout = lay_measures(measures)
    n_off_grid, notes = _notes(bars, layout)
    return assemble(
        [(Role.MELODY, _PROGRAM, notes)],
        layout,
        n_off_grid=n_off_grid,
        title=incipit.title,
        key=_key(incipit.key),
    )


def _whole_steps(length: Fraction) -> int:
    steps = STEPS_PER_BEAT * length
    if steps.denominator != 1:
        raise CorpusError(f"a bar in it lasts {length} quarter notes")
    return int(steps)


def _notes(bars: Sequence[CodedBar], layout: Layout) -> tuple[int, list[Note]]:
    """How many notes are off the grid, and all notes, tied ones as one."""
    joined: list[tuple[Fraction, Tone]] = []
    for index, bar in enumerate(bars):
        for tone in bar.tones:
            start = layout.starts[index] + STEPS_PER_BEAT * tone.start
            if joined and joined[-1][1].tied and joined[-1][1].pitch == tone.pitch:
                before, first = joined.pop()
                length = first.length + tone.length
                joined.append(
                    (
                        before,
                        Tone(start=first.start, length=length, pitch=tone.pitch, tied=tone.tied),
                    )
                )
            else:
                joined.append((start, tone))
    notes = [
        Note(
            start=floor(start + Fraction(1, 2)),
            role=Role.MELODY,
            pitch=tone.pitch,
            duration=max(1, floor(STEPS_PER_BEAT * tone.length + Fraction(1, 2))),
        )
        for start, tone in joined
    ]
    return sum(start.denominator != 1 for start, _ in joined), notes


def _tempo(heading: str) -> float:
    words = heading.lower()
    return next((tempo for word, tempo in _TEMPOS.items() if word in words), _QPM)


def _key(text: str) -> Key | None:
    """The key that is named like "D", "d", "B|b" or "f|x"; None if it is none or a mode."""
    found = re.fullmatch(r"([A-Ga-g])\|?([bx]?)", text.strip())
    if found is None:
        return None
    mode = Mode.MAJOR if found[1].isupper() else Mode.MINOR
    accidental = {"b": "b", "x": "#", "": ""}[found[2]]
    return Key.parse(f"{found[1].upper()}{accidental} {mode.value}")


def _contour(piece: Piece) -> str:
    """The intervals between successive notes."""
    pitches = [note.pitch for note in piece.notes]
    return " ".join(str(b - a) for a, b in zip(pitches, pitches[1:], strict=False))
