"""Lead sheets: a melody with chord symbols above it, and what a plain pianist makes of them.

``read_lead_sheet`` gives the symbols as they are written, for whoever arranges them; ``accompany``
turns them into held chords and bass notes. This module knows one score; it does not know a data
set or an arranger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from musicgen_vae.corpus.sources.scores import (
    Layout,
    assemble,
    lay_out,
    parse_score,
    read_part,
    staves_by_part,
)
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import STEPS_PER_BEAT, Bar, Note, Piece, Role

_TEMPOS = {"2/2": 168.0, "3/4": 132.0, "6/8": 96.0, "12/8": 120.0}
_OTHER_TEMPO = 120.0
"""Quarter notes a minute where a sheet gives no tempo, as few do."""
_LOWEST_CHORD, _LOWEST_BASS = 55, 36
"""Lowest pitch of the octave in which chords lie (G3), and of the bass's (C2)."""
_TRIAD, _MAX_CHORD = 3, 4
"""Notes in the smallest chord, and the most that stand above a bass."""
_TELLING = (4, 3, 10, 11, 9, 2, 1, 8, 6, 7, 0, 5)
"""Semitones above the root, what tells most of a chord first: third, seventh, sixth, ninth."""


@dataclass(frozen=True, kw_only=True)
class ChordSymbol:
    """A chord as it is written above the melody.

    Attributes:
        start: step from which it holds.
        end: step until which it holds, larger than ``start``.
        root: pitch class 0 to 11, C = 0.
        quality: kind as music21 names it, close to MusicXML: "major", "dominant-seventh", ...
        bass: pitch class of the lowest note; the root unless it is written otherwise.
        pitch_classes: all of the chord, altered and added ones too, upwards from the root.
    """

    start: int
    end: int
    root: int
    quality: str
    bass: int
    pitch_classes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class LeadSheet:
    """A melody and the chords that go with it.

    Attributes:
        melody: a piece with notes of the melody only.
        chords: by start, without overlap; where none holds, none is written.
    """

    melody: Piece
    chords: tuple[ChordSymbol, ...]


def read_lead_sheet(path: Path, *, title: str = "") -> LeadSheet:
    """The lead sheet in a MusicXML file: the notes of its first part and its chord symbols.

    Args:
        path: of the file, compressed (.mxl) or not.
        title: of the piece.

    Raises:
        CorpusError: if it cannot be read or has no notes.
    """
    parts = staves_by_part(parse_score(path))
    if not parts:
        raise CorpusError("it has no parts")
    staves = parts[0][1]
    signature = staves[0].recurse().getElementsByClass("TimeSignature").first()
    meter = signature.ratioString if signature is not None else ""
    layout = lay_out(staves, tempo_qpm=_TEMPOS.get(meter, _OTHER_TEMPO))
    part = read_part(staves, layout)
    melody = assemble(
        [(Role.MELODY, 0, part.notes)], layout, n_off_grid=len(part.off_grid), title=title
    )
    return LeadSheet(melody=melody, chords=tuple(_chords(staves[0], layout)))


def accompany(
    chords: Sequence[ChordSymbol], bars: Sequence[Bar]
) -> tuple[tuple[Note, ...], tuple[Note, ...]]:
    """Plain chords and the bass under them, both struck with every chord and every bar.

    All chords lie within one octave, so that neighbours share or hardly move their notes. A chord
    of four notes or more leaves its root to the bass, and a fuller one what tells least of it.

    Returns:
        Notes of harmony and of bass, with durations of any number of steps.
    """
    harmony: list[Note] = []
    bass: list[Note] = []
    lines = [bar.start for bar in bars]
    for chord in chords:
        strokes = [chord.start, *(line for line in lines if chord.start < line < chord.end)]
        for start, end in zip(strokes, [*strokes[1:], chord.end], strict=True):
            harmony += [
                Note(start=start, role=Role.HARMONY, pitch=pitch, duration=end - start)
                for pitch in _voicing(chord)
            ]
            low = _in_octave(chord.bass, _LOWEST_BASS)
            bass.append(Note(start=start, role=Role.BASS, pitch=low, duration=end - start))
    return tuple(harmony), tuple(bass)


def _voicing(chord: ChordSymbol) -> list[int]:
    """Pitches of the chord without what the bass plays for it, upwards."""
    classes = list(chord.pitch_classes)
    if len(classes) > _TRIAD and chord.root in classes:
        classes.remove(chord.root)
    classes.sort(key=lambda pitch_class: _TELLING.index((pitch_class - chord.root) % 12))
    return sorted(_in_octave(pitch_class, _LOWEST_CHORD) for pitch_class in classes[:_MAX_CHORD])


def _in_octave(pitch_class: int, lowest: int) -> int:
    """The pitch of that class from ``lowest`` to eleven semitones above."""
    return lowest + (pitch_class - lowest) % 12


def _chords(staff: Any, layout: Layout) -> Iterator[ChordSymbol]:
    """The symbols above a staff; of several at one place the last."""
    written: dict[int, Any] = {}
    for index, measure in enumerate(staff.getElementsByClass("Measure")):
        if index in layout.starts:
            for symbol in measure.getElementsByClass("ChordSymbol"):
                offset = STEPS_PER_BEAT * Fraction(symbol.offset)
                written[layout.starts[index] + round(offset)] = symbol
    starts = sorted(written)
    for start, end in zip(starts, [*starts[1:], layout.bars[-1].end], strict=False):
        chord = _chord(written[start], start, end)
        if chord is not None and start < end:
            yield chord


def _chord(symbol: Any, start: int, end: int) -> ChordSymbol | None:
    """One symbol; None for "no chord" and for what names no root."""
    if "NoChord" in symbol.classes or symbol.root() is None or not symbol.pitches:
        return None
    root = int(symbol.root().pitchClass)
    bass = symbol.bass()
    classes = {int(pitch.pitchClass) for pitch in symbol.pitches} | {root}
    return ChordSymbol(
        start=start,
        end=end,
        root=root,
        quality=str(symbol.chordKind or "other"),
        bass=root if bass is None else int(bass.pitchClass),
        pitch_classes=tuple(sorted(classes, key=lambda pitch_class: (pitch_class - root) % 12)),
    )
