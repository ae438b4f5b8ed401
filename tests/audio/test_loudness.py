from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest

from musicgen_vae.audio.loudness import (
    TARGET_LUFS,
    Level,
    level_of,
    matched,
)
from musicgen_vae.audio.renderer import PEAK

RATE = 44_100


def chord(seconds: float):
    t = np.arange(round(seconds * RATE)) / RATE
    left = 0.4 * np.sin(2 * np.pi * 440 * t)
    right = 0.4 * np.sin(2 * np.pi * 660 * t)
    return np.stack([left, right], axis=1).astype(np.float32)


def to_loudness(samples, target=TARGET_LUFS):
    return samples * np.float32(level_of([samples], RATE).gain(target))


def music(seconds: float, seed: int):
    """Noise of many colours that swells and is silent for a while."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((round(seconds * RATE), 2)).cumsum(axis=0)
    noise -= noise.mean(axis=0)
    noise *= np.interp(np.arange(len(noise)), [0, 1e4, 5e4, 9e4, 1e5], [0.01, 1, 1e-4, 1e-4, 0.3])[
        :, None
    ]
    return (0.3 * noise / np.abs(noise).max() + 0.02 * rng.standard_normal(noise.shape)).astype(
        np.float32
    )


@pytest.mark.parametrize("seconds", [0.41, 1.0, 2.96, 5.013])
def test_it_is_what_pyloudnorm_measures(seconds):
    samples = music(seconds, round(100 * seconds))
    wanted = pyloudnorm.Meter(RATE).integrated_loudness(samples.astype(np.float64))
    assert level_of([samples], RATE).lufs == pytest.approx(wanted, abs=1e-6)
    mono = pyloudnorm.Meter(RATE).integrated_loudness(samples[:, 0].astype(np.float64))
    assert level_of([samples[:, 0]], RATE).lufs == pytest.approx(mono, abs=1e-6)


def test_a_sine_of_full_scale_at_1_khz_has_3_lufs_under_it():
    t = np.arange(5 * RATE) / RATE
    sine = np.sin(2 * np.pi * 997 * t).astype(np.float32)
    assert level_of([sine], RATE).lufs == pytest.approx(-3.01, abs=0.05)


def test_chunks_of_any_length_are_one_sound():
    samples = music(4.0, 1)
    whole = level_of([samples], RATE)
    for size in (1_000, 4_410, 65_536):
        parts = level_of((samples[i : i + size] for i in range(0, len(samples), size)), RATE)
        assert parts.lufs == pytest.approx(whole.lufs, abs=1e-9)
        assert parts.peak == whole.peak == np.abs(samples).max()


@pytest.mark.parametrize("gain", [0.01, 0.3, 2.0])
def test_loudness_is_met_where_the_ceiling_lets_it(gain):
    samples = to_loudness(np.float32(gain) * chord(2.0))
    level = level_of([samples], RATE)
    assert level.lufs == pytest.approx(TARGET_LUFS, abs=0.05)
    assert level.reachable == pytest.approx(TARGET_LUFS)
    assert level.peak <= PEAK


def peaky():
    """So soft that its one click meets the ceiling first."""
    samples = 0.001 * chord(2.0)
    samples[RATE] = 0.9
    return samples


def test_the_ceiling_goes_before_the_loudness():
    level = level_of([to_loudness(peaky())], RATE)
    assert level.peak == pytest.approx(PEAK, rel=1e-5)
    assert level.lufs == pytest.approx(level_of([peaky()], RATE).reachable, abs=1e-4)
    assert level.lufs is not None and level.lufs < TARGET_LUFS - 3


def test_silence_and_clicks_have_no_loudness():
    for samples in (np.zeros((RATE, 2), np.float32), chord(0.1), chord(0.0), 1e-6 * chord(1.0)):
        level = level_of([samples], RATE)
        assert level.lufs is None and level.reachable is None
        assert np.array_equal(to_loudness(samples), samples)
    assert np.abs(to_loudness(10 * chord(0.1))).max() == pytest.approx(PEAK, rel=1e-5)
    assert level_of([], RATE) == Level(lufs=None, peak=0.0)


def test_what_is_compared_is_as_loud_as_the_one_that_can_be_made_least_loud():
    sounds = [chord(2.0), peaky(), 0.1 * chord(2.0)]
    target = matched(level_of([sound], RATE) for sound in sounds)
    assert target < TARGET_LUFS - 3
    heard = [level_of([to_loudness(sound, target)], RATE).lufs for sound in sounds]
    assert heard == pytest.approx([target] * 3, abs=0.05)
    assert matched([level_of([chord(1.0)], RATE)]) == pytest.approx(TARGET_LUFS)
    assert matched([]) == matched([Level(lufs=None, peak=0.0)]) == TARGET_LUFS
