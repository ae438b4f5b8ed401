"""What is to be played, for the renderer: notes on the clock with their channel's controllers.

A score comes from a ``Piece`` and a mix, or straight from the bytes of a MIDI file, with its
sustain pedal, pitch bend, volume, expression, pan and modulation wheel. This module knows time and
MIDI's meaning; it does not know how a note sounds.
"""

from __future__ import annotations

import io
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import mido
import numpy as np

from musicgen_vae.audio.mix import Mix, humanise
from musicgen_vae.audio.renderer import MAX_DURATION_S, duration_s, timed_notes
from musicgen_vae.audio.soundfont import DRUM_BANK
from musicgen_vae.errors import InputError, MidiError
from musicgen_vae.music.clip import Piece, Role
from musicgen_vae.music.midi import scan_midi

DRUM_CHANNEL = 9
_MODULATION, _DATA, _VOLUME, _PAN, _EXPRESSION, _SUSTAIN = 1, 6, 7, 10, 11, 64
_ROOM = 91
_RPN_LOW, _RPN_HIGH = 100, 101
_ALL_OFF = (120, 123, 124, 125, 126, 127)
_RESET = 121
_AT_REST = {_VOLUME: 100, _PAN: 64, _EXPRESSION: 127, _ROOM: 40, _RPN_LOW: 127, _RPN_HIGH: 127}
_MAX_CHANGES = 512
"""Changes of bend and volume that one note follows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Struck:
    """One note to be played.

    Attributes:
        start_s, end_s: seconds from the start; ``end_s`` is where key and pedal have let go.
        pitch, velocity: MIDI pitch 0 to 127 and velocity 1 to 127.
        channel: 0 to 15; notes of one channel share keys and exclusive classes.
        bank: 0, or 128 for drums.
        program: 0 to 127.
        controllers: (number, value) of those that stood elsewhere than at 0 when it was struck.
        volume: (seconds from ``start_s``, amplitude), by time, the first at 0.
        bend: (seconds from ``start_s``, cents), by time, the first at 0; empty without bend.
        send: share that the room returns, 0 to 1.
    """

    start_s: float
    end_s: float
    pitch: int
    velocity: int
    channel: int
    bank: int
    program: int
    controllers: tuple[tuple[int, int], ...] = ((_PAN, 64),)
    volume: tuple[tuple[float, float], ...]
    bend: tuple[tuple[float, float], ...] = ()
    send: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Notes by start, and the length of the music without its tail."""

    notes: tuple[Struck, ...]
    duration_s: float


def score_of(piece: Piece, mix: Mix, *, human_seed: int | None = None) -> Score:
    """``piece`` as it is to be played, with the places and levels of ``mix``.

    Args:
        piece: the music.
        mix: a strip for every role.
        human_seed: play it a little inexactly, the same way for the same seed.

    Raises:
        InputError: if the piece is longer than ``MAX_DURATION_S``.
    """
    notes = timed_notes(piece)
    if human_seed is not None:
        notes = humanise(notes, seed=human_seed)
    struck = []
    for note in notes:
        strip = mix[note.role]
        drums = note.role is Role.DRUMS
        struck.append(
            Struck(
                start_s=note.start_s,
                end_s=note.end_s,
                pitch=note.pitch,
                velocity=note.velocity,
                channel=DRUM_CHANNEL if drums else int(note.role),
                bank=DRUM_BANK if drums else 0,
                program=note.program,
                controllers=((_PAN, strip.pan),),
                volume=((0.0, _amplitude(strip.volume)),),
                send=strip.send,
            )
        )
    return Score(notes=_retrigger(struck), duration_s=duration_s(piece))


def _amplitude(volume: int, expression: int = 127) -> float:
    return float((volume / 127) ** 2 * (expression / 127) ** 2)


def _retrigger(notes: Iterable[Struck]) -> tuple[Struck, ...]:
    """By start; a note ends where its channel strikes the same pitch again."""
    result: list[Struck] = []
    sounding: dict[tuple[int, int], int] = {}
    for note in sorted(notes, key=lambda n: n.start_s):
        voice = (note.channel, note.pitch)
        i = sounding.get(voice)
        if i is not None and result[i].start_s < note.start_s < result[i].end_s:
            result[i] = replace(result[i], end_s=note.start_s)
        sounding[voice] = len(result)
        result.append(note)
    return tuple(result)


@dataclass(slots=True)
class _Channel:
    """What a MIDI channel has been told so far."""

    program: int = 0
    controllers: dict[int, int] = field(default_factory=lambda: dict(_AT_REST))
    bend: int = 0
    bend_range: float = 200.0
    volumes: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, _amplitude(100))])
    bends: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)])
    keys: dict[int, list[Struck]] = field(default_factory=dict)
    pedalled: list[Struck] = field(default_factory=list)


def score_of_midi(data: bytes) -> Score:
    """A MIDI file as it stands, with the controllers that it has.

    Raises:
        MidiError: if it is no usable MIDI file.
        InputError: if it is longer than ``MAX_DURATION_S``.
    """
    scan = scan_midi(data)
    if scan.duration_s > MAX_DURATION_S:
        raise InputError(
            f"the music lasts {scan.duration_s / 60:.0f} minutes; at most "
            f"{MAX_DURATION_S / 60:.0f} can be made into sound"
        )
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
        messages = mido.merge_tracks(file.tracks)
    except (OSError, EOFError, ValueError, IndexError, KeyError, TypeError) as error:
        raise MidiError(f"this MIDI file cannot be played: {error}") from error
    channels = [_Channel() for _ in range(16)]
    done: list[tuple[Struck, _Channel]] = []
    ticks = np.array([tick for tick, _ in scan.tempos], dtype=np.float64)
    tick_s = np.array([tempo for _, tempo in scan.tempos]) / 1e6 / scan.ticks_per_quarter
    at_s = np.concatenate([[0.0], np.cumsum(np.diff(ticks) * tick_s[:-1])])
    starts, tick = ticks.tolist(), 0
    for message in messages:
        tick = min(tick + message.time, scan.n_ticks)
        if message.is_meta or not hasattr(message, "channel"):
            continue
        i = bisect_right(starts, tick) - 1
        now = float(at_s[i] + (tick - ticks[i]) * tick_s[i])
        channel = channels[message.channel]
        done += [(note, channel) for note in _hear(channel, message, now)]
    for channel in channels:
        left = [note for notes in channel.keys.values() for note in notes] + channel.pedalled
        done += [(replace(note, end_s=scan.duration_s), channel) for note in left]
    struck = [
        replace(
            note,
            volume=_slice(channel.volumes, note),
            bend=_slice(channel.bends, note) if len(channel.bends) > 1 else (),
        )
        for note, channel in done
    ]
    return Score(notes=_retrigger(struck), duration_s=scan.duration_s)


def _hear(channel: _Channel, message: mido.Message, now: float) -> list[Struck]:
    """Take one message in; the notes that end with it."""
    ended: list[Struck] = []
    if message.type == "note_on" and message.velocity:
        values = channel.controllers
        channel.keys.setdefault(message.note, []).append(
            Struck(
                start_s=now,
                end_s=now,
                pitch=message.note,
                velocity=message.velocity,
                channel=message.channel,
                bank=DRUM_BANK if message.channel == DRUM_CHANNEL else 0,
                program=channel.program,
                controllers=tuple(
                    (number, values[number])
                    for number in (_MODULATION, _PAN)
                    if values.get(number, 0)
                ),
                volume=(),
                send=values[_ROOM] / 127,
            )
        )
    elif message.type in ("note_on", "note_off"):
        ended = channel.keys.pop(message.note, [])
        if channel.controllers.get(_SUSTAIN, 0) >= 64:
            channel.pedalled += ended
            ended = []
    elif message.type == "program_change":
        channel.program = message.program
    elif message.type == "pitchwheel":
        channel.bend = message.pitch
        channel.bends.append((now, channel.bend / 8192 * channel.bend_range))
    elif message.type == "control_change":
        ended = _control(channel, message.control, message.value, now)
    return [replace(note, end_s=now) for note in ended]


def _control(channel: _Channel, number: int, value: int, now: float) -> list[Struck]:
    """Take a controller in; the notes that end with it."""
    values = channel.controllers
    values[number] = value
    ended: list[Struck] = []
    if number == _RESET:
        for gone in (_MODULATION, _SUSTAIN):
            values.pop(gone, None)
        values.update({_EXPRESSION: 127, _RPN_LOW: 127, _RPN_HIGH: 127})
        channel.bend = 0
        channel.bends.append((now, 0.0))
    if number in (_VOLUME, _EXPRESSION, _RESET):
        channel.volumes.append((now, _amplitude(values[_VOLUME], values[_EXPRESSION])))
    if number == _DATA and values[_RPN_LOW] == values[_RPN_HIGH] == 0:
        channel.bend_range = 100.0 * min(value, 24)
        channel.bends.append((now, channel.bend / 8192 * channel.bend_range))
    if number in (_SUSTAIN, _RESET) and values.get(_SUSTAIN, 0) < 64:
        ended, channel.pedalled = channel.pedalled, []
    if number in _ALL_OFF:
        ended = [note for notes in channel.keys.values() for note in notes] + channel.pedalled
        channel.keys, channel.pedalled = {}, []
    return ended


def _slice(changes: list[tuple[float, float]], note: Struck) -> tuple[tuple[float, float], ...]:
    """The changes that ``note`` hears, by seconds from its start; the first at 0."""
    first = bisect_right(changes, (note.start_s, float("inf"))) - 1
    last = bisect_left(changes, (note.end_s + 1.0, float("-inf")))
    heard = changes[first : min(last, first + _MAX_CHANGES)]
    result = [(max(0.0, at - note.start_s), value) for at, value in heard]
    return tuple(result) or ((0.0, changes[first][1]),)
