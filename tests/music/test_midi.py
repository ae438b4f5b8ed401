"""MIDI files: ordinary ones are read, others are refused in one line, and none is fatal."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen_vae.errors import MidiError
from musicgen_vae.music.clip import Bar, Key, Meter, Note, Piece, Role, join, tidy
from musicgen_vae.music.midi import (
    MAX_BYTES,
    MAX_CHANGES,
    MAX_EVENTS,
    MAX_NOTES,
    MAX_QPM,
    MAX_TICKS,
    MIN_QPM,
    read_midi,
    scan_midi,
    write_midi,
)
from tests.bad_files import END, NOTE, chunk, file_of, tempo
from tests.music.strategies import midi_pieces


def meter(numerator: int, power: int) -> bytes:
    return b"\x00\xff\x58\x04" + bytes([numerator, power, 24, 8])


def name(text: bytes) -> bytes:
    return b"\x00\xff\x03" + bytes([len(text)]) + text


def recorded(
    notes: Iterable[Sequence[float]],
    *,
    ticks: int = 480,
    meters: Iterable[tuple[float, int, int]] = (),
    tempos: Iterable[tuple[float, float]] = (),
    **track: int,
) -> bytes:
    """A file of (start, pitch, length[, velocity]) in quarters, rounded to ticks."""
    events: list[tuple[float, int, mido.Message]] = []
    for at, numerator, denominator in meters:
        message = mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)
        events.append((at, 0, message))
    for at, qpm in tempos:
        events.append((at, 0, mido.MetaMessage("set_tempo", tempo=round(60e6 / qpm))))
    channel = track.get("channel", 0)
    events.append((0, 0, mido.Message("program_change", program=track.get("program", 0))))
    for start, pitch, length, *velocity in notes:
        level = int(velocity[0]) if velocity else 80
        on = mido.Message("note_on", channel=channel, note=int(pitch), velocity=level)
        events.append((start, 2, on))
        events.append(
            (start + length, 1, mido.Message("note_off", channel=channel, note=int(pitch)))
        )
    file, body, before = mido.MidiFile(ticks_per_beat=ticks), mido.MidiTrack(), 0
    for at, _, message in sorted(events, key=lambda event: (round(event[0] * ticks), event[1])):
        body.append(message.copy(time=round(at * ticks) - before))
        before = round(at * ticks)
    file.tracks.append(body)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def meters_of(piece: Piece) -> str:
    return " ".join(str(bar.meter) for bar in piece.bars)


def sounds(notes: Iterable[Note]) -> list[tuple[int, Role, int, int, int | None]]:
    return [(n.start, n.role, n.pitch, n.duration, n.velocity) for n in notes]


# There and back


@given(midi_pieces())
def test_what_is_written_is_read(piece: Piece) -> None:
    again = read_midi(write_midi(piece))
    assert [(bar.start, bar.meter) for bar in again.bars] == [
        (bar.start, bar.meter) for bar in piece.bars
    ]
    assert again.notes == tidy(
        replace(note, velocity=5 if note.velocity is None else note.velocity)
        for note in piece.notes
    )
    for before, after in zip(piece.bars, again.bars, strict=True):
        assert 60e6 / after.tempo_qpm == pytest.approx(60e6 / before.tempo_qpm, abs=0.51)
    used = {note.role for note in piece.notes}
    assert [again.programs[role] for role in used] == [piece.programs[role] for role in used]
    assert not again.beats_estimated
    assert again.off_grid == 0


@given(midi_pieces())
def test_clips_of_a_read_file_join_to_the_file(piece: Piece) -> None:
    read = read_midi(write_midi(piece))
    narrow = [n for n in read.notes if 12 <= n.pitch <= 115]
    read = replace(read, notes=tidy(narrow))
    assert sounds(join(read.clips()).notes) == sounds(read.notes)


@given(midi_pieces())
def test_equal_pieces_give_equal_bytes(piece: Piece) -> None:
    assert write_midi(piece) == write_midi(replace(piece))


@pytest.mark.parametrize("title", ["", "Für Elise", "月光", "x" * 300, "<b>${1}</b>"])
def test_titles_survive(title: str) -> None:
    piece = replace(read_midi(file_of(NOTE + END)), title=title)
    assert read_midi(write_midi(piece)).title == title[:200]
    assert read_midi(write_midi(piece), title="mine").title == "mine"


def test_written_files_are_plain_format_1() -> None:
    kick = Note(start=0, role=Role.DRUMS, pitch=36, duration=3, velocity=None)
    bass = Note(start=0, role=Role.BASS, pitch=36, duration=48, velocity=7)
    piece = Piece(
        bars=(Bar(start=0, meter=Meter.parse("6/8"), tempo_qpm=90),),
        notes=tidy([kick, bass]),
        programs=(0, 0, 33, 0),
    )
    file = mido.MidiFile(file=io.BytesIO(write_midi(piece)))
    assert (file.type, file.ticks_per_beat) == (1, 480)
    assert [track.name for track in file.tracks[1:]] == ["bass", "drums"]
    ons = [m for track in file.tracks for m in track if m.type == "note_on"]
    assert [(m.channel == 9, m.note, m.velocity) for m in ons] == [
        (False, 36, 120),
        (True, 36, 80),
    ]


def test_hits_closer_than_their_nominal_duration_stay() -> None:
    hits = tidy(Note(start=s, role=Role.DRUMS, pitch=42, duration=3) for s in (0, 1, 2, 4))
    bar = Bar(start=0, meter=Meter(), tempo_qpm=120)
    again = read_midi(write_midi(Piece(bars=(bar,), notes=hits)))
    assert [note.start for note in again.notes] == [0, 1, 2, 4]


# The grid


@pytest.mark.parametrize("ticks", [24, 96, 100, 192, 220, 384, 480, 960, 1024, 15360])
def test_any_resolution_puts_notes_exactly(ticks: int) -> None:
    starts = [i / 4 for i in range(16)] + [4 + i / 3 for i in range(12)]
    piece = read_midi(recorded([(s, 60 + i, 0.2) for i, s in enumerate(starts)], ticks=ticks))
    assert [note.start for note in piece.notes] == [round(12 * s) for s in starts]
    assert meters_of(piece) == "4/4 4/4"


def test_changes_of_tempo_do_not_move_notes() -> None:
    tempos = [(0, 61.3), (1.5, 187.1), (2.25, 33.33), (4, 120), (6, 60)]
    piece = read_midi(recorded([(i / 4, 60, 0.25) for i in range(32)], tempos=tempos))
    assert [note.start for note in piece.notes] == list(range(0, 96, 3))
    seconds = 1.5 * 60 / 61.3 + 0.75 * 60 / 187.1 + 1.75 * 60 / 33.33
    assert piece.bars[0].tempo_qpm == pytest.approx(4 * 60 / seconds, rel=1e-4)
    assert piece.bars[1].tempo_qpm == pytest.approx(80, rel=1e-4)


def test_tempos_on_later_tracks_count() -> None:
    piece = read_midi(file_of(NOTE + END, tempo(1_000_000) + END))
    assert piece.bars[0].tempo_qpm == pytest.approx(60)


def test_velocities_become_classes() -> None:
    velocities = [1, 15, 16, 80, 127]
    piece = read_midi(recorded([(i, 60, 1, v) for i, v in enumerate(velocities)]))
    assert [note.velocity for note in piece.notes] == [0, 0, 1, 5, 7]


def test_durations_snap_to_musical_values() -> None:
    piece = read_midi(recorded([(0, 60, 0.93), (1, 60, 1.9), (4, 60, 3.9)]))
    assert [note.duration for note in piece.notes] == [12, 24, 48]


def test_the_sustain_pedal_does_not_lengthen() -> None:
    pedal = b"\x00\xb0\x40\x7f"
    assert read_midi(file_of(pedal + NOTE + END)).notes[0].duration == 12


# Bars


@pytest.mark.parametrize(
    ("meters", "last", "expected"),
    [
        ([], 7, "4/4 4/4"),
        ([(0, 3, 4)], 5, "3/4 3/4"),
        ([(0, 6, 8)], 5, "6/8 6/8"),
        ([(0, 7, 8)], 3.5, "7/8 7/8"),
        ([(0, 2, 2)], 4, "4/4 4/4"),
        ([(0, 3, 2)], 4, "6/4"),
        ([(0, 1, 1)], 4, "4/4 4/4"),
        ([(0, 7, 4)], 8, "4/4 3/4 4/4"),  # too long for the grid: cut
        ([(0, 15, 8)], 7, "4/4 7/8"),
        ([(0, 4, 1)], 5, "4/4 4/4"),
        ([(0, 7, 4), (5, 2, 4)], 8, "4/4 1/4 4/4"),  # a change within such a bar
        ([(0, 2, 4)], 7, "4/4 4/4"),
        ([(0, 2, 4)], 5, "4/4 4/4"),  # an odd last bar is filled
        ([(0, 1, 4)], 8, "4/4 4/4 4/4"),
        ([(0, 2, 4), (6, 3, 4)], 6, "4/4 2/4 3/4"),  # an odd bar before a change is not
        ([(0, 4, 4), (4, 2, 4)], 4, "4/4 2/4"),
        ([(0, 1, 4), (1, 4, 4)], 5, "1/4 4/4 4/4"),  # a pickup as notation programs write it
        ([(0, 4, 4), (2, 3, 4)], 5, "2/4 3/4 3/4"),  # a change within a bar
        ([(0, 4, 4), (1.75, 3, 4)], 2, "7/16 3/4"),
        ([(0, 4, 4), (1.1, 3, 4)], 5, "4/4 3/4"),  # off the grid: from the next bar line
        ([(0, 4, 4), (2, 4, 4)], 5, "4/4 4/4"),  # said again: no change
        ([(0, 4, 4), (0, 3, 4)], 2, "3/4"),
        ([(0, 4, 4), (8, 15, 8)], 7, "4/4 4/4"),  # never used
    ],
)
def test_bars_follow_the_meters(
    meters: list[tuple[float, int, int]], last: float, expected: str
) -> None:
    piece = read_midi(recorded([(0, 60, 1), (last, 62, 1)], meters=meters))
    assert meters_of(piece) == expected


def test_whole_empty_bars_before_the_music_go() -> None:
    piece = read_midi(recorded([(9, 60, 1), (12, 62, 1)], meters=[(0, 4, 4)]))
    assert [note.start for note in piece.notes] == [12, 48]
    assert meters_of(piece) == "4/4 4/4"


def test_bars_that_a_metronome_alone_fills_go() -> None:
    tune = [(8, 60, 1), (9, 64, 1)]
    both, click = (
        mido.MidiFile(file=io.BytesIO(recorded(notes, channel=channel)))
        for notes, channel in ((tune, 0), ([(beat, 33, 0.1) for beat in range(8)], 9))
    )
    both.tracks += click.tracks
    buffer = io.BytesIO()
    both.save(file=buffer)
    piece = read_midi(buffer.getvalue())
    assert meters_of(piece) == "4/4"
    assert [note.start for note in piece.notes] == [0, 12]


def test_empty_half_bars_before_the_music_do_not_shift_its_bars() -> None:
    piece = read_midi(recorded([(2, 60, 1), (4, 62, 1)], meters=[(0, 2, 4)]))
    assert [note.start for note in piece.notes] == [0, 24]


def test_notes_ringing_on_add_no_bars() -> None:
    assert meters_of(read_midi(recorded([(3, 60, 9)]))) == "4/4"


def test_long_files_are_read() -> None:
    piece = read_midi(recorded([(4 * i, 60 + i % 12, 1) for i in range(500)]))
    assert len(piece.bars) == len(piece.notes) == 500


@pytest.mark.parametrize("wrong", [(0, 4), (3, 64), (1, 32)])
def test_meters_that_do_not_fit_are_refused(wrong: tuple[int, int]) -> None:
    power = wrong[1].bit_length() - 1
    with pytest.raises(MidiError, match=f"bar 1: .*{wrong[0]}"):
        read_midi(file_of(meter(wrong[0], power) + NOTE + END))


# Tracks


def test_drums_alone_are_fine() -> None:
    piece = read_midi(recorded([(i, 36 + 2 * (i % 2), 0.1) for i in range(8)], channel=9))
    assert {note.role for note in piece.notes} == {Role.DRUMS}
    assert piece.key == Key()


def test_names_settle_roles_and_the_first_track_is_the_title() -> None:
    low = NOTE.replace(b"\x3c", b"\x40")
    piece = read_midi(
        file_of(
            name("Lied für Bass".encode("latin-1")) + END,
            name(b"MELODY") + NOTE + END,
            name(b"PIANO") + low + END,
        )
    )
    assert piece.title == "Lied für Bass"
    assert {note.pitch: note.role for note in piece.notes} == {60: Role.MELODY, 64: Role.HARMONY}


def test_in_format_0_the_name_is_the_title() -> None:
    piece = read_midi(file_of(name(b"Harmony") + NOTE + END, form=0))
    assert piece.title == "Harmony"
    assert piece.notes[0].role is Role.MELODY


@given(st.binary(max_size=60))
def test_names_may_be_any_bytes(text: bytes) -> None:
    piece = read_midi(file_of(name(text) + END, name(text) + NOTE + END))
    assert piece.title.isprintable()
    assert len(piece.notes) == 1


def test_programs_follow_the_tracks() -> None:
    assert read_midi(recorded([(0, 60, 1)], program=73)).programs[Role.MELODY] == 73


# Performances


def performance(seed: int, *, jitter_s: float, drift: float) -> tuple[bytes, list[float]]:
    """A minute of piano with the ticks of a recorder that knows nothing of its tempo."""
    rng = random.Random(seed)
    times, now = [], 0.5
    for i in range(100):
        times.append(now)
        now += 0.63 * (1 + drift * np.sin(i / 9))
    notes: list[tuple[float, int, float, int]] = []
    for i, at in enumerate(times[:-1]):
        length = times[i + 1] - at
        chord = (48, 60, 64, 67) if i % 4 == 0 else (43,) if i % 4 == 2 else ()
        for pitch in chord:
            notes.append((at + rng.gauss(0, jitter_s), pitch, 2 * length, 90))
        for half in (0, 0.5):
            onset = at + half * length + rng.gauss(0, jitter_s)
            notes.append((onset, 72 + rng.randrange(8), length / 2, 70))
    return recorded([(2 * max(0, at), p, 2 * d, v) for at, p, d, v in notes]), times


@pytest.mark.parametrize("seed", range(3))
def test_beats_of_a_performance_are_estimated(seed: int) -> None:
    data, _ = performance(seed, jitter_s=0.01, drift=0.1)
    piece = read_midi(data)
    assert piece.beats_estimated
    assert piece.off_grid > 0.2
    melody = [note for note in piece.notes if note.role is Role.MELODY]
    on_eighths = sum(note.start % 6 == 0 for note in melody) / len(melody)
    assert on_eighths > 0.9
    assert np.median([bar.tempo_qpm for bar in piece.bars]) == pytest.approx(60 / 0.63, rel=0.05)


@pytest.mark.parametrize("jitter_s", [0.0, 0.003, 0.006])
def test_humanised_files_keep_their_own_beats(jitter_s: float) -> None:
    rng = random.Random(0)
    exact = [i / 4 for i in range(200)]
    data = recorded(
        [(4 + s + 2 * rng.gauss(0, jitter_s), 60 + i % 9, 0.2) for i, s in enumerate(exact)]
    )
    piece = read_midi(data)
    assert not piece.beats_estimated
    assert sum(note.start % 3 == 0 for note in piece.notes) > 0.97 * len(exact)


def test_a_constant_lag_is_taken_out() -> None:
    data = recorded([(i / 4 + 0.04, 60 + i % 9, 0.2) for i in range(64)])
    piece = read_midi(data)
    assert [note.start for note in piece.notes] == [3 * i for i in range(64)]
    assert piece.off_grid == 0
    assert not piece.beats_estimated


def test_fast_divisions_of_the_beat_are_no_performance() -> None:
    for parts in (5, 6, 8):
        piece = read_midi(recorded([(i / parts, 60 + i % 7, 0.1) for i in range(160)]))
        assert not piece.beats_estimated


# What is refused


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a MIDI file"),
        (b"Dear Sir or Madam, here is my song.", "not a MIDI file"),
        (b"MThd", "not a MIDI file"),
        (b"RIFF\x10\0\0\0RMIDdata\x04\0\0\0MThd", "not a MIDI file"),
        (file_of(), "no notes"),
        (file_of(END), "no notes"),
        (file_of(NOTE[:4] + END), "no note-offs"),
        (file_of(b"\x00\x99\x05\x50\x10\x89\x05\x00" + END), "outside General MIDI"),
        (file_of(NOTE + END, form=2), "format 2"),
        (file_of(NOTE + END, form=7), "format 7"),
        (file_of(NOTE + END, division=0), "0 ticks"),
        (file_of(NOTE + END, division=0xE728), "SMPTE"),
        (file_of(NOTE + END, n_tracks=3), "after 1 of its 3 tracks"),
        (file_of(NOTE + END, n_tracks=300), "300 tracks"),
        (file_of(NOTE + END)[:-3], "cut short"),
        (file_of(NOTE[:-1]), "within an event"),
        (file_of(b"\x00\x3c\x50"), "no MIDI event"),
        (file_of(b"\x00\x90\x3c\x90"), "no MIDI event"),
        (file_of(b"\x00\xf1\x00\x00"), "no MIDI event"),
        (file_of(b"\x00\xff\x01\xff\xff\xff\x7f" + NOTE), "within an event"),
        (file_of(b"\x00\xf0\x7f" + NOTE), "within an event"),
        (file_of(b"\xff\xff\xff\xff\x7f" + NOTE), "more than 4 bytes"),
        (file_of(tempo(0) + NOTE + END), "0 microseconds"),
        (file_of(tempo(60) + NOTE + END), "1e.06 quarter"),
        (file_of(tempo(0xFFFFFF) + NOTE + END), "3.576 quarter"),
        (file_of(b"\xff\xff\xff\x7f" + NOTE[1:] + END), "tick 268,435,455"),
        (file_of(b"\x83\xd3\xf0\x00" + NOTE[1:] + END, division=96), "minutes"),
    ],
)
def test_unusable_files_are_refused_in_one_line(data: bytes, words: str) -> None:
    with pytest.raises(MidiError, match=words) as caught:
        read_midi(data)
    assert "\n" not in str(caught.value)


def test_limits_hold() -> None:
    body = b"\x00\x90\x3c\x50" + b"\x01\x3c\x00\x00\x3c\x50" * MAX_NOTES + END
    with pytest.raises(MidiError, match=f"{MAX_NOTES:,} notes"):
        scan_midi(file_of(body))
    with pytest.raises(MidiError, match=f"{MAX_EVENTS:,} events"):
        scan_midi(file_of(NOTE + b"\x00\xc0\x01" + b"\x00\x01" * MAX_EVENTS + END))
    with pytest.raises(MidiError, match=f"{MAX_CHANGES:,} changes"):
        scan_midi(file_of((b"\x01" + tempo(500_000)[1:]) * (MAX_CHANGES + 1) + NOTE + END))
    with pytest.raises(MidiError, match=f"{MAX_BYTES:,} are read"):
        scan_midi(file_of(b"\x01\x3c\x00\x00\x3c\x50" * (20_000_000 // 6)))
    assert scan_midi(file_of(b"\x81\xfa\x00" + NOTE[1:] + END, division=32767)).n_ticks < MAX_TICKS


def test_the_scan_says_what_is_there() -> None:
    scan = scan_midi(file_of(name(b"Song") + tempo(600_000) + meter(3, 2) + END, NOTE + NOTE + END))
    assert (scan.title, scan.n_notes, scan.n_ticks, len(scan.tracks)) == ("Song", 2, 960, 1)
    assert scan.tempos == ((0, 600_000),)
    assert scan.meters == ((0, 3, 4),)
    assert scan.duration_s == pytest.approx(1.2)


def test_what_does_no_harm_is_passed_over() -> None:
    odd = (
        b"\x00\xff\x59\x02\x63\x05"  # a key signature of 99 sharps
        b"\x00\xff\x7f\x02\x00\x00"
        b"\x00\xf0\x03\x01\x02\xf7"
        b"\x00\xe0\x00\x40"
        b"\x00\xd0\x10"
    )
    data = file_of(odd + NOTE + END + b"rubbish after the end of the track")
    header, track = data[:14], data[14:]
    alien = chunk(b"1234", b"XFIH")
    riff = header + alien + track + b"rubbish after the last track"
    wrapped = b"RIFF" + struct.pack("<I", len(riff) + 12) + b"RMID"
    wrapped += b"data" + struct.pack("<I", len(riff)) + riff
    for found in (data, riff, wrapped):
        assert [note.pitch for note in read_midi(found).notes] == [60]


def read_or_refuse(data: bytes) -> None:
    try:
        piece = read_midi(data)
    except MidiError as error:
        assert "\n" not in str(error)
    else:
        assert piece.notes
        assert all(MIN_QPM <= bar.tempo_qpm <= MAX_QPM for bar in piece.bars)
        piece.clips()


@given(st.binary(max_size=400))
def test_random_bytes_are_never_fatal(data: bytes) -> None:
    read_or_refuse(data)
    read_or_refuse(file_of(data))
    read_or_refuse(file_of(NOTE + data, data))


@given(st.data())
def test_damaged_files_are_never_fatal(data: st.DataObject) -> None:
    bytes_ = bytearray(write_midi(data.draw(midi_pieces())))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(bytes_) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "insert", "drop"]))
        if kind == "set":
            bytes_[at] = data.draw(st.integers(0, 255))
        elif kind == "insert":
            bytes_[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        elif kind == "drop":
            del bytes_[at : at + data.draw(st.integers(1, 8))]
        else:
            del bytes_[max(at, 1) :]
        bytes_ = bytes_ or bytearray(b"M")
    read_or_refuse(bytes(bytes_))
