from __future__ import annotations

import numpy as np
import pytest

from musicgen_vae.audio.renderer import (
    CHUNK,
    FADE_S,
    PEAK,
    SAMPLE_RATE,
    TAIL_S,
    duration_s,
    fade_out,
    limited,
    midi_velocity,
    n_samples,
    seconds_at,
    timed_notes,
    turned_down,
)
from musicgen_vae.errors import InputError
from musicgen_vae.music.clip import Bar, Meter, Piece, Role


def test_each_bar_goes_at_its_own_tempo(piece_of):
    piece = piece_of((0, 0, 60, 12), n_bars=3, tempi=(60.0, 120.0, 240.0))
    steps = [0, 12, 48, 60, 96, 144, 156]
    assert seconds_at(piece, steps).tolist() == [0.0, 1.0, 4.0, 4.5, 6.0, 7.0, 7.25]


def test_meters_of_other_lengths():
    piece = Piece(
        bars=(
            Bar(start=0, meter=Meter(numerator=3), tempo_qpm=60),
            Bar(start=36, meter=Meter(numerator=6, denominator=8), tempo_qpm=30),
        ),
        notes=(),
    )
    assert seconds_at(piece, [36, 72]).tolist() == [3.0, 9.0]
    assert duration_s(piece) == 9.0


def test_a_note_across_a_tempo_change_ends_at_the_new_tempo(piece_of):
    piece = piece_of((36, 0, 60, 24, 2), (36, 3, 36, 3), n_bars=2, tempi=(60.0, 120.0))
    melody, drum = timed_notes(piece)
    assert (melody.start_s, melody.end_s) == (3.0, 4.5)
    assert (melody.pitch, melody.velocity, melody.role, melody.program) == (60, 40, Role.MELODY, 0)
    assert (drum.role, drum.velocity) == (Role.DRUMS, 80)


def test_velocity_classes_are_spread_over_the_midi_range():
    assert [midi_velocity(c) for c in range(8)] == [8, 24, 40, 56, 72, 88, 104, 120]
    assert midi_velocity(None) == 80


def test_length_counts_bars_and_notes_that_ring_past_them(piece_of):
    assert duration_s(piece_of(n_bars=4)) == 8.0
    assert duration_s(piece_of((180, 0, 60, 48), n_bars=4)) == 9.5
    assert n_samples(piece_of(n_bars=4), 1_000) == 9_500
    assert n_samples(Piece(bars=(), notes=()), 1_000) == TAIL_S * 1_000


def test_too_long_a_piece_is_refused(piece_of):
    with pytest.raises(InputError, match="lasts 16 minutes; at most 15"):
        duration_s(piece_of(n_bars=4, tempi=(1.0,)))


def noise(n: int, level: float):
    return np.random.default_rng(n).uniform(-level, level, (n, 2)).astype(np.float32)


def test_loud_pieces_are_turned_down_by_one_gain_and_others_are_left_alone():
    quiet = noise(SAMPLE_RATE, 0.5)
    assert turned_down(quiet) is quiet
    loud = turned_down(8 * quiet)
    assert np.abs(loud).max() == pytest.approx(PEAK)
    assert np.ptp(loud / (8 * quiet)) < 1e-6
    assert turned_down(np.zeros((0, 2), np.float32)).shape == (0, 2)


@pytest.mark.parametrize("n", [1_000, CHUNK + 900, 3 * CHUNK])
def test_the_end_fades_wherever_the_chunks_are_cut(n):
    samples = np.ones((n, 2), np.float32)
    for start in range(0, n, CHUNK):
        fade_out(samples[start : start + CHUNK], start, n)
    length = min(n, round(FADE_S * SAMPLE_RATE))
    assert (samples[: n - length] == 1).all()
    assert samples[n - length :, 1] == pytest.approx(np.linspace(1, 0, length))


def test_what_is_heard_at_once_never_passes_the_peak_and_never_clicks():
    steady = [np.full((CHUNK, 2), level, np.float32) for level in (0.3, 1.2, 0.3, 2.4, 0.1)]
    heard = list(limited(steady))
    assert heard[0] is steady[0]
    joined = np.concatenate(heard)
    assert np.abs(joined).max() <= PEAK + 1e-6
    gains = [chunk[-1, 0] / given[-1, 0] for chunk, given in zip(heard, steady, strict=True)]
    assert gains == pytest.approx([1, PEAK / 1.2, PEAK / 1.2, PEAK / 2.4, PEAK / 2.4])
    assert heard[2][0, 0] == pytest.approx(0.3 * gains[1])
    assert list(limited([np.zeros((0, 2), np.float32)]))[0].shape == (0, 2)
