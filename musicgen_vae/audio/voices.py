"""What one note sounds like: pitched voices as banks of decaying partials, drums as shaped noise.

Every pitched voice is a sum of complex exponentials. A partial's attack and its two-stage decay
are exponentials too, so a whole note is one matrix product (``_bank``). Pure functions of their
arguments: noise is seeded. This module does not know pieces, stereo or time in music.

The ideas are textbook ones: stretched partials of a stiff string and the two-stage decay of
coupled piano strings (Weinreich 1977), the comb that a plucking point leaves in the spectrum,
tuned bars at 1 : 4 : 10, and metal drums as inharmonic partials with noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Samples = NDArray[np.float32]

_BLOCK = 128
_ROWS = 8
_HIGHEST_HZ = 15_000.0
_VIBRATO_HZ = 5.3


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """How one family of instruments sounds.

    Attributes:
        partials: (frequency as a multiple of the fundamental, amplitude).
        level: loudness against the other voices.
        cutoff_hz: above it partials weaken, the more so the softer the note.
        stretch: inharmonicity of a stiff string; partial n lies sqrt(1 + stretch n^2) too high.
        strings: (cents off, weight, share of ``decay_s``) of each string or player in unison.
        decay_s: seconds by 60 dB at middle C; None for a sound that is kept up.
        damping: how much faster each higher partial decays.
        attack_s: time constant; higher partials take longer.
        release_s: seconds by 60 dB after the note-off.
        vibrato_cents: depth, reached half a second into the note.
        breath: level of the burst of noise at the onset: hammer, pick or air.
        breath_s: time constant of its decay.
        formants: (Hz, width in Hz, gain) of resonances.
    """

    partials: tuple[tuple[float, float], ...]
    level: float = 1.0
    cutoff_hz: float = 6_000.0
    stretch: float = 0.0
    strings: tuple[tuple[float, float, float], ...] = ((0.0, 1.0, 1.0),)
    decay_s: float | None = None
    damping: float = 0.0
    attack_s: float = 0.0
    release_s: float = 0.2
    vibrato_cents: float = 0.0
    breath: float = 0.0
    breath_s: float = 0.015
    formants: tuple[tuple[float, float, float], ...] = ()


def _harmonics(
    n: int, rolloff: float, *, even: float = 1.0, pluck: float | None = None
) -> tuple[tuple[float, float], ...]:
    """``n`` harmonics falling as 1 / n^rolloff; ``pluck`` is where on the string it is struck."""
    return tuple(
        (
            float(k),
            k**-rolloff
            * (1.0 if k % 2 else even)
            * (1.0 if pluck is None else 0.15 + abs(np.sin(np.pi * k * pluck))),
        )
        for k in range(1, n + 1)
    )


_SECTION = ((-7.0, 0.4, 1.0), (0.0, 1.0, 1.0), (8.0, 0.4, 1.0))
_STRUCK = ((-0.5, 0.65, 0.25), (0.4, 0.35, 1.0))
_TUNED_BAR = ((1.0, 1.0), (4.0, 0.28), (10.0, 0.07))

PIANO = Voice(
    partials=_harmonics(28, 1.1, pluck=0.12), cutoff_hz=2_600, stretch=2.2e-4, strings=_STRUCK,
    decay_s=11.0, damping=0.22, release_s=0.35, breath=0.05, breath_s=0.012,
)  # fmt: skip
ELECTRIC_PIANO = Voice(
    partials=((1, 1), (2, 0.22), (3, 0.12), (4, 0.06), (7, 0.05), (14, 0.035)), cutoff_hz=5_000,
    strings=((-0.5, 0.5, 0.4), (0.3, 0.5, 1.0)), decay_s=13.0, damping=0.25, release_s=0.3,
    breath=0.02, level=1.4,
)  # fmt: skip
HARPSICHORD = Voice(
    partials=_harmonics(30, 0.75, pluck=0.09), cutoff_hz=5_500, stretch=5e-5,
    strings=((0, 0.6, 1.0), (1.5, 0.4, 0.6)), decay_s=7.0, damping=0.08, release_s=0.12,
    breath=0.06, breath_s=0.006, level=0.8,
)  # fmt: skip
MALLET = Voice(
    partials=_TUNED_BAR, cutoff_hz=7_000, decay_s=3.0, damping=0.35, release_s=0.8, breath=0.03,
    breath_s=0.005, level=1.2,
)  # fmt: skip
BELL = Voice(
    partials=((1, 1), (2, 0.18), (2.76, 0.12), (4, 0.12), (5.4, 0.05)), cutoff_hz=9_000,
    strings=((-0.5, 0.7, 1), (0.7, 0.3, 0.7)), decay_s=7.0, damping=0.25, release_s=1.2,
    breath=0.01, breath_s=0.004, level=1.2,
)  # fmt: skip
ORGAN = Voice(
    partials=((1, 1), (2, 0.6), (3, 0.3), (4, 0.35), (6, 0.12), (8, 0.14)), cutoff_hz=6_000,
    strings=((-0.5, 1, 1), (2, 0.35, 1)), attack_s=0.012, release_s=0.12, breath=0.02, level=0.7,
)  # fmt: skip
GUITAR = Voice(
    partials=_harmonics(24, 1.0, pluck=0.21), cutoff_hz=3_200, stretch=4e-5,
    strings=((-0.3, 0.55, 0.3), (0.3, 0.45, 1.0)), decay_s=9.0, damping=0.22, release_s=0.2,
    breath=0.07, breath_s=0.006, level=1.3,
)  # fmt: skip
DRIVEN_GUITAR = Voice(
    partials=_harmonics(26, 0.7, even=0.7), cutoff_hz=3_000, strings=((-1, 1, 1), (3, 0.35, 1)),
    decay_s=14.0, damping=0.06, attack_s=0.004, release_s=0.12, vibrato_cents=6, breath=0.03,
    level=0.7,
)  # fmt: skip
BASS = Voice(
    partials=_harmonics(16, 1.0, pluck=0.17), cutoff_hz=900, stretch=4e-5,
    strings=((-0.2, 0.4, 0.35), (0.2, 0.6, 1.0)), decay_s=8.0, damping=0.25, release_s=0.12,
    breath=0.04, breath_s=0.006, level=1.1,
)  # fmt: skip
SOLO_STRING = Voice(
    partials=_harmonics(24, 1.05), cutoff_hz=3_600, attack_s=0.045, release_s=0.25,
    vibrato_cents=14, breath=0.02, breath_s=0.05, level=0.75,
    formants=((450, 150, 0.8), (1_100, 300, 0.6), (2_700, 600, 0.8)),
)  # fmt: skip
STRINGS = Voice(
    partials=_harmonics(20, 1.1), cutoff_hz=2_600, strings=_SECTION, attack_s=0.07, release_s=0.45,
    vibrato_cents=5, level=0.7, formants=((500, 250, 0.6), (2_500, 800, 0.2)),
)  # fmt: skip
CHOIR = Voice(
    partials=_harmonics(18, 1.3), cutoff_hz=3_000, strings=_SECTION, attack_s=0.08, release_s=0.4,
    vibrato_cents=8, level=0.7,
    formants=((680, 130, 2.5), (1_150, 160, 1.8), (2_800, 250, 1.0)),
)  # fmt: skip
BRASS = Voice(
    partials=_harmonics(20, 0.85), cutoff_hz=2_400, strings=((-1, 1, 1), (4, 0.35, 1)),
    attack_s=0.028, release_s=0.15, vibrato_cents=4, breath=0.02, breath_s=0.02, level=0.75,
)  # fmt: skip
REED = Voice(
    partials=_harmonics(20, 1.0, even=0.45), cutoff_hz=3_000, attack_s=0.022, release_s=0.14,
    vibrato_cents=7, breath=0.02, breath_s=0.03, level=0.75,
    formants=((1_000, 300, 0.7), (2_800, 500, 0.5)),
)  # fmt: skip
FLUTE = Voice(
    partials=((1, 1), (2, 0.3), (3, 0.12), (4, 0.04), (5, 0.02)), cutoff_hz=5_000, attack_s=0.03,
    release_s=0.16, vibrato_cents=9, breath=0.05, breath_s=0.06, level=0.85,
)  # fmt: skip
LEAD = Voice(
    partials=_harmonics(28, 1.0), cutoff_hz=2_800, strings=((-2, 1, 1), (7, 0.45, 1)),
    attack_s=0.006, release_s=0.12, vibrato_cents=5, level=0.65,
)  # fmt: skip
PAD = Voice(
    partials=_harmonics(14, 1.3), cutoff_hz=2_200, strings=_SECTION, attack_s=0.12, release_s=0.8,
    level=0.75,
)  # fmt: skip

_FAMILIES = (
    PIANO, MALLET, ORGAN, GUITAR, BASS, SOLO_STRING, STRINGS, BRASS,
    REED, FLUTE, LEAD, PAD, PAD, GUITAR, BELL, PAD,
)  # fmt: skip
_EXCEPTIONS = {
    4: ELECTRIC_PIANO, 5: ELECTRIC_PIANO, 6: HARPSICHORD, 7: HARPSICHORD,
    8: BELL, 9: BELL, 10: BELL, 11: BELL, 14: BELL, 15: HARPSICHORD,
    29: DRIVEN_GUITAR, 30: DRIVEN_GUITAR, 38: LEAD, 39: LEAD, 44: STRINGS, 45: GUITAR, 46: GUITAR,
    47: MALLET, 52: CHOIR, 53: CHOIR, 54: CHOIR, 85: CHOIR, 91: CHOIR,
    109: REED, 110: SOLO_STRING, 111: REED, 115: MALLET, 116: MALLET, 117: MALLET,
}  # fmt: skip


def voice_of(program: int) -> Voice:
    """The voice that stands for General MIDI ``program`` (0 to 127)."""
    return _EXCEPTIONS.get(program, _FAMILIES[program // 8])


def tone(voice: Voice, pitch: int, velocity: int, n: int, sample_rate: int) -> Samples:
    """``n`` samples of a held note, shape (n,); a gate for the note-off is the caller's.

    Args:
        voice: the instrument.
        pitch: MIDI pitch 0 to 127, equal temperament, A4 = 440 Hz.
        velocity: MIDI velocity 1 to 127.
        n: length in samples, 1 or more.
        sample_rate: samples per second.
    """
    random = np.random.default_rng(pitch)
    fundamental = 440.0 * 2.0 ** ((pitch - 69) / 12)
    ratio, amplitude = np.array(voice.partials, dtype=np.float64).T
    hz = fundamental * ratio * np.sqrt((1 + voice.stretch * ratio**2) / (1 + voice.stretch))
    kept = hz < _HIGHEST_HZ
    ratio, amplitude, hz = ratio[kept], amplitude[kept], hz[kept]
    cutoff = max(voice.cutoff_hz, 1.5 * fundamental) * 3.0 ** (velocity / 64 - 1.25)
    amplitude = amplitude / (1 + (hz / cutoff) ** 2)
    for centre, width, gain in voice.formants:
        amplitude = amplitude * (1 + gain * np.exp(-0.5 * ((hz - centre) / width) ** 2))
    amplitude /= np.sqrt(np.sum(amplitude**2))

    cents, weight, share = np.array(voice.strings, dtype=np.float64).T
    omega = 2j * np.pi * np.outer(2.0 ** (cents / 1200), hz) / sample_rate
    phase = np.exp(2j * np.pi * random.random(omega.shape))
    decay = np.zeros(omega.shape)
    if voice.decay_s is not None:
        phase[:] = phase[0]  # struck together, the strings part only slowly
        t60 = min(2.0 * voice.decay_s, voice.decay_s * 2.0 ** ((60 - pitch) / 22))
        decay = np.outer(1 / share, 1 + voice.damping * (ratio - 1)) * np.log(1e3) / t60
    start, rate = np.outer(weight, amplitude) * phase, omega - decay / sample_rate
    if voice.attack_s:
        # 1 - exp(-t / attack) is the difference of two exponentials: the bank doubles.
        rise = 1 / (voice.attack_s * (1 + 0.12 * (ratio - 1)) * sample_rate)
        start, rate = np.concatenate([start, -start]), np.concatenate([rate, rate - rise])
    samples = _bank(start.ravel(), rate.ravel(), n)
    if voice.vibrato_cents:
        samples = _vibrato(samples, voice.vibrato_cents, sample_rate)
    if voice.breath:
        samples += voice.breath * _burst(random, fundamental, voice.breath_s, n, sample_rate)
    onset = min(n, sample_rate // 500)
    samples[:onset] *= np.linspace(0, 1, onset, dtype=np.float32)
    # Ears are dull to low notes; and loudness in MIDI goes about with the square of velocity.
    loudness = voice.level * 2.0 ** ((60 - pitch) / 60) * (velocity / 127) ** 2
    samples *= np.float32(loudness)
    return samples


def _bank(start: NDArray[np.complex128], rate: NDArray[np.complex128], n: int) -> Samples:
    """The real part of sum over k of start[k] exp(rate[k] t) for t = 0 .. n - 1, shape (n,).

    exp(rate (b + t)) = exp(rate b) exp(rate t): values at block starts times values in a block.
    """
    blocks = np.exp(np.outer(np.arange(0, n + _ROWS * _BLOCK, _BLOCK), rate)) * start
    within = np.exp(np.outer(rate, np.arange(_BLOCK)))
    left = np.hstack([blocks.real, -blocks.imag]).astype(np.float32)
    right = np.vstack([within.real, within.imag]).astype(np.float32)
    # A few rows at a time: larger products are spread over threads, which costs more than it
    # saves, several times over where the cores have other work.
    left = left[: len(left) // _ROWS * _ROWS].reshape(-1, _ROWS, left.shape[1])
    product: Samples = left @ right
    return product.ravel()[:n]


def _vibrato(samples: Samples, cents: float, sample_rate: int) -> Samples:
    """Pitch that swings by ``cents``, more and more over half a second: a wobbling delay."""
    n = np.arange(len(samples))
    t = n / sample_rate
    depth = (2.0 ** (cents / 1200) - 1) * sample_rate / (2 * np.pi * _VIBRATO_HZ)
    swing = np.minimum(1, t / 0.5) ** 2 * np.sin(2 * np.pi * _VIBRATO_HZ * t)
    return np.asarray(np.interp(n + depth * swing, n, samples), dtype=np.float32)


def _burst(
    random: np.random.Generator, hz: float, decay_s: float, n: int, sample_rate: int
) -> Samples:
    """Noise around the onset, coloured by the note, shape (n,)."""
    length = min(n, round(6 * decay_s * sample_rate))
    low, high = 0.7 * min(hz, 2_000), 4 * min(hz, 2_000) + 800
    band = signal.butter(1, (low, high), "bandpass", fs=sample_rate, output="sos")
    noise = signal.sosfilt(band, random.standard_normal(length))
    noise *= np.exp(-np.arange(length) / (decay_s * sample_rate)) / max(noise.std(), 1e-9)
    burst = np.zeros(n, np.float32)
    burst[:length] = noise
    return burst


_METAL = (2.0, 3.0, 4.16, 5.43, 6.79, 8.21)
"""Ratios of the oscillators whose clash sounds like sheet metal."""


def drum(pitch: int, sample_rate: int) -> Samples:
    """One hit of a drum class (``DRUM_PITCHES``) at full level, with all its ring; shape (n,)."""
    random = np.random.default_rng(pitch)

    def clock(seconds: float) -> NDArray[np.float64]:
        return np.arange(round(seconds * sample_rate)) / sample_rate

    def sweep(t: NDArray[np.float64], hz: float, drop: float, drop_s: float) -> NDArray[np.float64]:
        phase = hz * t + hz * drop * drop_s * (1 - np.exp(-t / drop_s))
        return np.sin(2 * np.pi * phase)

    def noise(t: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
        band = signal.butter(2, (low, high), "bandpass", fs=sample_rate, output="sos")
        filtered = signal.sosfilt(band, random.standard_normal(len(t)))
        return np.asarray(filtered / filtered.std())

    def metal(t: NDArray[np.float64], hz: float, low: float) -> NDArray[np.float64]:
        clash = sum(np.sign(np.sin(2 * np.pi * hz * ratio * t)) for ratio in _METAL)
        high = signal.butter(2, low, "highpass", fs=sample_rate, output="sos")
        filtered = signal.sosfilt(high, clash)
        return np.asarray(filtered / filtered.std())

    if pitch == 36:  # kick
        t = clock(0.45)
        hit = 0.95 * sweep(t, 48, 3.2, 0.028) * np.exp(-t / 0.11)
        hit += 0.06 * noise(t, 1_500, 6_000) * np.exp(-t / 0.004)
    elif pitch == 38:  # snare
        t = clock(0.4)
        hit = 0.45 * sweep(t, 185, 0.5, 0.02) * np.exp(-t / 0.06)
        hit += 0.2 * sweep(t, 330, 0.2, 0.02) * np.exp(-t / 0.035)
        hit += 0.2 * noise(t, 1_200, 9_000) * np.exp(-t / 0.075)
    elif pitch in (42, 46):  # closed and open hi-hat
        ring = 0.032 if pitch == 42 else 0.22
        t = clock(7 * ring)
        hit = (0.09 * metal(t, 540, 7_000) + 0.09 * noise(t, 6_500, 15_000)) * np.exp(-t / ring)
    elif pitch in (43, 47, 50):  # low, mid and high tom
        hz = {43: 82, 47: 118, 50: 165}[pitch]
        t = clock(0.7)
        hit = 0.7 * sweep(t, hz, 0.6, 0.05) * np.exp(-t / (18 / hz))
        hit += 0.07 * noise(t, 300, 3_000) * np.exp(-t / 0.012)
    elif pitch == 49:  # crash
        t = clock(2.6)
        hit = 0.13 * noise(t, 2_500, 14_000) * (np.exp(-t / 0.5) + np.exp(-t / 0.05))
        hit += 0.05 * metal(t, 430, 3_500) * np.exp(-t / 0.45)
    else:  # ride
        t = clock(1.8)
        hit = 0.06 * metal(t, 610, 4_000) * (0.5 * np.exp(-t / 0.4) + np.exp(-t / 0.04))
        hit += 0.025 * noise(t, 5_000, 14_000) * np.exp(-t / 0.3)
        hit += 0.05 * sweep(t, 3_100, 0, 1.0) * np.exp(-t / 0.12)
    end = min(len(hit), round(0.02 * sample_rate))
    hit[-end:] *= np.linspace(1, 0, end)
    return hit.astype(np.float32)
