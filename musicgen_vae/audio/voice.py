"""One sounding sample: its envelopes, oscillators and filter as curves over blocks of 64 samples.

The synthesis model of the SoundFont specification 2.04 (section 9.1 and 9.2), in closed form: each
curve is a function of time, so a voice needs no state and every block can be computed at once.
Where the specification leaves room (the scale of initial attenuation, centibels of the sustain
level, gain of a resonant filter) the choices are FluidSynth's, which fonts are voiced for.

This module knows one voice. It knows neither the samples themselves nor other voices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.audio.soundfont import Gen, Region, modulation

Floats = NDArray[np.float64]

BLOCK = 64
"""Samples over which a curve is a straight line."""
MAX_RATIO = 16.0
"""Source samples for one output sample: 4 octaves up."""
MIN_HELD_S = 0.01
"""Shorter notes are held for so long, or they would not be heard."""
_ATTENUATION_SHARE = 0.4
"""Sound cards of the time applied so much of a zone's initial attenuation; fonts rely on it."""
_RANGE_DB = 96.0
_SILENCE = 6e-5
"""Share of a voice's full level (-84 dB) below which it has ended."""
_KILL_S = 2.0 ** (-200 / 1200)
"""Seconds by 96 dB in which a voice of an exclusive class gives way to the next."""
_LONGEST_RELEASE_S = 12.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _EnvelopeGens:
    """The generators that set an envelope."""

    delay: Gen
    attack: Gen
    hold: Gen
    decay: Gen
    sustain: Gen
    release: Gen
    key_to_hold: Gen
    key_to_decay: Gen


_VOLUME = _EnvelopeGens(
    delay=Gen.VOL_ENV_DELAY,
    attack=Gen.VOL_ENV_ATTACK,
    hold=Gen.VOL_ENV_HOLD,
    decay=Gen.VOL_ENV_DECAY,
    sustain=Gen.VOL_ENV_SUSTAIN,
    release=Gen.VOL_ENV_RELEASE,
    key_to_hold=Gen.KEY_TO_VOL_ENV_HOLD,
    key_to_decay=Gen.KEY_TO_VOL_ENV_DECAY,
)
_MODULATION = _EnvelopeGens(
    delay=Gen.MOD_ENV_DELAY,
    attack=Gen.MOD_ENV_ATTACK,
    hold=Gen.MOD_ENV_HOLD,
    decay=Gen.MOD_ENV_DECAY,
    sustain=Gen.MOD_ENV_SUSTAIN,
    release=Gen.MOD_ENV_RELEASE,
    key_to_hold=Gen.KEY_TO_MOD_ENV_HOLD,
    key_to_decay=Gen.KEY_TO_MOD_ENV_DECAY,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Envelope:
    """An envelope's stages, in blocks.

    Attributes:
        delay, hold: 0 or more.
        attack: to full, 1 or more.
        decay, release: from full to nothing, 1 or more.
        sustain: 0 to 1.
    """

    delay: int
    attack: int
    hold: int
    decay: int
    sustain: float
    release: int

    def rise(self, at: Floats) -> Floats:
        """0 to 1 during the attack, 1 after it."""
        return np.clip((at - self.delay) / self.attack, 0, 1)

    def fall(self, at: Floats) -> Floats:
        """1 until the decay begins, then down to the sustain level."""
        since = np.maximum(at - self.delay - self.attack - self.hold, 0)
        return np.maximum(1 - since / self.decay, self.sustain)


@dataclass(frozen=True, kw_only=True, slots=True)
class Curves:
    """What a voice does over time; n blocks.

    Attributes:
        position: source samples from the region's start at which each block begins, shape (n,);
            already taken back into the loop.
        ratio: source samples for one output sample, shape (n,).
        level: amplitude at the block boundaries, shape (n + 1,), 0 or more.
        cutoff: of the low-pass filter in absolute cents, shape (n,).
        loops_until: block from which the sample is read without its loop.
    """

    position: Floats
    ratio: Floats
    level: Floats
    cutoff: Floats
    loops_until: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Voice:
    """A region struck with one key, velocity and setting of the controllers.

    Attributes:
        region: the sample and how the font wants it played.
        key: MIDI pitch 0 to 127 that the envelopes and the tuning follow.
        values: generators with their modulation, by ``Gen``.
    """

    region: Region
    key: int
    values: Mapping[int, float]

    @classmethod
    def strike(
        cls, region: Region, *, key: int, velocity: int, controllers: Mapping[int, int]
    ) -> Voice:
        """The voice of ``region``; arguments as for ``soundfont.modulation``."""
        generators = region.generators
        fixed_key, fixed_velocity = generators[Gen.KEY], generators[Gen.VELOCITY]
        key = fixed_key if fixed_key >= 0 else key
        velocity = fixed_velocity if fixed_velocity >= 0 else velocity
        values: dict[int, float] = {int(gen): float(v) for gen, v in generators.items()}
        values[Gen.ATTENUATION] *= _ATTENUATION_SHARE
        added = modulation(region.modulators, key=key, velocity=velocity, controllers=controllers)
        for target, amount in added.items():
            if target in values:
                values[target] += amount
        return cls(region=region, key=key, values=values)

    @cached_property
    def gain(self) -> float:
        """Amplitude 0 to 1.2: velocity, initial attenuation and the filter's own gain."""
        attenuation = min(max(self.values[Gen.ATTENUATION], 0.0), 1440.0)
        return float(10.0 ** (-attenuation / 200) / np.sqrt(self.resonance))

    @cached_property
    def resonance(self) -> float:
        """The filter's Q as a factor; 0.71 where the font asks for none."""
        return float(10.0 ** ((min(max(self.values[Gen.FILTER_Q], 0.0), 960.0) / 10 - 3.01) / 20))

    @cached_property
    def pan(self) -> tuple[float, float]:
        """Gains to the left and the right, of equal power together."""
        angle = (min(max(self.values[Gen.PAN], -500.0), 500.0) / 1000 + 0.5) * np.pi / 2
        return float(np.cos(angle)), float(np.sin(angle))

    @cached_property
    def shape(self) -> tuple[float, ...]:
        """All that its curves depend on: voices of one region alike in this differ in gain only."""
        left_out = (Gen.ATTENUATION, Gen.PAN)
        return (self.key, *(v for gen, v in self.values.items() if gen not in left_out))

    def curves(
        self,
        *,
        held: int,
        n_blocks: int,
        sample_rate: int,
        killed: int | None = None,
        bend: Floats | None = None,
    ) -> Curves:
        """The voice over time, up to where it can no longer be heard.

        Args:
            held: blocks from its start to the note-off.
            n_blocks: the most blocks there may be, 1 or more.
            sample_rate: of the output.
            killed: block at which a voice of the same exclusive class takes its place.
            bend: cents to add in each block, shape (``n_blocks``,).
        """
        rate = sample_rate / BLOCK
        volume = self._envelope(_VOLUME, rate)
        n = min(n_blocks, held + volume.release + 2)
        at: Floats = np.arange(n + 1, dtype=np.float64)
        vibrato = self._lfo(at / rate, Gen.VIB_LFO_DELAY, Gen.VIB_LFO_RATE)[1:]
        wobble = self._lfo(at / rate, Gen.MOD_LFO_DELAY, Gen.MOD_LFO_RATE)
        sweep = _modulation_envelope(self._envelope(_MODULATION, rate), at, held)[1:]

        level = _volume_envelope(volume, at, held)
        level = level * 10.0 ** (self.values[Gen.MOD_LFO_TO_VOLUME] * wobble / 200)
        wobble = wobble[1:]
        if killed is not None:
            level *= _decibels(-_RANGE_DB * np.maximum(at - killed, 0) / (_KILL_S * rate))

        cents = self._tuning + self.values[Gen.MOD_ENV_TO_PITCH] * sweep
        cents = cents + self.values[Gen.VIB_LFO_TO_PITCH] * vibrato
        cents = cents + self.values[Gen.MOD_LFO_TO_PITCH] * wobble
        if bend is not None:
            cents = cents + bend[:n]
        ratio = 2.0 ** (np.clip(cents, -14_400, 14_400) / 1200)
        ratio = np.clip(ratio * self.region.sample.rate / sample_rate, 1e-6, MAX_RATIO)
        position, loops_until = self._positions(ratio, held, min(volume.delay, n - 1))
        cutoff = self.values[Gen.FILTER_CUTOFF] + self.values[Gen.MOD_ENV_TO_CUTOFF] * sweep
        cutoff = cutoff + self.values[Gen.MOD_LFO_TO_CUTOFF] * wobble

        loud = np.flatnonzero(level > _SILENCE)
        heard = int(loud[-1]) + 1 if len(loud) else 0
        sample = self.region.sample
        over = np.flatnonzero(position[loops_until:] >= sample.end - sample.start)
        if len(over):
            heard = min(heard, loops_until + int(over[0]))
        end = min(max(heard, 1), n)
        level = level[: end + 1].copy()
        level[-1] = 0.0
        return Curves(
            position=position[:end],
            ratio=ratio[:end],
            level=level,
            cutoff=np.clip(cutoff[:end], -12_000, 14_000),
            loops_until=min(loops_until, end),
        )

    def _positions(self, ratio: Floats, held: int, waits: int) -> tuple[Floats, int]:
        """Where each block begins in the sample, and the block from which it no longer loops.

        The sample starts when the envelope's delay is over, after ``waits`` blocks.
        """
        n = len(ratio)
        position = np.zeros(n)
        np.cumsum(BLOCK * ratio[waits:-1], out=position[waits + 1 :])
        if not self.region.loops:
            return position, 0
        sample = self.region.sample
        # One sample later than the loop itself: interpolation looks back at the one before.
        first = sample.loop_start - sample.start + 1
        length = sample.loop_end - sample.loop_start
        looped = np.where(
            position < first + length, position, first + np.mod(position - first, length)
        )
        if self.region.loops_after_release or held >= n:
            return looped, n
        looped[held:] = looped[held] + position[held:] - position[held]
        return looped, held

    def _envelope(self, gens: _EnvelopeGens, rate: float) -> _Envelope:
        """An envelope in blocks, of which there are ``rate`` in a second."""

        def blocks(timecents: float, longest: float = 1e6) -> int:
            seconds = 2.0 ** (min(max(timecents, -12_000.0), 8_000.0) / 1200)
            return int(min(seconds, longest) * rate)

        values, below = self.values, 60 - self.key
        return _Envelope(
            delay=blocks(values[gens.delay]),
            attack=1 + blocks(values[gens.attack]),
            hold=blocks(values[gens.hold] + below * values[gens.key_to_hold]),
            decay=max(1, blocks(values[gens.decay] + below * values[gens.key_to_decay])),
            sustain=1 - min(max(values[gens.sustain], 0.0), 1000.0) / 1000,
            release=1 + blocks(values[gens.release], _LONGEST_RELEASE_S),
        )

    @property
    def _tuning(self) -> float:
        """Cents from the recording's pitch to the one that is played."""
        sample, values = self.region.sample, self.values
        root = values[Gen.ROOT_KEY] if values[Gen.ROOT_KEY] >= 0 else sample.root_key
        cents = values[Gen.SCALE_TUNING] * (self.key - root + sample.correction / 100)
        return float(cents + 100 * values[Gen.COARSE_TUNE] + values[Gen.FINE_TUNE])

    def _lfo(self, at_s: Floats, delay: Gen, rate: Gen) -> Floats:
        """A triangle from 0 up to 1, down to -1 and back; 0 before its delay."""
        delay_s = 2.0 ** (min(max(self.values[delay], -12_000.0), 5_000.0) / 1200)
        phase = np.maximum(at_s - delay_s, 0) * self._hertz(rate)
        return np.asarray(1 - np.abs(np.mod(4 * phase + 1, 4) - 2))

    def _hertz(self, rate: Gen) -> float:
        return float(8.176 * 2.0 ** (min(max(self.values[rate], -16_000.0), 4_500.0) / 1200))


def _decibels(value: Floats) -> Floats:
    """As an amplitude."""
    return np.asarray(10.0 ** (value / 20))


def _volume_envelope(envelope: _Envelope, at: Floats, off: int) -> Floats:
    """Amplitude at block boundaries ``at``: a linear attack, then linear in decibels."""

    def held(b: Floats) -> Floats:
        """Amplitude while the key is down."""
        rise, fall = envelope.rise(b), envelope.fall(b)
        return np.where(rise < 1, rise, np.where(fall > 0, _decibels(_RANGE_DB * (fall - 1)), 0))

    at_off = max(float(held(np.array([float(off)]))[0]), 1e-9)
    left = 1 + 20 / _RANGE_DB * np.log10(at_off) - np.maximum(at - off, 0) / envelope.release
    released = np.where(left > 0, _decibels(_RANGE_DB * (left - 1)), 0.0)
    return np.where(at <= off, held(np.minimum(at, off)), released)


def _modulation_envelope(envelope: _Envelope, at: Floats, off: int) -> Floats:
    """0 to 1 at block boundaries ``at``: a convex attack, then linear."""

    def held(b: Floats) -> Floats:
        rise = np.maximum(envelope.rise(b), 1e-6)
        convex = np.maximum(1 + 40 / _RANGE_DB * np.log10(rise), 0)
        return np.where(rise < 1, convex, envelope.fall(b))

    at_off = float(held(np.array([float(off)]))[0])
    released = np.maximum(at_off - (at - off) / envelope.release, 0)
    return np.where(at <= off, held(np.minimum(at, off)), released)
