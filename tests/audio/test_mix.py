from __future__ import annotations

import numpy as np

from musicgen_vae.audio.mix import BAND, NEUTRAL, STYLE_PROGRAMS, humanise, programs_for
from musicgen_vae.audio.renderer import timed_notes
from musicgen_vae.music.clip import DEFAULT_PROGRAMS, Role


def test_every_role_has_a_place_within_midis_range():
    for mix in (NEUTRAL, BAND):
        assert set(mix) == set(Role)
        for strip in mix.values():
            assert 0 < strip.volume < 128 and 0 <= strip.pan < 128 and 0 <= strip.send <= 1
    assert BAND[Role.BASS].pan == 64


def test_styles_have_programs_and_unknown_ones_the_default():
    for style, programs in STYLE_PROGRAMS.items():
        assert programs_for(style) == programs_for(f"Old {style.title()}") == programs
        assert len(programs) == 4 and all(0 <= p < 128 for p in programs)
    assert programs_for(None) == programs_for("zouk") == DEFAULT_PROGRAMS


def test_humanising_is_small_repeatable_and_keeps_chords_together(band):
    notes = timed_notes(band())
    played = humanise(notes, seed=3)
    assert played == humanise(notes, seed=3) != humanise(notes, seed=4)
    moved = np.array([b.start_s - a.start_s for a, b in zip(notes, played, strict=True)])
    assert 0.002 < moved.std() < 0.012 and np.abs(moved).max() <= 0.012 + 1e-9
    together: dict[tuple, set[float]] = {}
    for a, b in zip(notes, played, strict=True):
        together.setdefault((a.role, a.start_s), set()).add(b.start_s)
        assert (a.pitch, a.role, a.program) == (b.pitch, b.role, b.program)
        assert 1 <= b.velocity <= 127 and b.end_s > b.start_s >= 0
    assert all(len(starts) == 1 for starts in together.values())
