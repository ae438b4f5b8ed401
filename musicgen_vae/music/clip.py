"""Notes, clips and pieces on the grid: the one representation that everything else shares.

A *piece* is music of any length at its own pitch; a *clip* is up to four bars of it in one meter,
moved to C major / A minor. Both hold the same kind of ``Note``. This module knows the grid, the
roles and how to cut and join; it does not know MIDI files, tokens or the model.

The grid has 12 steps per quarter note, so sixteenths and eighth triplets are exact. Durations are
one of ``DURATIONS`` and velocities one of 8 classes: what is stored is stored exactly.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from itertools import groupby
from typing import Any

from musicgen_vae.errors import ClipError

STEPS_PER_BEAT = 12
"""Grid steps in a quarter note."""
BARS_PER_CLIP = 4
MAX_STEPS_PER_BAR = 72
DURATIONS = (1, 2, 3, 4, 6, 8, 9, 12, 15, 18, 24, 30, 36, 42, 48, 72, 96, 144, 192)
"""The durations a note can have, in steps."""
N_VELOCITIES = 8
DRUM_DURATION = 3
"""Every drum hit's nominal duration in steps: drums are struck, not held."""
DRUM_PITCHES = (36, 38, 42, 46, 43, 47, 50, 49, 51)
"""The 9 drum classes by their General MIDI pitch: kick, snare, closed hat, open hat, low tom,
mid tom, high tom, crash, ride."""


class Role(IntEnum):
    """What a note does in the music; the order is the order of notes that start together."""

    MELODY = 0
    HARMONY = 1
    BASS = 2
    DRUMS = 3

    @property
    def label(self) -> str:
        """Lower-case name, as used in files and on the command line."""
        return self.name.lower()

    @classmethod
    def parse(cls, label: str) -> Role:
        """The role called ``label``; raises ``ClipError`` for any other text."""
        try:
            return cls[label.strip().upper()]
        except KeyError:
            names = ", ".join(role.label for role in cls)
            raise ClipError(f"unknown role {label!r}; the roles are {names}") from None


DEFAULT_PROGRAMS = (0, 0, 32, 0)
"""General MIDI program (0 to 127) of each role where nothing else is known."""


class Mode(str, Enum):
    """Major or minor."""

    MAJOR = "major"
    MINOR = "minor"


class Place(str, Enum):
    """Where in its piece a clip stands."""

    START = "start"
    MIDDLE = "middle"
    END = "end"


@dataclass(frozen=True, kw_only=True, slots=True)
class Meter:
    """A time signature whose bar lies on the grid.

    Raises:
        ClipError: if a bar is not a whole number of steps between 1 and 72.
    """

    numerator: int = 4
    denominator: int = 4

    def __post_init__(self) -> None:
        if self.denominator not in (1, 2, 4, 8, 16, 32) or self.numerator < 1:
            raise ClipError(f"meter {self} is not a time signature this program can read")
        steps, rest = divmod(4 * STEPS_PER_BEAT * self.numerator, self.denominator)
        if rest or steps > MAX_STEPS_PER_BAR:
            raise ClipError(
                f"meter {self} does not fit the grid: a bar may last at most 6 quarter notes, in "
                "whole twelfths of one"
            )

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"

    @property
    def steps(self) -> int:
        """Steps in one bar, 1 to 72."""
        return 4 * STEPS_PER_BEAT * self.numerator // self.denominator

    @classmethod
    def parse(cls, text: str) -> Meter:
        """The meter written as ``"3/4"``; raises ``ClipError``."""
        numerator, _, denominator = text.partition("/")
        if not (numerator.strip().isdecimal() and denominator.strip().isdecimal()):
            raise ClipError(f"meter {text!r} is not written like 3/4")
        return cls(numerator=int(numerator), denominator=int(denominator))


_TONIC_NAMES = {
    Mode.MAJOR: ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    Mode.MINOR: ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A tonic (pitch class 0 to 11, C = 0) and a mode."""

    tonic: int = 0
    mode: Mode = Mode.MAJOR

    def __post_init__(self) -> None:
        if not 0 <= self.tonic < 12:
            raise ClipError(f"tonic {self.tonic} is not a pitch class (0 to 11)")

    def __str__(self) -> str:
        return f"{_TONIC_NAMES[self.mode][self.tonic]} {self.mode.value}"

    @property
    def shift(self) -> int:
        """Semitones (-5 to 6) from C major / A minor up to this key: absolute = relative + shift.

        A key and its relative have the same shift, so confusing them does not move the notes.
        """
        frame = (self.tonic + (3 if self.mode is Mode.MINOR else 0)) % 12
        return frame if frame <= 6 else frame - 12

    @classmethod
    def parse(cls, text: str) -> Key:
        """The key written as ``"F# minor"``; raises ``ClipError``."""
        name, _, mode = text.strip().partition(" ")
        steps = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}.get(name[:1].lower())
        accidental = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}.get(name[1:])
        if steps is None or accidental is None or mode.lower() not in ("major", "minor"):
            raise ClipError(f"key {text!r} is not written like 'F# minor'")
        return cls(tonic=(steps + accidental) % 12, mode=Mode(mode.lower()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """One note.

    Attributes:
        start: step at which it starts, counted from the start of its clip or piece.
        role: what it does in the music.
        pitch: MIDI pitch 0 to 127; relative to C major / A minor in a clip, absolute in a piece.
            Drums: one of ``DRUM_PITCHES`` in both.
        duration: steps, one of ``DURATIONS``; may ring past the end of a clip.
        velocity: loudness class 0 (softest) to 7, or None where the source has none.
        held: it began before its clip and is struck again at step 0; never true in a piece.
    """

    start: int
    role: Role
    pitch: int
    duration: int
    velocity: int | None = None
    held: bool = False

    @property
    def end(self) -> int:
        """The step at which the note has ended."""
        return self.start + self.duration

    @property
    def sort_key(self) -> tuple[int, bool, int, int]:
        """Order of notes everywhere: start (held notes first), role, pitch."""
        return (self.start, not self.held, self.role, self.pitch)


def snap_duration(steps: int, gap: int | None = None) -> int:
    """The member of ``DURATIONS`` for a measured duration.

    Performed note-offs are noise. A note-off that is nearer to the next onset of its role
    (``gap`` steps after this one) than to any musical value is taken to mean that onset.

    Args:
        steps: measured duration, 1 or more.
        gap: steps to the next onset in the same role, if there is one.
    """
    if gap is not None and gap > 0:
        nearest = min(abs(steps - value) for value in DURATIONS)
        if abs(steps - gap) <= nearest:
            steps = gap
    return min(DURATIONS, key=lambda value: (abs(steps - value), value))


def longest_duration(limit: int) -> int:
    """The longest of ``DURATIONS`` that is at most ``limit`` steps (limit >= 1)."""
    return DURATIONS[bisect_right(DURATIONS, limit) - 1]


def tidy(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Sorted notes without clashes: what ``Clip`` and ``Piece`` accept.

    Of notes with the same start, role and pitch a held one stays, or else the longest; a note still
    sounding when the same role strikes the same pitch again is cut to the longest duration that
    fits; drum hits take the nominal duration, and those that fall together the loudest velocity.
    """
    voices: dict[tuple[int, int], list[Note]] = {}
    for note in sorted(notes, key=lambda n: (n.start, n.held, n.duration)):
        voice = voices.setdefault((note.role, note.pitch), [])
        if voice and voice[-1].start == note.start:
            voice.pop()
        elif voice and voice[-1].end > note.start and note.role is not Role.DRUMS:
            room = note.start - voice[-1].start
            voice[-1] = replace(voice[-1], duration=longest_duration(room))
        voice.append(note)
    result = sorted((n for voice in voices.values() for n in voice), key=lambda n: n.sort_key)
    if not any(note.role is Role.DRUMS for note in result):
        return tuple(result)
    level: dict[int, int] = {}
    for note in result:
        if note.role is Role.DRUMS and note.velocity is not None:
            level[note.start] = max(note.velocity, level.get(note.start, 0))
    return tuple(
        replace(note, duration=DRUM_DURATION, velocity=level.get(note.start), held=False)
        if note.role is Role.DRUMS
        else note
        for note in result
    )


def _check_notes(notes: Sequence[Note], n_steps: int) -> None:
    for note in notes:
        if not 0 <= note.start < n_steps:
            raise ClipError(f"{note} starts outside its {n_steps} steps")
        if not 0 <= note.pitch < 128 or note.duration not in DURATIONS:
            raise ClipError(f"{note} has a pitch or duration outside the representation")
        if note.velocity is not None and not 0 <= note.velocity < N_VELOCITIES:
            raise ClipError(f"{note} has a velocity class outside 0 to {N_VELOCITIES - 1}")
        if note.held and note.start:
            raise ClipError(f"{note} is held but does not start the clip")
        if note.role is Role.DRUMS and note.pitch not in DRUM_PITCHES:
            raise ClipError(f"{note} is not one of the 9 drum classes")
    if tuple(notes) != tidy(notes):
        raise ClipError("notes are unsorted, doubled or overlapping: pass them through tidy()")


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """One to four bars in one meter, moved to C major / A minor.

    Attributes:
        notes: as ``tidy`` leaves them, with relative pitch.
        meter: of every bar.
        key: where the notes sound: absolute pitch = relative pitch + ``key.shift``.
        tempo_qpm: mean tempo in quarter notes per minute.
        programs: General MIDI program (0 to 127) of each role.
        n_bars: 1 to 4; the model sees missing bars as empty ones.
        place: where in its piece the clip stood, if that is known.

    Raises:
        ClipError: if anything lies outside the representation.
    """

    notes: tuple[Note, ...] = ()
    meter: Meter = Meter()
    key: Key = Key()
    tempo_qpm: float = 120.0
    programs: tuple[int, int, int, int] = DEFAULT_PROGRAMS
    n_bars: int = BARS_PER_CLIP
    place: Place | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.n_bars <= BARS_PER_CLIP:
            raise ClipError(f"a clip has 1 to {BARS_PER_CLIP} bars, not {self.n_bars}")
        if not 1 <= self.tempo_qpm <= 1000:
            raise ClipError(f"tempo {self.tempo_qpm} is outside 1 to 1000 quarter notes a minute")
        if len(self.programs) != len(Role) or not all(0 <= p < 128 for p in self.programs):
            raise ClipError(f"programs {self.programs} are not four General MIDI programs")
        _check_notes(self.notes, self.n_steps)

    @property
    def n_steps(self) -> int:
        """Steps from the first bar line to the last."""
        return self.n_bars * self.meter.steps

    @property
    def duration_s(self) -> float:
        """Seconds from the first bar line to the last."""
        return self.n_steps / STEPS_PER_BEAT * 60.0 / self.tempo_qpm

    @property
    def roles(self) -> tuple[Role, ...]:
        """Roles that have notes, in order."""
        return tuple(sorted({note.role for note in self.notes}))

    def keep(self, roles: Iterable[Role]) -> Clip:
        """The clip with only the notes of ``roles``."""
        wanted = set(roles)
        return replace(self, notes=tuple(note for note in self.notes if note.role in wanted))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text; ``from_dict`` is its exact inverse."""
        return {
            "meter": str(self.meter),
            "key": str(self.key),
            "tempo_qpm": self.tempo_qpm,
            "programs": list(self.programs),
            "n_bars": self.n_bars,
            "place": self.place.value if self.place else None,
            "notes": [
                [n.start, int(n.role), n.pitch, n.duration, n.velocity, n.held] for n in self.notes
            ],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Clip:
        """The clip that ``to_dict`` described; raises ``ClipError`` on anything else."""
        try:
            return cls(
                meter=Meter.parse(data["meter"]),
                key=Key.parse(data["key"]),
                tempo_qpm=float(data["tempo_qpm"]),
                programs=tuple(data["programs"]),
                n_bars=int(data["n_bars"]),
                place=Place(data["place"]) if data["place"] else None,
                notes=tuple(
                    Note(
                        start=int(start),
                        role=Role(role),
                        pitch=int(pitch),
                        duration=int(duration),
                        velocity=None if velocity is None else int(velocity),
                        held=bool(held),
                    )
                    for start, role, pitch, duration, velocity, held in data["notes"]
                ),
            )
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            if isinstance(error, ClipError):
                raise
            raise ClipError(f"not a clip: {error}") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One bar of a piece: the step it starts at, its meter and its mean tempo."""

    start: int
    meter: Meter
    tempo_qpm: float

    @property
    def end(self) -> int:
        """The step at which the next bar starts."""
        return self.start + self.meter.steps


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Music of any length on the grid, at its own pitch.

    Attributes:
        bars: without gaps from step 0; every note starts in one of them.
        notes: as ``tidy`` leaves them, with absolute pitch and no ``held`` note.
        key: of the whole piece.
        programs: General MIDI program (0 to 127) of each role.
        title: as the source gives it; never trusted as markup.
        beats_estimated: the file had no usable beats, so they were estimated from the onsets.
        off_grid: share (0 to 1) of onsets that lay off the grid before they were moved to it.

    Raises:
        ClipError: if anything lies outside the representation.
    """

    bars: tuple[Bar, ...]
    notes: tuple[Note, ...]
    key: Key = Key()
    programs: tuple[int, int, int, int] = DEFAULT_PROGRAMS
    title: str = ""
    beats_estimated: bool = False
    off_grid: float = 0.0

    def __post_init__(self) -> None:
        end = 0
        for bar in self.bars:
            if bar.start != end:
                raise ClipError(
                    f"bar at step {bar.start} does not follow the bar that ends at {end}"
                )
            end = bar.end
        if any(note.held for note in self.notes):
            raise ClipError("a piece has no held notes")
        _check_notes(self.notes, end)

    def spans(self) -> tuple[tuple[int, int], ...]:
        """(first bar, number of bars) of the successive clips: 4 bars each, in one meter."""
        result = []
        first = 0
        for _, group in groupby(self.bars, key=lambda bar: bar.meter):
            n_bars = len(tuple(group))
            for offset in range(0, n_bars, BARS_PER_CLIP):
                result.append((first + offset, min(BARS_PER_CLIP, n_bars - offset)))
            first += n_bars
        return tuple(result)

    def clips(self) -> tuple[Clip, ...]:
        """The successive clips; ``join`` puts them together again."""
        return tuple(self.clip(first, n_bars) for first, n_bars in self.spans())

    def clip(self, first_bar: int, n_bars: int = BARS_PER_CLIP) -> Clip:
        """Bars ``first_bar`` to ``first_bar + n_bars - 1`` as a clip.

        Notes that sound on from before are struck again at step 0 and flagged ``held``.

        Raises:
            ClipError: if the bars are not there or not of one meter.
        """
        bars = self.bars[first_bar : first_bar + n_bars]
        if first_bar < 0 or len(bars) < n_bars:
            raise ClipError(f"the piece has {len(self.bars)} bars, not {first_bar + n_bars}")
        if len({bar.meter for bar in bars}) != 1:
            raise ClipError("a clip cannot hold a change of meter")
        start, end = bars[0].start, bars[-1].end
        notes = []
        for note in self.notes[self._first_sounding(start) :]:
            if note.start >= end:
                break
            if note.start >= start:
                notes.append(replace(note, start=note.start - start))
            elif note.end > start and note.role is not Role.DRUMS:
                rest = snap_duration(note.end - start)
                notes.append(replace(note, start=0, duration=rest, held=True))
        tempos = [bar.tempo_qpm for bar in bars]
        mean = (end - start) / sum(bar.meter.steps / bar.tempo_qpm for bar in bars)
        place = Place.MIDDLE
        if first_bar == 0:
            place = Place.START
        elif first_bar + n_bars >= len(self.bars):
            place = Place.END
        return Clip(
            notes=tidy(transpose(notes, -self.key.shift)),
            meter=bars[0].meter,
            key=self.key,
            tempo_qpm=min(max(mean, min(tempos)), max(tempos)),  # rounding takes it no further
            programs=self.programs,
            n_bars=n_bars,
            place=place,
        )

    def _first_sounding(self, step: int) -> int:
        """Index of the first note that may still sound at ``step``."""
        return bisect_right(self.notes, step - max(DURATIONS) - 1, key=lambda note: note.start)


def transpose(notes: Iterable[Note], semitones: int) -> tuple[Note, ...]:
    """Notes moved by ``semitones``, drums excepted; pitches outside 0 to 127 fold by octaves."""
    return tuple(
        note if note.role is Role.DRUMS else replace(note, pitch=_fold(note.pitch + semitones))
        for note in notes
    )


def _fold(pitch: int) -> int:
    if pitch < 0:
        return pitch % 12
    return pitch if pitch < 128 else 116 + (pitch - 116) % 12


def _rest(steps: int, struck: int | None) -> int:
    """Duration that ``Piece.clip`` gives a held note with ``steps`` left.

    Args:
        steps: to its end, from the start of the clip.
        struck: step at which the clip strikes the same pitch anew, if it does.
    """
    rest = snap_duration(max(1, steps))
    return rest if struck is None or rest <= struck else longest_duration(struck)


def join(clips: Sequence[Clip], *, title: str = "") -> Piece:
    """Clips one after another as a piece, each in its own key and meter.

    A held note continues the note that sounds across the bar line; without one it is struck. The
    piece takes key and programs of the first clip that has notes of the role.

    Raises:
        ClipError: if there is no clip.
    """
    if not clips:
        raise ClipError("no clips to join")
    bars: list[Bar] = []
    notes: list[Note] = []
    latest: dict[tuple[int, int], int] = {}
    at = 0
    for clip in clips:
        struck: dict[tuple[int, int], int] = {}
        moved = transpose(clip.notes, clip.key.shift)
        for note in reversed(moved):
            if not note.held:
                struck[note.role, note.pitch] = note.start
        for note in moved:
            voice = (note.role, note.pitch)
            i = latest.get(voice) if note.held else None
            if i is None or notes[i].end < at:
                latest[voice] = len(notes)
                notes.append(replace(note, start=at + note.start, held=False))
            elif _rest(notes[i].end - at, struck.get(voice)) != note.duration:
                steps = at + note.duration - notes[i].start
                notes[i] = replace(notes[i], duration=snap_duration(steps))
        for _ in range(clip.n_bars):
            bars.append(Bar(start=at, meter=clip.meter, tempo_qpm=clip.tempo_qpm))
            at = bars[-1].end
    programs = [
        next((clip.programs[role] for clip in clips if role in clip.roles), clips[0].programs[role])
        for role in Role
    ]
    return Piece(
        bars=tuple(bars),
        notes=tidy(notes),
        key=clips[0].key,
        programs=(programs[0], programs[1], programs[2], programs[3]),
        title=title,
    )
