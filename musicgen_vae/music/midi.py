"""MIDI files to pieces and back, whatever the file.

Reading has three stages. ``scan_midi`` walks once over the raw bytes, refuses what is damaged or
out of bounds and keeps only what makes music; pretty_midi pairs the note-ons with their note-offs
and sorts them by instrument; ``read_midi`` puts the notes on the grid, through the file's own ticks
where these follow the music and through estimated beats where they do not.

This module knows files. It does not know which track is the melody (``roles``), where the beats of
a performance are (``beats``) or which key a piece is in (``key``).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import mido
import numpy as np
import pretty_midi
from numpy.typing import NDArray

from musicgen_vae.errors import ClipError, MidiError
from musicgen_vae.music.beats import BEATS_PER_BAR, estimate_beats, first_downbeat, quantize
from musicgen_vae.music.clip import (
    MAX_STEPS_PER_BAR,
    STEPS_PER_BEAT,
    Bar,
    Meter,
    Note,
    Piece,
    Role,
)
from musicgen_vae.music.key import estimate_key
from musicgen_vae.music.roles import DRUM_CLASS_OF, Track, assign_roles

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]

MAX_BYTES = 4_000_000
MAX_TRACKS = 256
MAX_NOTES = 50_000
MAX_EVENTS = 4 * MAX_NOTES
"""Note-ons, note-offs and program changes together."""
MAX_CHANGES = 20_000
"""Changes of tempo and meter together."""
MAX_TICKS = 8_000_000
MAX_DURATION_S = 30 * 60
MIN_QPM, MAX_QPM = 10, 1000
MAX_TITLE = 200
"""Characters of a title that are kept."""

TICKS_PER_QUARTER = 480
"""Of the files written here; a multiple of the grid's 12."""

ON_GRID_STEPS = 0.25
"""An onset is on the grid if it is at most this far from a step: 10 ms at 120 quarter notes a
minute, more than sequencers' humanising moves notes; of onsets at random, half are off."""
_FREE_OFF_GRID, _FREE_PULSE = 0.2, 0.25
"""More onsets off the grid and less pulse than this: the ticks do not follow the music. Medians of
pulse as measured: .999 in sequenced game music (Freedoom), .54 in drumming to a click (Groove), .07
in piano transcribed from recordings (EMOPIA; below .2 in nine files of ten)."""
_DIVISIONS = (1, 2, 3, 4, 5, 6, 8)
"""Of a quarter note, in which a pulse is looked for."""

_DEFAULT_TEMPO = 500_000
_SHORTEST_BAR = 3
"""Steps of 1/16: every meter with a power of two below it, up to 16, is a multiple."""
_LOW_PITCH = 52
"""Below this a note counts as bass where beats and bars are looked for."""
_DRUM_CHANNEL = 9
_UNKNOWN_VELOCITY = 80

Event = tuple[int, int, int, int]
"""A note-on, note-off or program change: tick from the start of the file, status byte and both
data bytes (0 where there is no second)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MidiScan:
    """What makes music in a MIDI file, within bounds.

    Attributes:
        ticks_per_quarter: resolution, 1 to 32767.
        title: name of the whole, from its first track; may be empty.
        tempos: (tick, microseconds a quarter note), by tick, the first at tick 0.
        meters: (tick, numerator, denominator), by tick; may be empty.
        tracks: (name, events by tick) of every track with a note-on; names are empty in files of
            format 0, where the one track's name is the title.
        n_notes: note-ons.
        n_ticks: tick of the last event, at most ``MAX_TICKS``.
        duration_s: seconds up to there by the tempo map, at most ``MAX_DURATION_S``.
    """

    ticks_per_quarter: int
    title: str
    tempos: tuple[tuple[int, int], ...]
    meters: tuple[tuple[int, int, int], ...]
    tracks: tuple[tuple[str, tuple[Event, ...]], ...]
    n_notes: int
    n_ticks: int
    duration_s: float


def scan_midi(data: bytes) -> MidiScan:
    """Walk once over the bytes of a Standard MIDI File and keep what makes music.

    Takes time linear in the size and never more memory than the limits above allow.

    Args:
        data: the file; format 0 or 1, bare or in a RIFF wrapper (.rmi).

    Raises:
        MidiError: if it is not such a file, is damaged or cut short, or exceeds a limit.
    """
    if len(data) > MAX_BYTES:
        raise MidiError(
            f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} are read: export fewer "
            "tracks or a shorter part"
        )
    data = _unwrap(data)
    if len(data) < 14 or data[:4] != b"MThd":
        raise MidiError(
            "this is not a MIDI file (it does not begin with MThd): choose a .mid or .midi file"
        )
    length, form, n_tracks, division = struct.unpack(">IHHH", data[4:14])
    if form == 2:
        raise MidiError("MIDI format 2 (independent patterns) is not read: save as format 1 or 0")
    if form > 2 or length < 6:
        raise MidiError(f"MIDI format {form} is unknown or the header is damaged: export it again")
    if division & 0x8000:
        raise MidiError(
            "the file counts film frames (SMPTE time), not beats: save it with ticks per quarter"
        )
    if division == 0:
        raise MidiError("the file has 0 ticks per quarter note, so no time: export it again")
    if n_tracks > MAX_TRACKS:
        raise MidiError(
            f"the file has {n_tracks} tracks; at most {MAX_TRACKS} are read: merge some"
        )
    walk = _Walk()
    for body in _track_bodies(data, 8 + length, n_tracks):
        walk.read(body)
    if not walk.n_notes:
        raise MidiError("no notes in this file: choose one that has music in it")
    return walk.scan(division, named=form == 1)


def _unwrap(data: bytes) -> bytes:
    """The MIDI file inside a RIFF wrapper, or the data as they are."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return data
    at = 12
    while at + 8 <= len(data):
        (size,) = struct.unpack("<I", data[at + 4 : at + 8])
        if data[at : at + 4] == b"data":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return b""


def _track_bodies(data: bytes, at: int, n_tracks: int) -> Iterator[bytes]:
    """The contents of the first ``n_tracks`` track chunks; other chunks are passed over."""
    found = 0
    while found < n_tracks:
        if at + 8 > len(data):
            raise MidiError(
                f"the file ends after {found} of its {n_tracks} tracks: it is cut short, get it "
                "again"
            )
        (size,) = struct.unpack(">I", data[at + 4 : at + 8])
        if data[at : at + 4] == b"MTrk":
            found += 1
            if at + 8 + size > len(data):
                raise MidiError(
                    f"track {found} should have {size:,} bytes but only {len(data) - at - 8:,} "
                    "are left: the file is cut short, get it again"
                )
            yield data[at + 8 : at + 8 + size]
        at += 8 + size


class _Walk:
    """Collects events track by track and minds the limits."""

    def __init__(self) -> None:
        self.n_notes = self.n_events = self.n_tracks = 0
        self.tempos: dict[int, int] = {0: _DEFAULT_TEMPO}
        self.meters: dict[int, tuple[int, int]] = {}
        self.names: list[str] = []
        self.tracks: list[list[Event]] = []

    def read(self, body: bytes) -> None:
        """Read one track.

        Raises:
            MidiError: if it is damaged or takes a count past its limit.
        """
        self.n_tracks += 1
        self.names.append("")
        self.tracks.append([])
        try:
            self._read(body)
        except IndexError:
            raise MidiError(
                f"track {self.n_tracks} ends within an event: the file is damaged, export it again"
            ) from None

    def _read(self, body: bytes) -> None:
        at = tick = status = 0
        events = self.tracks[-1]
        while at < len(body):
            delta, at = _variable(body, at)
            tick += delta
            byte = body[at]
            if byte == 0xFF:
                kind = body[at + 1]
                size, at = _variable(body, at + 2)
                content = body[at : at + size]
                at += size
                if kind == 0x2F:
                    return
                if at > len(body):
                    raise IndexError
                self._meta(kind, content, tick)
                continue
            if byte in (0xF0, 0xF7):
                size, at = _variable(body, at + 1)
                at += size
                if at > len(body):
                    raise IndexError
                continue
            if byte >= 0x80:
                status = byte
                at += 1
            kind = status & 0xF0
            first, second = body[at], 0
            at += 1
            if kind not in (0xC0, 0xD0):
                second = body[at]
                at += 1
            if not 0x80 <= status < 0xF0 or (first | second) >= 0x80:
                raise MidiError(
                    f"track {self.n_tracks} has a byte that is no MIDI event: the file is damaged, "
                    "export it again"
                )
            if kind in (0x80, 0x90, 0xC0):
                self._keep(events, (tick, status, first, second))

    def _keep(self, events: list[Event], event: Event) -> None:
        tick, status, _, velocity = event
        _check_tick(tick)
        self.n_events += 1
        self.n_notes += status >= 0x90 and velocity > 0 and status < 0xA0
        if self.n_notes > MAX_NOTES:
            raise MidiError(
                f"the file has more than {MAX_NOTES:,} notes: export fewer tracks or a shorter part"
            )
        if self.n_events > MAX_EVENTS:
            raise MidiError(
                f"the file has more than {MAX_EVENTS:,} events: export fewer tracks or a shorter "
                "part"
            )
        events.append(event)

    def _meta(self, kind: int, content: bytes, tick: int) -> None:
        if kind == 0x03 and not self.names[-1]:
            self.names[-1] = _text(content)
        elif kind == 0x51 and len(content) == 3:
            _check_tick(tick)
            self.tempos[tick] = int.from_bytes(content, "big")
        elif kind == 0x58 and len(content) >= 2:
            _check_tick(tick)
            self.meters[tick] = (content[0], 1 << min(content[1], 16))
        if len(self.tempos) + len(self.meters) > MAX_CHANGES:
            raise MidiError(
                f"the file has more than {MAX_CHANGES:,} changes of tempo and meter: export it "
                "with a simpler tempo map"
            )

    def scan(self, ticks_per_quarter: int, *, named: bool) -> MidiScan:
        """What was collected.

        Raises:
            MidiError: if the tempo or the length of the music is out of bounds.
        """
        n_ticks = max(events[-1][0] for events in self.tracks if events)
        tempos = tuple(sorted((t, tempo) for t, tempo in self.tempos.items() if t <= n_ticks))
        for tick, tempo in tempos:
            if not 60e6 / MAX_QPM <= tempo <= 60e6 / MIN_QPM:
                speed = (
                    f"{60e6 / tempo:,.4g} quarter notes a minute"
                    if tempo
                    else "0 microseconds for a quarter note"
                )
                raise MidiError(
                    f"the tempo at tick {tick:,} is {speed}; {MIN_QPM} to {MAX_QPM} are "
                    "read: correct the tempo and export again"
                )
        ends = [tick for tick, _ in tempos[1:]] + [n_ticks]
        micros = sum((end - t) * tempo for (t, tempo), end in zip(tempos, ends, strict=True))
        duration_s = micros / 1e6 / ticks_per_quarter
        if duration_s > MAX_DURATION_S:
            raise MidiError(
                f"the music lasts {duration_s / 60:,.0f} minutes; at most {MAX_DURATION_S // 60} "
                "are read: export a shorter part"
            )
        tracks = tuple(
            (name if named else "", tuple(events))
            for name, events in zip(self.names, self.tracks, strict=True)
            if any(0x90 <= status < 0xA0 for _, status, _, _ in events)
        )
        conductor = not named or not self.tracks[0]
        return MidiScan(
            ticks_per_quarter=ticks_per_quarter,
            title=self.names[0] if conductor else "",
            tempos=tempos,
            meters=tuple((tick, *meter) for tick, meter in sorted(self.meters.items())),
            tracks=tracks,
            n_notes=self.n_notes,
            n_ticks=n_ticks,
            duration_s=duration_s,
        )


def _variable(body: bytes, at: int) -> tuple[int, int]:
    """The variable-length number at ``at``, and where it ends."""
    value = 0
    for i in range(at, at + 4):
        value = value << 7 | body[i] & 0x7F
        if body[i] < 0x80:
            return value, i + 1
    raise MidiError("the file has a time or length of more than 4 bytes: it is damaged")


def _check_tick(tick: int) -> None:
    if tick > MAX_TICKS:
        raise MidiError(
            f"the file has an event at tick {tick:,}; at most {MAX_TICKS:,} are read: export a "
            "shorter part or fewer ticks per quarter note"
        )


def _text(content: bytes) -> str:
    """A name as printable text: UTF-8, or else Latin-1."""
    content = content[: 4 * MAX_TITLE]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return "".join(c for c in text if c.isprintable()).strip()[:MAX_TITLE]


def read_midi(data: bytes, *, title: str = "") -> Piece:
    """A MIDI file as a piece on the grid.

    Bars are the file's own, less whole empty bars before the first note; two bars of 2/4 make one
    of 4/4, as do four of 1/4, and 2/2 is read as 4/4; one longer than six quarter notes is cut into
    bars of 4/4 and a shorter one. They run until the bar of the last onset.
    Sustain pedals do not lengthen notes. If the ticks do not follow the music, because it was
    played freely, beats are estimated, each taken for a quarter note in 4/4.

    Args:
        data: the file, as ``scan_midi`` takes it.
        title: used in place of the file's own.

    Raises:
        MidiError: if the file cannot be used; see ``scan_midi``.
    """
    scan = scan_midi(data)
    midi = _pretty(scan)
    instruments = [instrument for instrument in midi.instruments if instrument.notes]
    played = [note for instrument in instruments for note in instrument.notes]
    if not played:
        raise MidiError(
            f"no notes in this file: its {scan.n_notes:,} note-ons have no note-offs; export again"
        )
    # Through the ticks and not the seconds, so that notes on the grid stay exactly there.
    starts = _steps([midi.time_to_tick(note.start) for note in played], scan.ticks_per_quarter)
    ends = _steps([midi.time_to_tick(note.end) for note in played], scan.ticks_per_quarter)
    off_grid = _off_grid(starts)
    beats = np.zeros(0)
    if off_grid > _FREE_OFF_GRID and _pulse(starts) < _FREE_PULSE:
        beats = _beats(played)
    if len(beats):
        timeline = _Timeline(STEPS_PER_BEAT * np.arange(len(beats), dtype=np.float64), beats)
        starts = timeline.steps_at(np.array([note.start for note in played]))
        ends = timeline.steps_at(np.array([note.end for note in played]))
        onsets = quantize(starts / STEPS_PER_BEAT)
        meters = [Meter()] * (int(onsets.max()) // Meter().steps + 1)
    else:
        timeline = _file_timeline(scan)
        if off_grid > _FREE_OFF_GRID:
            lag = _lag(starts)
            starts, ends = starts - lag, ends - lag
            off_grid = _off_grid(starts)
        onsets = _round(starts)
        meters = _file_meters(scan, int(onsets.max()))
    # A metronome's click is no music, and neither are the bars that it alone fills.
    music = [
        not instrument.is_drum or note.pitch in DRUM_CLASS_OF
        for instrument in instruments
        for note in instrument.notes
    ]
    meters, offset = _drop_empty(meters, int(onsets[music].min() if any(music) else 0))
    durations = np.maximum(1, _round(ends - starts))
    notes, programs = assign_roles(_tracks(instruments, onsets - offset, durations))
    if not notes:
        raise MidiError("no notes in this file but sounds outside General MIDI's drum kit")
    return Piece(
        bars=_bars(_merge(_merge(meters, 1), 2), offset, timeline),
        notes=notes,
        key=estimate_key(notes),
        programs=programs,
        title=title or scan.title,
        beats_estimated=len(beats) > 0,
        off_grid=off_grid,
    )


def _tracks(
    instruments: Iterable[pretty_midi.Instrument], onsets: Ints, durations: Ints
) -> list[Track]:
    """Instruments on the grid; ``onsets`` and ``durations`` are those of all notes in turn."""
    places = zip(onsets.tolist(), durations.tolist(), strict=True)
    # Each instrument takes as many places as it has notes.
    return [
        Track(
            name=instrument.name,
            program=int(instrument.program),
            is_drum=instrument.is_drum,
            notes=tuple(
                Note(
                    start=start,
                    role=Role.HARMONY,
                    pitch=note.pitch,
                    duration=duration,
                    velocity=note.velocity // 16,
                )
                for note, (start, duration) in zip(instrument.notes, places, strict=False)
            ),
        )
        for instrument in instruments
    ]


def _pretty(scan: MidiScan) -> pretty_midi.PrettyMIDI:
    """The scanned events as pretty_midi reads them, with times in seconds."""
    conductor = [
        mido.MetaMessage("set_tempo", tempo=tempo, time=tick) for tick, tempo in scan.tempos
    ]
    tracks = [conductor]
    for name, events in scan.tracks:
        messages = [mido.MetaMessage("track_name", name=name, time=0)]
        for tick, status, data, velocity in events:
            fields = {"note": data, "velocity": velocity}
            kind = "note_on" if status >= 0x90 else "note_off"
            if status >= 0xC0:
                kind, fields = "program_change", {"program": data}
            # The scan has checked all values; mido's own checks would take half of the time.
            messages.append(
                mido.Message(kind, skip_checks=True, channel=status & 0x0F, time=tick, **fields)
            )
        tracks.append(messages)
    for track in tracks:
        before = 0
        for message in track:
            message.time, before = message.time - before, message.time
    file = mido.MidiFile(ticks_per_beat=scan.ticks_per_quarter)
    file.tracks.extend(mido.MidiTrack(track) for track in tracks)
    return pretty_midi.PrettyMIDI(mido_object=file)


def _steps(ticks: Sequence[int], ticks_per_quarter: int) -> Floats:
    return np.asarray(STEPS_PER_BEAT * np.array(ticks) / ticks_per_quarter, dtype=np.float64)


def _off_grid(steps: Floats) -> float:
    """Share of onsets that lie off the grid."""
    return float((np.abs(steps - np.round(steps)) > ON_GRID_STEPS).mean())


def _lag(steps: Floats) -> float:
    """Steps (-1/2 to 1/2) by which all onsets together are late; 0 if they do not agree."""
    phase = np.exp(2j * np.pi * steps).mean()
    return float(np.angle(phase) / (2 * np.pi)) if abs(phase) > 0.5 else 0.0


def _pulse(steps: Floats) -> float:
    """How well onsets keep to some even division of the quarter note: 0 (not at all) to 1."""
    phases = 2 * np.pi * steps / STEPS_PER_BEAT
    return float(max(np.cos(n * phases).mean() for n in _DIVISIONS))


def _beats(played: Sequence[pretty_midi.Note]) -> Floats:
    """Estimated beat times in seconds, the first one opening a bar; empty if there are none."""
    times = np.array([note.start for note in played])
    velocities = np.array([note.velocity for note in played]) / 127
    lengths = np.array([note.end - note.start for note in played])
    low = np.array([note.pitch < _LOW_PITCH for note in played])
    beats = estimate_beats(times, velocities**2 * (1 + 4 * low) * np.minimum(1.5, 0.1 + lengths))
    if not len(beats):
        return beats
    marks = velocities * (1 + 2 * low) * np.minimum(4, 0.1 + lengths)
    n_before = -first_downbeat(beats, times, marks) % BEATS_PER_BAR
    lead = beats[0] - (beats[1] - beats[0]) * np.arange(n_before, 0, -1)
    return np.concatenate([lead, beats])


@dataclass(frozen=True, slots=True)
class _Timeline:
    """Corresponding steps and seconds, both increasing, shape (N,), N >= 2; straight between."""

    steps: Floats
    seconds: Floats

    def seconds_at(self, steps: Floats) -> Floats:
        return _interpolate(steps, self.steps, self.seconds)

    def steps_at(self, seconds: Floats) -> Floats:
        return _interpolate(seconds, self.seconds, self.steps)


def _interpolate(x: Floats, xs: Floats, ys: Floats) -> Floats:
    """Piecewise linear, the outermost pieces going on for ever."""
    piece = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)
    slope = np.diff(ys) / np.diff(xs)
    return np.asarray(ys[piece] + (x - xs[piece]) * slope[piece], dtype=np.float64)


def _file_timeline(scan: MidiScan) -> _Timeline:
    ticks = np.array([tick for tick, _ in scan.tempos] + [scan.n_ticks + scan.ticks_per_quarter])
    beats = ticks / scan.ticks_per_quarter
    tempos = np.array([tempo for _, tempo in scan.tempos]) / 1e6
    seconds = np.concatenate([[0.0], np.cumsum(np.diff(beats) * tempos)])
    return _Timeline(STEPS_PER_BEAT * beats, seconds)


def _round(steps: Floats) -> Ints:
    """Nearest whole numbers, halves upwards."""
    return np.floor(steps + 0.5).astype(np.int_)


def _file_meters(scan: MidiScan, last: int) -> list[Meter]:
    """The meter of every bar from step 0 to the bar in which step ``last`` lies."""
    steps = _round(_steps([tick for tick, *_ in scan.meters], scan.ticks_per_quarter))
    changes: list[tuple[int, int, int]] = []
    for step, (_, *new) in zip(steps.tolist(), scan.meters, strict=True):
        if not changes or [*changes[-1][1:]] != new:
            changes.append((step, new[0], new[1]))
    numerator, denominator, start, at = 4, 4, 0, 0
    meters: list[Meter] = []
    parts: list[Meter] = []  # of the present bar that are still to come
    while start <= last:
        while at < len(changes) and changes[at][0] <= start:
            _, numerator, denominator = changes[at]
            at += 1
            parts = []
        parts = parts or _parts(numerator, denominator, bar=len(meters) + 1)
        meter = parts.pop(0)
        if at < len(changes):
            # A change within a bar cuts it short, if what is left of it has a time signature.
            cut = changes[at][0] - start
            if cut < meter.steps and cut % _SHORTEST_BAR == 0:
                meter = _meter_of(cut)
        meters.append(meter)
        start += meter.steps
    return meters


def _parts(numerator: int, denominator: int, *, bar: int) -> list[Meter]:
    """The file's meter, counted in quarter notes if it counts in longer ones.

    A bar too long for the grid becomes several: bars of 4/4 and what is left over.
    """
    if denominator in (1, 2):
        numerator, denominator = numerator * 4 // denominator, 4
    n_full = 0
    if numerator * 4 * STEPS_PER_BEAT > MAX_STEPS_PER_BAR * denominator:
        n_full, numerator = divmod(numerator, denominator)
    if n_full and not numerator:
        return [Meter()] * n_full
    try:
        return [Meter()] * n_full + [Meter(numerator=numerator, denominator=denominator)]
    except ClipError as error:
        raise MidiError(f"bar {bar}: {error}") from None


def _meter_of(steps: int) -> Meter:
    """The simplest meter with bars of ``steps``, a multiple of 3."""
    denominator = next(d for d in (4, 8, 16) if steps * d % (4 * STEPS_PER_BEAT) == 0)
    return Meter(numerator=steps * denominator // (4 * STEPS_PER_BEAT), denominator=denominator)


def _drop_empty(meters: list[Meter], first: int) -> tuple[list[Meter], int]:
    """The bars from the one in which step ``first`` lies, and the step at which that starts."""
    start = 0
    for i, meter in enumerate(meters):
        if start + meter.steps > first:
            return meters[i:], start
        start += meter.steps
    raise ValueError(f"no bar holds step {first}")


def _merge(meters: Iterable[Meter], quarters: int) -> list[Meter]:
    """Runs of bars of 1 or 2 quarters made into 4/4, and what is left over into a shorter bar.

    At the end of the piece nothing is left over: the last bar is filled.
    """
    result: list[Meter] = []
    runs = [(meter, len(tuple(run))) for meter, run in groupby(meters)]
    for i, (meter, n) in enumerate(runs):
        if meter != Meter(numerator=quarters):
            result += [meter] * n
            continue
        n_full, left = divmod(n * quarters, 4)
        result += [Meter()] * n_full
        if left:
            fill = i == len(runs) - 1 and n > 1
            result.append(Meter() if fill else Meter(numerator=left))
    return result


def _bars(meters: Sequence[Meter], offset: int, timeline: _Timeline) -> tuple[Bar, ...]:
    """Bars from step 0, which is step ``offset`` of the timeline, with their mean tempos."""
    lines = np.cumsum([0] + [meter.steps for meter in meters])
    seconds = np.diff(timeline.seconds_at((lines + offset).astype(np.float64)))
    tempos = np.clip(np.diff(lines) / STEPS_PER_BEAT * 60 / seconds, MIN_QPM, MAX_QPM)
    return tuple(
        Bar(start=int(start), meter=meter, tempo_qpm=float(tempo))
        for start, meter, tempo in zip(lines[:-1], meters, tempos, strict=True)
    )


def write_midi(piece: Piece) -> bytes:
    """A piece as a MIDI file of format 1 with 480 ticks per quarter note.

    The first track has the title, tempos and meters; then comes one track for each role that has
    notes, named by the role's label, drums on channel 10. A velocity class becomes its middle, an
    unknown one 80; tempos are kept within 10 to 1000 quarter notes a minute. ``read_midi`` finds
    the same bars and notes again, unless the piece begins or ends with empty bars or has meters
    that ``read_midi`` puts together. Equal pieces give equal bytes.
    """
    file = mido.MidiFile(ticks_per_beat=TICKS_PER_QUARTER)
    file.tracks.append(_conductor(piece))
    for role in Role:
        notes = [note for note in piece.notes if note.role is role]
        if notes:
            file.tracks.append(_role_track(role, notes, piece.programs[role]))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _conductor(piece: Piece) -> mido.MidiTrack:
    events: list[tuple[int, mido.MetaMessage]] = []
    if piece.title:
        # mido writes text as Latin-1; this way it comes out as UTF-8.
        name = piece.title.encode("utf-8", "replace").decode("latin-1")
        events.append((0, mido.MetaMessage("track_name", name=name)))
    meter, tempo = None, None
    for bar in piece.bars:
        qpm = min(max(bar.tempo_qpm, MIN_QPM), MAX_QPM)
        if round(60e6 / qpm) != tempo:
            tempo = round(60e6 / qpm)
            events.append((bar.start, mido.MetaMessage("set_tempo", tempo=tempo)))
        if bar.meter != meter:
            meter = bar.meter
            message = mido.MetaMessage(
                "time_signature", numerator=meter.numerator, denominator=meter.denominator
            )
            events.append((bar.start, message))
    return _track(events)


def _role_track(role: Role, notes: Sequence[Note], program: int) -> mido.MidiTrack:
    channel = _DRUM_CHANNEL if role is Role.DRUMS else int(role)
    events = [
        (0, mido.MetaMessage("track_name", name=role.label)),
        (0, mido.Message("program_change", channel=channel, program=program)),
    ]
    following: dict[int, int] = {}
    sounding = []
    for note in reversed(notes):
        velocity = _UNKNOWN_VELOCITY if note.velocity is None else 16 * note.velocity + 8
        # Drum hits overlap by their nominal duration: no note-off may fall into the next hit.
        end = min(note.end, following.get(note.pitch, note.end))
        following[note.pitch] = note.start
        sounding.append((note.start, note.pitch, "note_on", velocity))
        sounding.append((end, note.pitch, "note_off", 0))
    for step, pitch, kind, velocity in sorted(sounding, key=lambda e: (e[0], e[2], e[1])):
        message = mido.Message(kind, channel=channel, note=pitch, velocity=velocity)
        events.append((step, message))
    return _track(events)


def _track(events: Iterable[tuple[int, mido.Message]]) -> mido.MidiTrack:
    """Messages at steps, in order of time, as a track."""
    track, before = mido.MidiTrack(), 0
    for step, message in events:
        tick = step * TICKS_PER_QUARTER // STEPS_PER_BEAT
        track.append(message.copy(time=tick - before))
        before = tick
    return track
