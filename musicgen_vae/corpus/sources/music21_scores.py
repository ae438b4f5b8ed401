"""Scores that come with music21, as pieces on the grid.

music21 (Cuthbert and Ariza, "music21: A Toolkit for Computer-Aided Musicology and Symbolic Music
Data", 2010) brings a corpus of scores. It is needed to read these alone, so it is a dependency of
development and imported when a reader runs.

Repeats are not played: all music stands once, without first endings where there are second ones.
Fermatas and grace notes are passed over. A bar that a repeat sign cuts in two is put together
again; a pickup stands at the end of its bar, the last bar is filled up, and any other bar of odd
length keeps the length that it has. Two bars of 2/4 make one of 4/4; n/2 is read as 2n/4.

This module knows scores as music21 parses them; it does not know which scores there are.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from itertools import groupby
from math import floor
from pathlib import Path
from typing import Any

from musicgen_vae.errors import ClipError, CorpusError
from musicgen_vae.music.clip import STEPS_PER_BEAT, Bar, Key, Meter, Note, Piece, Role
from musicgen_vae.music.key import estimate_key
from musicgen_vae.music.roles import Track, assign_roles

LICENCE = (
    "music in the public domain; encoding by {}, distributed with music21 (public domain or used "
    "by permission)"
)
_MAX_ODD_BARS = 0.25
_HALF_BAR = Meter(numerator=2)


def corpus_folder(name: str) -> Path:
    """Where a part of the corpus lies; raises ``CorpusError`` if it is not there."""
    folder = Path(str(load_module("music21").__file__)).parent / "corpus" / name
    if not folder.is_dir():
        raise CorpusError(f"this music21 came without its corpus ({folder}): install it again")
    return folder


def load_module(name: str) -> Any:
    """A module of music21, without the warnings of its import; raises ``CorpusError``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return import_module(name)
        except ImportError as error:
            raise CorpusError("music21 is not installed: run pip install music21") from error


def parse_score(source: Path | str) -> Any:
    """A file, or the text of an ABC tune, as a music21 score; raises ``CorpusError``."""
    converter = load_module("music21.converter")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if isinstance(source, Path):
                return converter.parseFile(source, forceSource=True, storePickle=False)
            return converter.parseData(source, format="abc")
        except Exception as error:  # another project's parser: anything may go wrong in it
            raise CorpusError(f"music21 cannot parse it: {error}") from error


def split_of_title(song: str) -> str:
    """One in ten songs for validation and one for testing, the same ones every time."""
    number = int.from_bytes(hashlib.sha256(song.encode()).digest()[:4], "big") % 10
    return {0: "validation", 1: "test"}.get(number, "train")


@dataclass(frozen=True, kw_only=True)
class _Measure:
    """A measure as written: its place in its part, its length and the meter it stands in."""

    index: int
    steps: int
    meter: Meter

    @property
    def is_short(self) -> bool:
        return self.steps < self.meter.steps


def piece_of_parts(
    parts: Sequence[tuple[Role, Any]],
    *,
    title: str,
    tempo_qpm: float,
    program: int,
    key: Key | None = None,
) -> Piece:
    """Parts of a score as a piece, in the key that its notes suggest if none is given.

    Raises:
        CorpusError: if its bars cannot be made out.
    """
    try:
        measures = _measures([part for _, part in parts])
        meters, starts = _lay_bars(measures)
    except ClipError as error:
        raise CorpusError(str(error)) from error
    tracks = []
    off_grid: list[bool] = []
    for role, part in parts:
        in_part = []
        for onset, length, pitch in _notes(part, starts):
            off_grid.append(onset.denominator != 1)
            in_part.append(
                Note(
                    start=floor(onset + Fraction(1, 2)),
                    role=role,
                    pitch=pitch,
                    duration=max(1, floor(length + Fraction(1, 2))),
                )
            )
        tracks.append(Track(notes=tuple(in_part), name=role.label, program=program))
    if not off_grid:
        raise CorpusError("it has no notes")
    bars: list[Bar] = []
    for meter in meters:
        start = bars[-1].end if bars else 0
        bars.append(Bar(start=start, meter=meter, tempo_qpm=tempo_qpm))
    notes, programs = assign_roles(tracks)
    return Piece(
        bars=tuple(bars),
        notes=notes,
        key=key or estimate_key(notes),
        programs=programs,
        title=title,
        off_grid=sum(off_grid) / len(off_grid),
    )


def _measures(parts: Sequence[Any]) -> list[_Measure]:
    """The measures that are played, as long as the longest part makes them."""
    columns = [list(part.getElementsByClass("Measure")) for part in parts]
    if len({len(column) for column in columns}) != 1:
        raise CorpusError("its parts differ in their number of measures")
    first = columns[0]
    skipped = _first_endings(parts[0], first)
    result: list[_Measure] = []
    meter: Meter | None = None
    for index, measure in enumerate(first):
        meter = _meter(first, index, meter)
        length = max(Fraction(column[index].highestTime) for column in columns)
        steps = STEPS_PER_BEAT * length
        if steps == 0 or index in skipped:
            continue
        if steps.denominator != 1:
            raise CorpusError(f"measure {measure.number} lasts {length} quarter notes")
        result.append(_Measure(index=index, steps=int(steps), meter=meter))
    return result


def _meter(measures: Sequence[Any], index: int, before: Meter | None) -> Meter:
    """The meter of a measure, in quarter notes if it is written in longer ones.

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
    factor = max(1, 4 // signature.denominator)
    return Meter(numerator=signature.numerator * factor, denominator=signature.denominator * factor)


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


def _lay_bars(measures: Sequence[_Measure]) -> tuple[list[Meter], dict[int, int]]:
    """The meter of every bar, and the step at which each measure (by its index) starts.

    Raises:
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
    return _pair(meters), starts


def _bars_of(measures: Sequence[_Measure]) -> Iterator[Sequence[_Measure]]:
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


def _notes(part: Any, starts: Mapping[int, int]) -> Iterator[tuple[Fraction, Fraction, int]]:
    """(start, length, MIDI pitch) of a part's notes, in steps, tied ones as one."""
    tied: dict[int, tuple[Fraction, Fraction]] = {}
    for index, measure in enumerate(part.getElementsByClass("Measure")):
        if index not in starts:
            continue
        for element in measure.flatten().notes:
            if element.duration.isGrace or "ChordSymbol" in element.classes:
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
