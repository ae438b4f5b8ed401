"""Rolls and figures of samples."""

from __future__ import annotations

import numpy as np

from musicgen_vae.music.clip import DRUM_PITCHES, Clip, Note, Role, tidy
from scripts.make_sheets import COLOURS, COLUMNS, HEIGHT, WIDTH, leaps, rubs, sheet, silent_bars

CLIP = Clip(
    notes=tidy(
        [
            Note(role=Role.MELODY, start=0, duration=12, pitch=72),
            Note(role=Role.DRUMS, start=48, duration=1, pitch=DRUM_PITCHES[0]),
        ]
    )
)


def test_each_clip_has_its_place_on_the_sheet() -> None:
    picture = sheet([CLIP] * (COLUMNS + 1))
    assert picture.size == (COLUMNS * WIDTH, 2 * HEIGHT)
    pixels = np.asarray(picture)
    for colour in (COLOURS[Role.MELODY], COLOURS[Role.DRUMS]):
        found = (pixels == colour).all(-1)
        for i in range(COLUMNS + 1):
            left, top = i % COLUMNS * WIDTH, i // COLUMNS * HEIGHT
            assert found[top : top + HEIGHT, left : left + WIDTH].any()
    assert (pixels[HEIGHT:, WIDTH:] == 255).all()  # nothing there


def test_rubs_and_leaps() -> None:
    def note(role: Role, start: int, pitch: int) -> Note:
        return Note(role=role, start=start, duration=12, pitch=pitch)

    melody = [note(Role.MELODY, 0, 60), note(Role.MELODY, 12, 71), note(Role.MELODY, 24, 67)]
    chord = [note(Role.HARMONY, 0, 52), note(Role.HARMONY, 12, 48), note(Role.BASS, 36, 36)]
    clip = Clip(notes=tidy([*melody, *chord]))
    assert rubs([clip]) == 0.5  # B over C; the G sounds alone
    assert leaps([clip]) == 0.5
    assert np.isnan(rubs([CLIP])) and np.isnan(leaps([CLIP]))


def test_bars_without_an_onset_are_silent() -> None:
    assert silent_bars(CLIP) == 2
