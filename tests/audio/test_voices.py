from __future__ import annotations

import numpy as np
import pytest

from musicgen_vae.audio.voices import drum, tone, voice_of
from musicgen_vae.music.clip import DRUM_PITCHES

RATE = 44_100
PROGRAMS = sorted({voice_of(program): program for program in reversed(range(128))}.values())
"""The first General MIDI program of every voice."""


def cents_off(samples, pitch: int) -> float:
    """How far the strongest partial near the fundamental lies from equal temperament."""
    n = 1 << 19
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), n))
    expected = 440 * 2 ** ((pitch - 69) / 12)
    low, high = (round(expected * 2 ** (side / 24) * n / RATE) for side in (-1.5, 1.5))
    found = (low + power[low : high + 1].argmax()) * RATE / n
    return 1200 * np.log2(found / expected)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_voice_is_in_tune_over_the_register(program):
    for pitch in range(28, 97, 4):
        samples = tone(voice_of(program), pitch, 88, RATE, RATE)
        assert abs(cents_off(samples, pitch)) < 12, pitch


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_voice_speaks_at_every_pitch_and_evenly_over_the_register(program):
    peak_db = {}
    for pitch in (0, 21, 28, 40, 60, 72, 84, 96, 108, 127):
        samples = tone(voice_of(program), pitch, 88, RATE // 4, RATE)
        assert samples.dtype == np.float32
        assert np.isfinite(samples).all()
        peak_db[pitch] = 20 * np.log10(np.abs(samples).max())
    assert min(peak_db.values()) > -20
    register = [peak_db[pitch] for pitch in (28, 40, 60, 72, 84, 96)]
    assert max(register) - min(register) < 12


def test_voices_differ():
    tones = [tone(voice_of(program), 60, 88, RATE, RATE) for program in PROGRAMS]
    spectra = np.array([np.abs(np.fft.rfft(samples)) for samples in tones])
    envelopes = np.array([np.abs(samples).reshape(100, -1).max(axis=1) for samples in tones])
    alike = np.minimum(np.corrcoef(spectra), np.corrcoef(envelopes)) - np.eye(len(tones))
    assert alike.max() < 0.995


def test_every_program_has_a_voice():
    assert all(voice_of(program).partials for program in range(128))
    assert voice_of(0) is not voice_of(40)


def test_harder_is_brighter():
    def centroid(velocity: int) -> float:
        power = np.abs(np.fft.rfft(tone(voice_of(0), 60, velocity, RATE, RATE))) ** 2
        return float(np.arange(len(power)) @ power / power.sum())

    assert centroid(24) < centroid(72) < centroid(120)


def test_piano_strings_are_stretched_and_decay():
    samples = tone(voice_of(0), 40, 88, 4 * RATE, RATE)
    second = [np.sqrt(np.mean(samples[i * RATE : (i + 1) * RATE] ** 2)) for i in range(4)]
    assert second[0] > 1.5 * second[1] > 1.5 * second[3]
    fundamental = 440 * 2 ** ((40 - 69) / 12)
    power = np.abs(np.fft.rfft(samples[:RATE] * np.hanning(RATE), 1 << 18))
    band = np.arange(
        round(9.7 * fundamental * (1 << 18) / RATE), round(10.4 * fundamental * (1 << 18) / RATE)
    )
    tenth = band[power[band].argmax()] * RATE / (1 << 18)
    assert 10.03 < tenth / fundamental < 10.3


@pytest.mark.parametrize("pitch", DRUM_PITCHES)
def test_drums_start_at_once_end_in_silence_and_repeat(pitch):
    hit = drum(pitch, RATE)
    assert np.array_equal(hit, drum(pitch, RATE))
    assert np.abs(hit).max() <= 1.2
    assert np.abs(hit[: RATE // 50]).max() > 0.3 * np.abs(hit).max()
    assert hit[-1] == 0
