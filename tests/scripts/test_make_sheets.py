"""Rolls and figures of samples."""

from __future__ import annotations

import numpy as np

from musicgen_vae.music.clip import DRUM_PITCHES, Clip, Note, Role, tidy
from scripts.make_sheets import COLOURS, COLUMNS, HEIGHT, WIDTH, sheet, silent_bars

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


def test_bars_without_an_onset_are_silent() -> None:
    assert silent_bars(CLIP) == 2
