from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from musicgen_vae.music.clip import Clip, Key, Note, Role
from musicgen_vae.music.novelty import nearest, note_set
from tests.music.strategies import clips


def _clip(*pitches: int) -> Clip:
    notes = [
        Note(start=12 * i, role=Role.MELODY, pitch=pitch, duration=12)
        for i, pitch in enumerate(pitches)
    ]
    return Clip(notes=tuple(notes))


def test_the_nearest_clip_is_found_by_its_notes() -> None:
    known = [note_set(clip) for clip in (_clip(60, 61, 62, 63), _clip(60, 64, 67, 72), Clip())]
    assert nearest(note_set(_clip(60, 64, 67, 72)), known) == (1, 0.0)
    # Three of five different notes in common.
    assert nearest(note_set(_clip(60, 64, 67, 71)), known) == (1, 1 - 3 / 5)
    assert nearest(note_set(_clip(1)), known[:2]) == (0, 1.0)
    assert nearest(note_set(Clip()), known) == (2, 0.0)


@given(clips())
def test_key_and_loudness_make_nothing_new(clip: Clip) -> None:
    notes = tuple(replace(note, velocity=0) for note in clip.notes)
    other = replace(clip, key=Key.parse("E major"), notes=notes)
    assert nearest(note_set(other), [note_set(clip)]) == (0, 0.0)
