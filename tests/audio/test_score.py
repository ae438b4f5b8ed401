from __future__ import annotations

from io import BytesIO

import mido
import pytest

from musicgen_vae.audio.mix import BAND, NEUTRAL
from musicgen_vae.audio.score import DRUM_CHANNEL, score_of, score_of_midi
from musicgen_vae.errors import InputError, MidiError
from musicgen_vae.music.clip import Role
from musicgen_vae.music.midi import write_midi
from tests.bad_files import BAD_FILES


def midi(*messages: tuple) -> bytes:
    """A file of (seconds, message) at 120 quarter notes a minute."""
    file = mido.MidiFile(ticks_per_beat=500)
    track, before = mido.MidiTrack(), 0
    for seconds, kind, values in messages:
        tick = round(1_000 * seconds)
        track.append(mido.Message(kind, time=tick - before, **values))
        before = tick
    file.tracks.append(track)
    buffer = BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def on(seconds, note=60, velocity=80, channel=0):
    return (seconds, "note_on", {"note": note, "velocity": velocity, "channel": channel})


def off(seconds, note=60, channel=0):
    return (seconds, "note_off", {"note": note, "channel": channel})


def control(seconds, number, value, channel=0):
    return (seconds, "control_change", {"control": number, "value": value, "channel": channel})


def wheel(seconds, value, channel=0):
    return (seconds, "pitchwheel", {"pitch": value, "channel": channel})


def test_a_piece_is_played_with_its_roles_strips(piece_of):
    piece = piece_of((0, 0, 60, 12, 5), (12, 3, 36, 3, 5), programs=(73, 0, 32, 0))
    melody, drum = score_of(piece, BAND).notes
    assert (melody.bank, melody.program, melody.channel) == (0, 73, 0)
    assert (drum.bank, drum.channel) == (128, DRUM_CHANNEL)
    assert melody.controllers == ((10, BAND[Role.MELODY].pan),)
    assert melody.send == BAND[Role.MELODY].send
    assert (melody.start_s, melody.end_s, drum.start_s) == (0, 0.5, 0.5)
    assert melody.volume == ((0, (BAND[Role.MELODY].volume / 127) ** 2),)


def test_a_piece_and_its_file_are_played_alike(band):
    piece = band()
    from_piece, from_file = score_of(piece, NEUTRAL), score_of_midi(write_midi(piece))
    assert len(from_piece.notes) == len(from_file.notes)
    key = lambda n: (round(n.start_s, 6), n.channel, n.pitch)  # noqa: E731
    for a, b in zip(sorted(from_piece.notes, key=key), sorted(from_file.notes, key=key),
                    strict=True):  # fmt: skip
        assert key(a) == key(b) and (a.velocity, a.program) == (b.velocity, b.program)
        assert a.end_s == pytest.approx(b.end_s)
        assert a.volume == b.volume and a.controllers == b.controllers


def test_the_sustain_pedal_holds_notes_until_it_is_let_go():
    score = score_of_midi(
        midi(control(0, 64, 127), on(0), off(0.5), on(1, 64), control(2, 64, 0), off(3, 64))
    )
    first, second = score.notes
    assert (first.start_s, first.end_s) == (0, 2)
    assert (second.start_s, second.end_s) == (1, 3)


def test_pitch_bend_is_followed_over_the_range_that_was_set():
    (note,) = score_of_midi(midi(on(0), wheel(0.5, 4096), wheel(0.75, 0), off(1))).notes
    assert note.bend == ((0, 0), (0.5, 100), (0.75, 0))
    wide = [control(0, 101, 0), control(0, 100, 0), control(0, 6, 12)]
    (note,) = score_of_midi(midi(*wide, on(0), wheel(0.5, -8192), off(1))).notes
    assert note.bend[-1] == (0.5, -1200)


def test_volume_expression_pan_and_wheel():
    data = midi(
        control(0, 10, 0), control(0, 1, 90), on(0), control(0.5, 11, 64), control(0.75, 7, 127),
        off(1), on(2), off(3),
    )  # fmt: skip
    first, second = score_of_midi(data).notes
    assert dict(first.controllers) == {1: 90}, "0 where it is not named"
    full, soft = (100 / 127) ** 2, (64 / 127) ** 2
    assert [at for at, _ in first.volume] == [0, 0.5, 0.75]
    assert [level for _, level in first.volume] == pytest.approx([full, full * soft, soft])
    assert second.volume == ((0, pytest.approx(soft)),)


def test_controllers_reset_and_notes_off():
    data = midi(on(0), control(0.5, 123, 0), on(1), wheel(1, 8191), control(1.5, 121, 0), off(2))
    first, second = score_of_midi(data).notes
    assert first.end_s == 0.5
    assert second.bend[-1] == (0.5, 0)


def test_channels_do_not_mix_and_channel_10_is_drums():
    program = (0, "program_change", {"program": 33, "channel": 2})
    data = midi(program, control(0, 64, 127, 2), on(0, channel=2), on(0, 36, channel=9), off(1),
                off(0.5 + 0.5, 36, 9), off(1, channel=2))  # fmt: skip
    notes = {note.channel: note for note in score_of_midi(data).notes}
    assert notes[2].program == 33 and notes[2].bank == 0
    assert notes[9].bank == 128


def test_a_key_struck_again_ends_its_first_note(piece_of):
    data = midi(control(0, 64, 127), on(0), off(0.1), on(0.5), off(0.6), on(3, 50), off(4, 50))
    first, second, _ = score_of_midi(data).notes
    assert first.end_s == 0.5 and second.end_s == 4


def test_hanging_notes_end_with_the_music():
    first, second = score_of_midi(midi(on(0), on(1, 64), off(2, 64))).notes
    assert first.end_s == 2 and second.end_s == 2


@pytest.mark.parametrize("kind", [k for k in BAD_FILES if k not in ("drums only",)])
def test_bad_files_are_refused(kind):
    if kind == "note-ons without offs":  # can be heard
        assert score_of_midi(BAD_FILES[kind][0]).notes
        return
    with pytest.raises(MidiError):
        score_of_midi(BAD_FILES[kind][0])


def test_too_long_a_file_is_refused():
    with pytest.raises(InputError, match="minutes"):
        score_of_midi(midi(on(0), off(1_000)))
