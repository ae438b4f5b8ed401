from __future__ import annotations

from musicgen_vae.music.clip import Clip, Meter, Note, Role
from musicgen_vae.music.crossfade import crossfade


def _clip(pitch: int, velocity: int | None, start: int = 0) -> Clip:
    note = Note(start=start, role=Role.MELODY, pitch=pitch, duration=12, velocity=velocity)
    return Clip(notes=(note,))


def test_one_gets_softer_while_the_other_gets_louder() -> None:
    a, b = _clip(60, 7), _clip(67, 3)
    loudness = [
        {note.pitch: note.velocity for note in crossfade(a, b, share / 4).notes}
        for share in range(5)
    ]
    assert loudness == [{60: 7}, {60: 5, 67: 0}, {60: 3, 67: 1}, {60: 1, 67: 2}, {67: 3}]


def test_the_frame_is_the_firsts() -> None:
    three = Clip(meter=Meter(numerator=3), notes=_clip(60, 7).notes)
    assert crossfade(three, _clip(67, 7, start=3 * 48), 0.5).meter == Meter(numerator=3)
    assert len(crossfade(three, _clip(67, 7, start=3 * 48), 0.5).notes) == 1
    assert crossfade(_clip(60, None), _clip(67, None), 0.0).notes[0].velocity == 5
