"""How alike two renderings of the same music are: spectrum, onsets and loudness over time.

Pure functions of samples. Both sounds are first laid over one another (``align``): a constant delay
of up to 7 ms and a constant level are no difference to a listener.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_WINDOW, _HOP = 2048, 512
_BANDS = 80
_LOWEST_HZ, _HIGHEST_HZ = 40.0, 16_000.0
_FLOOR = 1e-6
"""Power below the loudest band (60 dB) that counts as silence."""
_LONGEST_LAG = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Likeness:
    """How alike two sounds are.

    Attributes:
        log_mel_db: mean difference of 80 mel bands, left and right, in dB; 0 for the same sound.
        onsets: correlation of the rise of energy over time, -1 to 1.
        loudness: correlation of the root of the energy over time, -1 to 1.
    """

    log_mel_db: float
    onsets: float
    loudness: float


def compare(sound: NDArray[np.float32], reference: NDArray[np.float32], rate: int) -> Likeness:
    """How alike ``sound`` and ``reference`` are, both of shape (n, 2) with any n."""
    a, b = align(sound, reference)
    powers = [np.concatenate([_mel_power(x[:, c], rate) for c in (0, 1)], axis=1) for x in (a, b)]
    floor = _FLOOR * float(powers[1].max()) + 1e-30
    decibels = [10 * np.log10(power + floor) for power in powers]
    rises = [np.maximum(np.diff(db, axis=0), 0).sum(axis=1) for db in decibels]
    levels = [np.sqrt(power.sum(axis=1)) for power in powers]
    return Likeness(
        log_mel_db=float(np.abs(decibels[0] - decibels[1]).mean()),
        onsets=float(np.corrcoef(*rises)[0, 1]),
        loudness=float(np.corrcoef(*levels)[0, 1]),
    )


def align(sound: NDArray[np.float32], reference: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Both cut to one length, ``sound`` moved by a constant delay and gain to fit best."""
    n = min(len(sound), len(reference))
    a, b = sound[:n].astype(np.float64), reference[:n].astype(np.float64)
    size = 1 << (n + _LONGEST_LAG - 1).bit_length()
    spectra = [np.fft.rfft(x.mean(axis=1), size) for x in (a, b)]
    agreement = np.fft.irfft(spectra[1] * np.conj(spectra[0]), size)
    lags = np.arange(-_LONGEST_LAG, _LONGEST_LAG + 1)
    lag = int(lags[np.argmax(agreement[lags])])
    a = np.roll(a, lag, axis=0)
    if lag > 0:
        a[:lag] = 0
    elif lag < 0:
        a[lag:] = 0
    energy = float((a**2).sum())
    return (a * np.sqrt((b**2).sum() / energy) if energy else a), b


def _mel_power(mono: Floats, rate: int) -> Floats:
    """Power in each mel band over time, shape (frames, ``_BANDS``)."""
    padded = np.pad(mono, (0, max(0, _WINDOW - len(mono))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    return np.asarray(power @ _mel_bands(rate).T)


@lru_cache(maxsize=4)
def _mel_bands(rate: int) -> Floats:
    """Triangular weights evenly spread over the mel scale, shape (bands, frequencies)."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (_LOWEST_HZ, _HIGHEST_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, _BANDS + 2) / 2595) - 1)
    hz = np.fft.rfftfreq(_WINDOW, 1 / rate)
    up = (hz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    down = (edges[2:, None] - hz) / np.diff(edges)[1:, None]
    return np.asarray(np.maximum(0, np.minimum(up, down)))
