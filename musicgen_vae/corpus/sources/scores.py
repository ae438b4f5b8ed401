"""Scores as music21 parses them, put on the grid.

music21 (Cuthbert and Ariza, "music21: A Toolkit for Computer-Aided Musicology and Symbolic Music
Data", 2010) reads MusicXML and ABC. Only readers of data sets need it, so it is a dependency of
development and imported when one of them runs.

What is written is what counts, not what is played: repeats are not unfolded, so that all music
stands once, without first endings where there are second ones. Tied notes are one; grace notes,
fermatas, trills and arpeggio signs are passed over. A note that does not start on the grid, as in
a group of five, goes to the nearest step and is counted.

A bar that a repeat sign or a double line cuts in two is put together again; a pickup stands at the
end of its bar, the last bar is filled up, and any other bar of odd length keeps the length that it
has. Two bars of 2/4 make one of 4/4; n/2 is read as 2n/4, and one bar of 4/2 as two of 4/4.

This module knows measures, meters, tempos and dynamics; it does not know which part is the melody,
nor any data set.
"""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from itertools import groupby
from math import floor
from pathlib import Path
from typing import Any

from musicgen_vae.errors import ClipError, CorpusError
from musicgen_vae.music.clip import (
    MAX_STEPS_PER_BAR,
    STEPS_PER_BEAT,
    Bar,
    Key,
    Meter,
    Note,
    Piece,
    Role,
)
from musicgen_vae.music.key import estimate_key
from musicgen_vae.music.roles import Track, assign_roles

_MAX_ODD_BARS = 0.25
_HALF_BAR = Meter(numerator=2)
_MIN_QPM, _MAX_QPM = 20.0, 300.0
"""Written tempos outside are slips, or tell a player program how to play a fermata."""
_DYNAMICS = {
    "ppppp": 0, "pppp": 0, "ppp": 1, "pp": 2, "p": 3, "mp": 4, "mf": 5, "f": 6, "ff": 7, "fff": 7,
    "ffff": 7, "fp": 3, "ffp": 3, "sfp": 3, "sfpp": 2,
}  # fmt: skip
"""Velocity class (0 to 7) from such a mark on; accents such as sf and fz change nothing."""
_SILENT = frozenset({"ChordSymbol", "Unpitched", "PercussionChord"})
"""What music21 lists among the notes but has no notes to read."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the measures of a score lie on the grid.

    Attributes:
        bars: without gaps from step 0.
        starts: step at which each measure that counts starts, by its index in every part.
    """

    bars: tuple[Bar, ...]
    starts: Mapping[int, int]


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one instrument plays.

    Attributes:
        notes: with durations of any number of steps from 1; their roles say nothing.
        off_grid: steps at which those start that are written to start between two steps.
    """

    notes: tuple[Note, ...]
    off_grid: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure as written.

    Attributes:
        index: its place in its part.
        steps: its length.
        meter: that it stands in, whatever its length.
        tempo_qpm: quarter notes a minute.
    """

    index: int
    steps: int
    meter: Meter
    tempo_qpm: float


def music21_module(name: str) -> Any:
    """A module of music21, without the warnings of its import.

    Raises:
        CorpusError: if music21 is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return import_module(name)
        except ImportError as error:
            raise CorpusError("music21 is not installed: run pip install music21") from error


def parse_score(source: Path | str) -> Any:
    """A file, or the text of an ABC tune, as a music21 score.

    Raises:
        CorpusError: if music21 is not there or cannot parse it.
    """
    converter = music21_module("music21.converter")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if isinstance(source, Path):
                return converter.parseFile(source, forceSource=True, storePickle=False)
            return converter.parseData(source, format="abc")
        except Exception as error:  # another project's parser: anything may go wrong in it
            raise CorpusError(f"music21 cannot parse it: {error}") from error


def staves_by_part(score: Any) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """(name, staves) of every part of a score: a piano has two staves, a voice has one."""
    groups: dict[str, list[Any]] = {}
    for staff in score.parts:
        groups.setdefault(str(staff.id).partition("-Staff")[0], []).append(staff)
    return tuple((str(staves[0].partName or ""), tuple(staves)) for staves in groups.values())


def movements(staff: Any) -> tuple[range, ...]:
    """Indices of the measures of each movement: one begins where the numbers start again."""
    measures = _measures_of(staff)
    begins = [
        i
        for i, measure in enumerate(measures)
        if i == 0 or (measure.number <= 1 and measure.number < measures[i - 1].number)
    ]
    return tuple(map(range, begins, [*begins[1:], len(measures)]))


def lay_out(staves: Sequence[Any], *, tempo_qpm: float, measures: range | None = None) -> Layout:
    """Bars of a score and where its measures start.

    Args:
        staves: all of them, so that the fullest tells how long a measure is.
        tempo_qpm: quarter notes a minute where the score says nothing.
        measures: indices of those that count, successive; all if None.

    Raises:
        CorpusError: if its bars cannot be made out.
    """
    try:
        return lay_measures(_read_measures(staves, tempo_qpm, measures))
    except ClipError as error:
        raise CorpusError(str(error)) from error


def whole_meter(numerator: int, denominator: int) -> Meter:
    """A time signature as one for the grid.

    It is counted in quarter notes if it is written in longer ones, and halved or cut in three if
    its bar is too long for the grid.

    Raises:
        ClipError: if it still does not fit.
    """
    factor = max(1, 4 // denominator)
    numerator, denominator = numerator * factor, denominator * factor
    steps = Fraction(4 * STEPS_PER_BEAT * numerator, denominator)
    for n_bars in (2, 3):
        if steps > MAX_STEPS_PER_BAR and numerator % n_bars == 0:
            return Meter(numerator=numerator // n_bars, denominator=denominator)
    return Meter(numerator=numerator, denominator=denominator)


def lay_measures(measures: Sequence[Measure]) -> Layout:
    """Bars of measures one after another, as the head of this file describes.

    Args:
        measures: at least one, each of at least one step.

    Raises:
        ClipError: if a bar does not fit the grid.
        CorpusError: if too many bars have not the length that their meter says.
    """
    meters: list[Meter] = []
    starts: dict[int, int] = {}
    at = n_odd = 0
    groups = list(_bars_of(measures))
    for i, group in enumerate(groups):
        meter = group[0].meter
        steps = sum(measure.steps for measure in group)
        if i == 0 and steps < meter.steps:
            meter = Meter() if meter == _HALF_BAR else meter
            at = meter.steps - steps
        for measure in group:
            starts[measure.index] = at
            at += measure.steps
        if i in (0, len(groups) - 1) and steps < meter.steps:
            meters.append(meter)
        elif steps % meter.steps == 0:
            meters += [meter] * (steps // meter.steps)
        else:
            meters.append(_meter_of(steps))
            n_odd += 1
    if n_odd > _MAX_ODD_BARS * len(meters):
        raise CorpusError(f"{n_odd} of {len(meters)} bars are not as long as the meter says")
    return Layout(bars=_bars(_pair(meters), measures, starts), starts=starts)


def read_part(staves: Sequence[Any], layout: Layout) -> Part:
    """The notes of one part on the grid.

    Loudness is the latest dynamic mark on any of its staves, and unknown before the first one;
    swells between two marks are passed over.

    Args:
        staves: of one instrument.
        layout: of the score that it belongs to.
    """
    marks = sorted(mark for staff in staves for mark in _dynamics(staff, layout.starts))
    steps = [step for step, _ in marks]
    notes = []
    off_grid = []
    for onset, length, pitch in _notes(staves, layout.starts):
        start = floor(onset + Fraction(1, 2))
        if onset.denominator != 1:
            off_grid.append(start)
        n_marks = bisect_right(steps, start)
        notes.append(
            Note(
                start=start,
                role=Role.HARMONY,
                pitch=pitch,
                duration=max(1, floor(length + Fraction(1, 2))),
                velocity=marks[n_marks - 1][1] if n_marks else None,
            )
        )
    return Part(notes=tuple(notes), off_grid=tuple(off_grid))


def assemble(
    roles: Sequence[tuple[Role, int, Iterable[Note]]],
    layout: Layout,
    *,
    n_off_grid: int,
    title: str,
    key: Key | None = None,
) -> Piece:
    """Notes that were read from one score as a piece.

    Args:
        roles: (role, General MIDI program, notes) as often as there are; durations may be any.
        layout: of the score.
        n_off_grid: how many of the notes are written to start off the grid.
        title: of the piece.
        key: if it is known for sure; else the notes tell.

    Raises:
        CorpusError: if there are no notes.
    """
    tracks = [
        Track(notes=tuple(notes), name=role.label, program=program)
        for role, program, notes in roles
    ]
    n_notes = sum(len(track.notes) for track in tracks)
    if not n_notes:
        raise CorpusError("it has no notes")
    notes, programs = assign_roles(tracks)
    return Piece(
        bars=layout.bars,
        notes=notes,
        key=key or estimate_key(notes),
        programs=programs,
        title=title,
        off_grid=n_off_grid / n_notes,
    )


def _measures_of(staff: Any) -> list[Any]:
    return list(staff.getElementsByClass("Measure"))


def _read_measures(staves: Sequence[Any], tempo_qpm: float, wanted: range | None) -> list[Measure]:
    """The measures that count, as long as the fullest staff makes them."""
    columns = [_measures_of(staff) for staff in staves]
    if len({len(column) for column in columns}) != 1:
        raise CorpusError("its parts differ in their number of measures")
    first = columns[0]
    skipped = _first_endings(staves[0], first)
    result: list[Measure] = []
    meter: Meter | None = None
    wanted = wanted or range(len(first))
    for index in range(wanted.stop):
        meter = _meter(first, index, meter)
        if index not in wanted:
            continue
        column = [measures[index] for measures in columns]
        tempos = [tempo for measure in column for tempo in _tempos(measure)]
        length = max(Fraction(measure.highestTime) for measure in column)
        steps = STEPS_PER_BEAT * length
        # A mark in the course of a measure counts from the next one on, but for the first.
        at_start = [tempo for offset, tempo in tempos if offset == 0 or not result]
        tempo_qpm = at_start[0] if at_start else tempo_qpm
        if steps != 0 and index not in skipped:
            if steps.denominator != 1:
                raise CorpusError(f"measure {first[index].number} lasts {length} quarter notes")
            result.append(Measure(index=index, steps=int(steps), meter=meter, tempo_qpm=tempo_qpm))
        tempo_qpm = tempos[-1][1] if tempos else tempo_qpm
    return result


def _tempos(measure: Any) -> Iterator[tuple[float, float]]:
    """(offset, quarter notes a minute) of the tempo marks in a measure that give a number."""
    for mark in measure.getElementsByClass("MetronomeMark"):
        tempo = mark.getQuarterBPM()
        if tempo is not None and _MIN_QPM <= tempo <= _MAX_QPM:
            yield float(mark.offset), float(tempo)


def _meter(measures: Sequence[Any], index: int, before: Meter | None) -> Meter:
    """The meter of a measure.

    Some files state a meter of its own for a measure that is merely cut short by a repeat sign;
    that one does not count.
    """
    signature = measures[index].timeSignature
    if signature is None:
        if before is None:
            raise CorpusError("it has no meter")
        return before
    is_last = index + 1 == len(measures)
    lasts_one_measure = is_last or measures[index + 1].timeSignature is not None
    steps = STEPS_PER_BEAT * Fraction(signature.barDuration.quarterLength)
    if before is not None and steps < before.steps and lasts_one_measure:
        return before
    return whole_meter(signature.numerator, signature.denominator)


def _first_endings(part: Any, measures: Sequence[Any]) -> set[int]:
    """Indices of the measures under a bracket 1 that are directly followed by a bracket 2."""
    index = {id(measure): i for i, measure in enumerate(measures)}
    spans = {}
    for bracket in part.recurse().getElementsByClass("RepeatBracket"):
        places = [index[id(m)] for m in bracket.getSpannedElements() if id(m) in index]
        if places:
            spans[min(places)] = (str(bracket.number), max(places))
    skipped: set[int] = set()
    for start, (number, end) in spans.items():
        if number.startswith("1") and spans.get(end + 1, ("", 0))[0].startswith("2"):
            skipped.update(range(start, end + 1))
    return skipped


def _bars(
    meters: Sequence[Meter], measures: Sequence[Measure], starts: Mapping[int, int]
) -> tuple[Bar, ...]:
    """Bars one after another, each with the tempo of the measure in which it begins."""
    places = [starts[measure.index] for measure in measures]
    bars: list[Bar] = []
    for meter in meters:
        start = bars[-1].end if bars else 0
        measure = measures[max(0, bisect_right(places, start) - 1)]
        bars.append(Bar(start=start, meter=meter, tempo_qpm=measure.tempo_qpm))
    return tuple(bars)


def _bars_of(measures: Sequence[Measure]) -> Iterator[Sequence[Measure]]:
    """Measures by bars: short ones that fill one bar together, or else one at a time."""
    i = 0
    while i < len(measures):
        stop, steps = i + 1, measures[i].steps
        if i > 0:  # what follows a pickup is not the rest of its bar
            while stop < len(measures) and steps < measures[i].meter.steps:
                steps += measures[stop].steps
                stop += 1
        if steps != measures[i].meter.steps:
            stop = i + 1
        yield measures[i:stop]
        i = stop


def _pair(meters: Iterable[Meter]) -> list[Meter]:
    """Bars of 2/4 two by two as 4/4; one left over at the end of the piece is filled up."""
    result: list[Meter] = []
    for meter, run in groupby(meters):
        n = len(tuple(run))
        if meter == _HALF_BAR:
            result += [Meter()] * (n // 2) + [meter] * (n % 2)
        else:
            result += [meter] * n
    if result and result[-1] == _HALF_BAR:
        result[-1] = Meter()
    return result


def _meter_of(steps: int) -> Meter:
    """The meter, counted in notes as long as possible, whose bar has ``steps``."""
    for denominator in (4, 8, 16):
        numerator, rest = divmod(steps * denominator, 4 * STEPS_PER_BEAT)
        if rest == 0:
            return Meter(numerator=numerator, denominator=denominator)
    raise CorpusError(f"a bar lasts {Fraction(steps, STEPS_PER_BEAT)} quarter notes")


def _dynamics(staff: Any, starts: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """(step, velocity class) of the dynamic marks on a staff."""
    for index, measure in enumerate(_measures_of(staff)):
        if index in starts:
            for mark in measure.getElementsByClass("Dynamic"):
                if mark.value in _DYNAMICS:
                    step = starts[index] + STEPS_PER_BEAT * Fraction(mark.offset)
                    yield floor(step + Fraction(1, 2)), _DYNAMICS[mark.value]


def _notes(
    staves: Sequence[Any], starts: Mapping[int, int]
) -> Iterator[tuple[Fraction, Fraction, int]]:
    """(start, length, MIDI pitch) of a part's notes, in steps, tied ones as one."""
    tied: dict[int, tuple[Fraction, Fraction]] = {}
    columns = zip(*map(_measures_of, staves), strict=True)
    for index, column in enumerate(columns):
        if index not in starts:
            continue
        elements = [element for measure in column for element in measure.flatten().notes]
        for element in sorted(elements, key=lambda element: element.offset):
            if element.duration.isGrace or not _SILENT.isdisjoint(element.classes):
                continue
            start = starts[index] + STEPS_PER_BEAT * Fraction(element.offset)
            length = STEPS_PER_BEAT * Fraction(element.quarterLength)
            for note in element.notes if element.isChord else (element,):
                pitch = int(note.pitch.midi)
                begun, so_far = tied.pop(pitch, (start, Fraction(0)))
                if begun + so_far != start:  # the other end of that tie is not played
                    yield begun, so_far, pitch
                    begun, so_far = start, Fraction(0)
                if note.tie is not None and note.tie.type in ("start", "continue"):
                    tied[pitch] = (begun, so_far + length)
                else:
                    yield begun, so_far + length, pitch
    for pitch, (begun, so_far) in tied.items():
        yield begun, so_far, pitch
