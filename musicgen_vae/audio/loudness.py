"""How loud music is, and by how much to turn it up or down: ITU-R BS.1770-4, chunk by chunk.

The weighting filter is pyloudnorm's, and so is the result; but here the sound is never needed as a
whole. This module knows samples; it does not know what is in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy import signal

from musicgen_vae.audio.renderer import PEAK

Samples = NDArray[np.float32]

TARGET_LUFS = -16.0
"""Loudness of what people hear, as streaming services ask for."""
_SILENCE_LUFS = -70.0
"""What is softer than this is silence to BS.1770."""
_GATE_LU = 10.0
"""What is softer than the rest by more than this does not count."""
_HOP_S, _HOPS_PER_BLOCK = 0.1, 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """How loud a sound is.

    Attributes:
        lufs: integrated loudness; None for silence and for 0.4 s or less.
        peak: largest absolute sample.
    """

    lufs: float | None
    peak: float

    @property
    def reachable(self) -> float | None:
        """The loudness that it can have: ``TARGET_LUFS``, or what ``PEAK`` leaves of it."""
        return self.times(self.gain()).lufs

    def gain(self, target: float = TARGET_LUFS) -> float:
        """The factor that brings it to ``target`` LUFS, or as near as ``PEAK`` lets it be.

        What has no loudness is only kept under ``PEAK``.
        """
        wanted = 1.0 if self.lufs is None else 10 ** ((target - self.lufs) / 20)
        return PEAK / self.peak if self.peak * wanted > PEAK else wanted

    def times(self, gain: float) -> Level:
        """How loud the sound is with another gain, above 0."""
        lufs = None if self.lufs is None else self.lufs + 20 * float(np.log10(gain))
        return Level(lufs=lufs, peak=gain * self.peak)


def level_of(chunks: Iterable[Samples], sample_rate: int) -> Level:
    """How loud the sound is that ``chunks`` make when joined.

    Args:
        chunks: each of shape (n,) or (n, 2), all of the same kind.
        sample_rate: samples per second and channel.
    """
    meter = Meter(sample_rate)
    for chunk in chunks:
        meter.feed(chunk)
    return meter.level()


def matched(levels: Iterable[Level]) -> float:
    """The loudness in LUFS for sounds that are to be compared: what the softest of them can reach.

    What one cannot reach under ``PEAK`` the others do without, or the louder would be preferred.
    """
    return min((x for level in levels if (x := level.reachable) is not None), default=TARGET_LUFS)


class Meter:
    """Measures loudness and peak of a sound that comes in chunks of any length."""

    def __init__(self, sample_rate: int) -> None:
        shelf = pyloudnorm.IIRfilter(4.0, 1 / np.sqrt(2), 1_500.0, sample_rate, "high_shelf")
        high_pass = pyloudnorm.IIRfilter(0.0, 0.5, 38.0, sample_rate, "high_pass")
        self._filter = np.array([[*stage.b, *stage.a] for stage in (shelf, high_pass)])
        self._state: NDArray[np.float64] | None = None
        self._hop = round(_HOP_S * sample_rate)
        self._energies: list[NDArray[np.float64]] = []
        self._rest = np.zeros(0)
        self._peak = 0.0
        self._n = 0

    def feed(self, samples: Samples) -> None:
        """Take the next samples in, shape (n,) or (n, 2)."""
        if not len(samples):
            return
        self._n += len(samples)
        self._peak = max(self._peak, float(np.abs(samples).max()))
        channels = samples.reshape(len(samples), -1).astype(np.float64)
        if self._state is None:
            self._state = np.zeros((len(self._filter), 2, channels.shape[1]))
        heard, self._state = signal.sosfilt(self._filter, channels, axis=0, zi=self._state)
        power = np.concatenate([self._rest, (heard**2).sum(axis=1)])
        whole = len(power) // self._hop * self._hop
        self._energies.append(power[:whole].reshape(-1, self._hop).sum(axis=1))
        self._rest = power[whole:]

    def level(self) -> Level:
        """How loud what was taken in is."""
        return Level(lufs=self._integrated(), peak=self._peak)

    def _integrated(self) -> float | None:
        n_shortest = _HOPS_PER_BLOCK * self._hop
        if self._n <= n_shortest or not self._peak:
            return None
        hops = np.concatenate(self._energies)
        if len(self._rest) > self._hop / 2:  # the last block may lack the end of its last hop
            hops = np.append(hops, self._rest.sum())
        blocks = np.convolve(hops, np.ones(_HOPS_PER_BLOCK), "valid") / n_shortest
        loud = blocks[blocks >= _power(_SILENCE_LUFS)]
        if not len(loud):
            return None
        loud = loud[loud > loud.mean() * _power_ratio(-_GATE_LU)]
        lufs = float(-0.691 + 10 * np.log10(loud.mean()))
        return lufs if lufs > _SILENCE_LUFS else None


def _power(lufs: float) -> float:
    return _power_ratio(lufs + 0.691)


def _power_ratio(decibels: float) -> float:
    return float(10 ** (decibels / 10))
