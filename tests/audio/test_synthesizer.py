from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal

from musicgen_vae.audio import synthesizer
from musicgen_vae.audio.soundfont import Gen, SoundFont
from musicgen_vae.audio.synthesizer import TILE, Synthesizer, low_pass
from musicgen_vae.audio.voice import BLOCK, Voice
from tests.audio.fonts import Wave, Zone, font, sine

RATE = 44_100
OPEN = {Gen.FILTER_CUTOFF: 13_500, Gen.SAMPLE_MODES: 1}


def made(gens, wave=None, key=60):
    wave = wave or Wave(data=sine(20_000, 100), loop=(100, 19_900))
    fonts = SoundFont(font(waves=[wave], instruments=[(Zone(gens=gens),)]))
    (region,) = fonts.regions(0, 0, key, 127)
    return fonts, Voice.strike(region, key=key, velocity=127, controllers={10: 64})


def play(gens, *, wave=None, key=60, held=300):
    fonts, voice = made(gens, wave, key)
    curves = voice.curves(held=held, n_blocks=2_000, sample_rate=RATE)
    (samples,) = Synthesizer(fonts, RATE, torch.device("cpu")).render([(voice, curves)])
    return samples.numpy()


@pytest.mark.parametrize(("key", "hertz"), [(60, 441.0), (72, 882.0), (53, 294.33)])
def test_a_sine_comes_out_as_a_sine_of_the_right_pitch(key, hertz):
    samples = play(OPEN, key=key)[BLOCK : BLOCK + 16_384]
    spectrum = np.abs(np.fft.rfft(samples * np.blackman(len(samples)), 1 << 18))
    assert spectrum.argmax() * RATE / (1 << 18) == pytest.approx(hertz, rel=2e-3)
    near = abs(np.arange(len(spectrum)) - spectrum.argmax()) < 200
    assert np.sum(spectrum[~near] ** 2) < 1e-5 * np.sum(spectrum[near] ** 2)
    assert np.abs(samples).max() == pytest.approx(0.5, rel=0.01)


def test_a_loop_is_seamless():
    """A sine looped over whole periods is a sine; even a loop shorter than a block."""
    for loop in ((100, 150), (100, 900), (3, 53)):
        wave = Wave(data=sine(1_000, 50), loop=loop)
        samples = play(OPEN, wave=wave)[TILE : 8 * TILE]
        second = samples[2:] + samples[:-2] - 2 * np.cos(2 * np.pi / 50) * samples[1:-1]
        assert np.abs(second).max() < 1e-3


def test_a_sample_without_loop_ends():
    wave = Wave(data=sine(2_000, 100))
    samples = play({**OPEN, Gen.SAMPLE_MODES: 0}, wave=wave, held=2_000)
    assert np.abs(samples[:1_900]).max() > 0.4
    assert np.abs(samples[2_100:]).max(initial=0) < 1e-2


@pytest.mark.parametrize(("cents", "q"), [(6_000, 0.708), (9_000, 0.708), (8_000, 4.0)])
def test_the_low_pass_is_the_biquad_that_scipy_makes_of_its_coefficients(cents, q):
    hertz = 8.176 * 2 ** (cents / 1200)
    w = 2 * np.pi * hertz / RATE
    alpha = np.sin(w) / (2 * q)
    b = np.array([0.5, 1, 0.5]) * (1 - np.cos(w))
    a = [1 + alpha, -2 * np.cos(w), 1 - alpha]
    _, wanted = signal.freqz(b, a, worN=np.linspace(0, np.pi, TILE + 1))
    assert np.allclose(low_pass(cents, q, RATE), wanted, atol=1e-5)
    assert abs(low_pass(cents, q, RATE)[0]) == pytest.approx(1)


def test_a_still_filter_acts_across_tiles_as_one_filter():
    rng = np.random.default_rng(0)
    wave = Wave(data=rng.integers(-9_000, 9_000, 20_000).astype(np.int16), loop=(0, 20_000))
    cents = 9_000
    samples = play({**OPEN, Gen.FILTER_CUTOFF: cents}, wave=wave, held=280)
    hertz = 8.176 * 2 ** (cents / 1200)
    w, q = 2 * np.pi * hertz / RATE, 10 ** (-3.01 / 20)
    alpha = np.sin(w) / (2 * q)
    b = np.array([0.5, 1, 0.5]) * (1 - np.cos(w))
    dry = wave.data[: 250 * BLOCK] / 32_768
    dry[:BLOCK] *= np.arange(BLOCK) / BLOCK  # the attack
    wanted = signal.lfilter(b, [1 + alpha, -2 * np.cos(w), 1 - alpha], dry)
    assert np.abs(samples[: len(wanted)] - wanted).max() < 1e-4


def test_a_voice_is_the_same_whatever_is_rendered_beside_it():
    fonts, voice = made({**OPEN, Gen.FILTER_CUTOFF: 8_000, Gen.FILTER_Q: 100})
    alike = [voice.curves(held=h, n_blocks=2_000, sample_rate=RATE) for h in (50, 333, 120, 7)]
    together = Synthesizer(fonts, RATE, torch.device("cpu")).render([(voice, c) for c in alike])
    for curves, heard in zip(reversed(alike), reversed(together), strict=True):
        (alone,) = Synthesizer(fonts, RATE, torch.device("cpu")).render([(voice, curves)])
        assert torch.equal(alone, heard)


def test_many_large_samples_are_rendered_in_turns(monkeypatch):
    waves = [Wave(data=sine(20_000, period), loop=(0, 20_000)) for period in (50, 80, 125)]
    presets = {(0, i): (Zone(target=i),) for i in range(3)}
    zones = [(Zone(target=i, gens=OPEN),) for i in range(3)]
    fonts = SoundFont(font(waves=waves, instruments=zones, presets=presets))
    voices = [
        Voice.strike(fonts.regions(0, i, 60, 127)[0], key=60, velocity=127, controllers={})
        for i in range(3)
    ]
    pairs = [(v, v.curves(held=100, n_blocks=500, sample_rate=RATE)) for v in voices]
    wanted = Synthesizer(fonts, RATE, torch.device("cpu")).render(pairs)
    monkeypatch.setattr(synthesizer, "_MAX_BANK", 50_000)
    small = Synthesizer(fonts, RATE, torch.device("cpu"))
    for _ in range(2):
        for a, b in zip(small.render(pairs), wanted, strict=True):
            assert torch.equal(a, b)
    assert len(small._bank) <= 50_000


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
def test_every_device_gives_the_same_sound_every_time_and_nearly_that_of_the_cpu(device):
    fonts, voice = made({**OPEN, Gen.FILTER_CUTOFF: 8_000})
    pair = (voice, voice.curves(held=300, n_blocks=2_000, sample_rate=RATE))
    runs = [
        Synthesizer(fonts, RATE, torch.device(where)).render([pair])[0].cpu()
        for where in (device, device, "cpu")
    ]
    assert torch.equal(runs[0], runs[1])
    assert torch.allclose(runs[0], runs[2], atol=1e-5)
