"""SoundFont 2 files: which samples a key sounds, and with which generators.

Read after the SoundFont Technical Specification 2.04: the RIFF chunks (section 4 and 5), presets
and instruments with their zones (7), generators (8.1), modulators and their identity (8.2 to 8.4).
Structure that contradicts the specification is an error; a single sample out of bounds only
silences the zones that use it, as section 7.10 asks. What is read is bounded by the file's size.

This module knows files and numbers in the specification's own units. It does not know how they
sound (``voice``). Not read: 24-bit extensions (the upper 16 bits are), ROM samples, and the
compressed samples of SoundFont 3.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.errors import SoundFontError

SOUNDFONT_VARIABLE = "MUSICGEN_VAE_SOUNDFONT"
"""Environment variable that names another SoundFont file than the default."""
MAX_BYTES = 1 << 30
MAX_ZONES = 4096
"""Zones that one preset or instrument may have."""
MAX_REGIONS = 64
"""Samples that one key may sound at once."""
MAX_SAMPLE = 1 << 22
"""Points of one sample that are played: 95 s at 44,100 a second."""
DRUM_BANK = 128


class Gen(IntEnum):
    """Generators that shape sound here, by the specification's number (section 8.1.2)."""

    START = 0
    END = 1
    LOOP_START = 2
    LOOP_END = 3
    START_COARSE = 4
    MOD_LFO_TO_PITCH = 5
    VIB_LFO_TO_PITCH = 6
    MOD_ENV_TO_PITCH = 7
    FILTER_CUTOFF = 8
    FILTER_Q = 9
    MOD_LFO_TO_CUTOFF = 10
    MOD_ENV_TO_CUTOFF = 11
    END_COARSE = 12
    MOD_LFO_TO_VOLUME = 13
    PAN = 17
    MOD_LFO_DELAY = 21
    MOD_LFO_RATE = 22
    VIB_LFO_DELAY = 23
    VIB_LFO_RATE = 24
    MOD_ENV_DELAY = 25
    MOD_ENV_ATTACK = 26
    MOD_ENV_HOLD = 27
    MOD_ENV_DECAY = 28
    MOD_ENV_SUSTAIN = 29
    MOD_ENV_RELEASE = 30
    KEY_TO_MOD_ENV_HOLD = 31
    KEY_TO_MOD_ENV_DECAY = 32
    VOL_ENV_DELAY = 33
    VOL_ENV_ATTACK = 34
    VOL_ENV_HOLD = 35
    VOL_ENV_DECAY = 36
    VOL_ENV_SUSTAIN = 37
    VOL_ENV_RELEASE = 38
    KEY_TO_VOL_ENV_HOLD = 39
    KEY_TO_VOL_ENV_DECAY = 40
    INSTRUMENT = 41
    KEY_RANGE = 43
    VELOCITY_RANGE = 44
    LOOP_START_COARSE = 45
    KEY = 46
    VELOCITY = 47
    ATTENUATION = 48
    LOOP_END_COARSE = 50
    COARSE_TUNE = 51
    FINE_TUNE = 52
    SAMPLE = 53
    SAMPLE_MODES = 54
    SCALE_TUNING = 56
    EXCLUSIVE_CLASS = 57
    ROOT_KEY = 58


_TIMES = (-12_000, 8_000, -12_000)
_DEPTH = (-12_000, 12_000, 0)
_TRACKING = (-1_200, 1_200, 0)
_OFFSET = (-32_768, 32_767, 0)
_LIMITS: Mapping[Gen, tuple[int, int, int]] = {
    Gen.START: _OFFSET,
    Gen.END: _OFFSET,
    Gen.LOOP_START: _OFFSET,
    Gen.LOOP_END: _OFFSET,
    Gen.START_COARSE: _OFFSET,
    Gen.MOD_LFO_TO_PITCH: _DEPTH,
    Gen.VIB_LFO_TO_PITCH: _DEPTH,
    Gen.MOD_ENV_TO_PITCH: _DEPTH,
    Gen.FILTER_CUTOFF: (1_500, 13_500, 13_500),
    Gen.FILTER_Q: (0, 960, 0),
    Gen.MOD_LFO_TO_CUTOFF: _DEPTH,
    Gen.MOD_ENV_TO_CUTOFF: _DEPTH,
    Gen.END_COARSE: _OFFSET,
    Gen.MOD_LFO_TO_VOLUME: (-960, 960, 0),
    Gen.PAN: (-500, 500, 0),
    Gen.MOD_LFO_DELAY: (-12_000, 5_000, -12_000),
    Gen.MOD_LFO_RATE: (-16_000, 4_500, 0),
    Gen.VIB_LFO_DELAY: (-12_000, 5_000, -12_000),
    Gen.VIB_LFO_RATE: (-16_000, 4_500, 0),
    Gen.MOD_ENV_DELAY: (-12_000, 5_000, -12_000),
    Gen.MOD_ENV_ATTACK: _TIMES,
    Gen.MOD_ENV_HOLD: (-12_000, 5_000, -12_000),
    Gen.MOD_ENV_DECAY: _TIMES,
    Gen.MOD_ENV_SUSTAIN: (0, 1_000, 0),
    Gen.MOD_ENV_RELEASE: _TIMES,
    Gen.KEY_TO_MOD_ENV_HOLD: _TRACKING,
    Gen.KEY_TO_MOD_ENV_DECAY: _TRACKING,
    Gen.VOL_ENV_DELAY: (-12_000, 5_000, -12_000),
    Gen.VOL_ENV_ATTACK: _TIMES,
    Gen.VOL_ENV_HOLD: (-12_000, 5_000, -12_000),
    Gen.VOL_ENV_DECAY: _TIMES,
    Gen.VOL_ENV_SUSTAIN: (0, 1_440, 0),
    Gen.VOL_ENV_RELEASE: _TIMES,
    Gen.KEY_TO_VOL_ENV_HOLD: _TRACKING,
    Gen.KEY_TO_VOL_ENV_DECAY: _TRACKING,
    Gen.LOOP_START_COARSE: _OFFSET,
    Gen.KEY: (-1, 127, -1),
    Gen.VELOCITY: (-1, 127, -1),
    Gen.ATTENUATION: (0, 1_440, 0),
    Gen.LOOP_END_COARSE: _OFFSET,
    Gen.COARSE_TUNE: (-120, 120, 0),
    Gen.FINE_TUNE: (-99, 99, 0),
    Gen.SAMPLE_MODES: (0, 3, 0),
    Gen.SCALE_TUNING: (0, 1_200, 100),
    Gen.EXCLUSIVE_CLASS: (0, 127, 0),
    Gen.ROOT_KEY: (-1, 127, -1),
}
"""Lowest, highest and default value of each generator, in its own unit: timecents, cents,
centibels, tenths of a per cent, samples."""
_INSTRUMENT_ONLY = frozenset(
    {
        Gen.START, Gen.END, Gen.LOOP_START, Gen.LOOP_END, Gen.START_COARSE, Gen.END_COARSE,
        Gen.LOOP_START_COARSE, Gen.LOOP_END_COARSE, Gen.KEY, Gen.VELOCITY, Gen.SAMPLE_MODES,
        Gen.EXCLUSIVE_CLASS, Gen.ROOT_KEY,
    }
)  # fmt: skip
_KNOWN = frozenset(_LIMITS)
_FULL_RANGE = (0, 127)
_COARSE = 32_768
_ROM = 0x8000


@dataclass(frozen=True, kw_only=True, slots=True)
class Modulator:
    """One routing of a controller to a generator (section 8.2), in the file's numbers.

    Attributes:
        source, amount_source: controller, polarity, direction and curve (8.2.1).
        target: number of the generator, or of a modulator if 0x8000 is set.
        amount: in the target's unit, at full swing.
        transform: 0 linear, 2 absolute value.
    """

    source: int
    target: int
    amount: int
    amount_source: int
    transform: int

    @property
    def identity(self) -> tuple[int, int, int, int]:
        """Modulators with the same identity replace one another (section 9.5.1)."""
        return (self.source, self.target, self.amount_source, self.transform)


VELOCITY_TO_ATTENUATION = Modulator(
    source=0x0502, target=Gen.ATTENUATION, amount=960, amount_source=0, transform=0
)
PAN_TO_PAN = Modulator(source=0x028A, target=Gen.PAN, amount=500, amount_source=0, transform=0)
WHEEL_TO_VIBRATO = Modulator(
    source=0x0081, target=Gen.VIB_LFO_TO_PITCH, amount=50, amount_source=0, transform=0
)
DEFAULT_MODULATORS = (VELOCITY_TO_ATTENUATION, PAN_TO_PAN, WHEEL_TO_VIBRATO)
"""Those of section 8.4 that a file of notes and controllers can move and that are not followed over
time (volume, expression and pitch wheel are). Velocity to filter cutoff is left out on purpose, as
FluidSynth does: fonts are voiced without it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Where a sample lies in the pool and how it was recorded.

    Attributes:
        start, end, loop_start, loop_end: indices into ``SoundFont.pool``; ends are exclusive.
        rate: samples per second.
        root_key: MIDI pitch of the recording.
        correction: cents to add.
    """

    start: int
    end: int
    loop_start: int
    loop_end: int
    rate: int
    root_key: int
    correction: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Region:
    """One sample as one key and velocity of a preset sounds it. Compared by identity.

    Attributes:
        sample: with the region's offsets applied, within the pool, its loop at least 2 long or
            empty.
        generators: every ``Gen`` with a value, within the specification's limits.
        modulators: default, instrument and preset modulators together.
    """

    sample: Sample
    generators: Mapping[Gen, int]
    modulators: tuple[Modulator, ...]

    @property
    def loops(self) -> bool:
        """Whether the loop is played at all."""
        return self.generators[Gen.SAMPLE_MODES] in (1, 3) and (
            self.sample.loop_end > self.sample.loop_start
        )

    @property
    def loops_after_release(self) -> bool:
        """Whether the loop goes on after the note-off."""
        return self.loops and self.generators[Gen.SAMPLE_MODES] == 1


@dataclass(frozen=True, kw_only=True, slots=True)
class _Zone:
    """A zone as it stands in the file: ranges, generators, modulators and what it points at."""

    keys: tuple[int, int]
    velocities: tuple[int, int]
    generators: Mapping[Gen, int]
    modulators: tuple[Modulator, ...]
    target: int

    def holds(self, key: int, velocity: int) -> bool:
        return (
            self.keys[0] <= key <= self.keys[1]
            and self.velocities[0] <= velocity <= self.velocities[1]
        )


_BAG = np.dtype([("gen", "<u2"), ("mod", "<u2")])
_MOD = np.dtype(
    [("source", "<u2"), ("target", "<u2"), ("amount", "<i2"), ("by", "<u2"), ("transform", "<u2")]
)
_GEN = np.dtype([("gen", "<u2"), ("amount", "<i2")])
_RECORDS = {
    b"phdr": np.dtype(
        [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "V12")]
    ),
    b"pbag": _BAG,
    b"pmod": _MOD,
    b"pgen": _GEN,
    b"inst": np.dtype([("name", "S20"), ("bag", "<u2")]),
    b"ibag": _BAG,
    b"imod": _MOD,
    b"igen": _GEN,
    b"shdr": np.dtype(
        [
            ("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop_start", "<u4"),
            ("loop_end", "<u4"), ("rate", "<u4"), ("root", "u1"), ("correction", "i1"),
            ("link", "<u2"), ("type", "<u2"),
        ]
    ),
}  # fmt: skip
"""The nine lists of the pdta chunk, each closed by one terminal record (section 7)."""


class SoundFont:
    """A SoundFont 2 file, read once; presets are resolved as they are asked for.

    Args:
        data: the file; kept as long as the object, since the pool is a view of it.

    Raises:
        SoundFontError: if it is not a SoundFont 2 file or contradicts itself.

    Attributes:
        pool: all 16-bit samples, shape (n,).
    """

    def __init__(self, data: bytes | mmap.mmap) -> None:
        view = memoryview(data)
        if len(view) > MAX_BYTES:
            raise SoundFontError(
                f"the SoundFont has {len(view):,} bytes; at most {MAX_BYTES:,} are read"
            )
        if bytes(view[:4]) != b"RIFF" or bytes(view[8:12]) != b"sfbk":
            raise SoundFontError("this is not a SoundFont file: choose a .sf2 file")
        lists = {kind: dict(_chunks(body)) for kind, body in _lists(view)}
        for kind in (b"INFO", b"sdta", b"pdta"):
            if kind not in lists:
                raise SoundFontError(f"the SoundFont has no {kind.decode()} part: it is damaged")
        version = lists[b"INFO"].get(b"ifil", memoryview(b""))
        major = int.from_bytes(version[:2], "little")
        if major != 2:
            raise SoundFontError(
                f"the SoundFont is of version {major}; version 2 (.sf2, uncompressed) is read"
            )
        samples = lists[b"sdta"].get(b"smpl", memoryview(b""))
        self.pool: NDArray[np.int16] = np.frombuffer(samples, "<i2", count=len(samples) // 2)
        self._tables = {kind: _table(lists[b"pdta"], kind) for kind in _RECORDS}
        self._presets: dict[tuple[int, int], int] = {}
        header = self._tables[b"phdr"]
        for i in range(len(header) - 1):
            self._presets.setdefault((int(header["bank"][i]), int(header["program"][i])), i)
        if not self._presets:
            raise SoundFontError("the SoundFont has no presets")
        for owner, bag, gen, mod in (
            (b"phdr", b"pbag", b"pgen", b"pmod"),
            (b"inst", b"ibag", b"igen", b"imod"),
        ):
            _check_order(self._tables[owner]["bag"], len(self._tables[bag]), owner)
            _check_order(self._tables[bag]["gen"], len(self._tables[gen]), bag)
            _check_order(self._tables[bag]["mod"], len(self._tables[mod]), bag)
        self._zones_of_preset = lru_cache(maxsize=256)(self._read_preset)
        self._zones_of_instrument = lru_cache(maxsize=1024)(self._read_instrument)
        self._region = lru_cache(maxsize=8192)(self._make_region)
        self.regions = lru_cache(maxsize=16_384)(self._find_regions)

    @classmethod
    def load(cls, path: Path) -> SoundFont:
        """The SoundFont at ``path``; its samples stay on disk until they are used.

        Raises:
            SoundFontError: if it cannot be read or is no SoundFont 2 file.
        """
        try:
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise SoundFontError(f"the SoundFont {path} cannot be read: {error}") from error
        try:
            return cls(data)
        except SoundFontError as error:
            raise SoundFontError(f"{path}: {error}") from None

    @property
    def presets(self) -> tuple[tuple[int, int], ...]:
        """(bank, program) of every preset."""
        return tuple(self._presets)

    def preset(self, bank: int, program: int) -> int | None:
        """Number of the preset to play: the one asked for, or the nearest there is.

        A missing bank falls back to bank 0, a missing drum kit to the standard kit.
        """
        wanted = [(bank, program)]
        wanted.append((DRUM_BANK, 0) if bank == DRUM_BANK else (0, program))
        return next((self._presets[key] for key in wanted if key in self._presets), None)

    def _find_regions(self, bank: int, program: int, key: int, velocity: int) -> tuple[Region, ...]:
        """What sounds when a key is struck; empty if nothing does.

        Args:
            bank: 0, or 128 for drums.
            program: General MIDI program 0 to 127.
            key: MIDI pitch 0 to 127.
            velocity: MIDI velocity 1 to 127.

        Raises:
            SoundFontError: if more than ``MAX_REGIONS`` samples would sound.
        """
        number = self.preset(bank, program)
        if number is None:
            return ()
        found: list[Region] = []
        for i, zone in enumerate(self._zones_of_preset(number)):
            if not zone.holds(key, velocity):
                continue
            for j, inner in enumerate(self._zones_of_instrument(zone.target)):
                if not inner.holds(key, velocity):
                    continue
                region = self._region(number, i, j)
                if region is not None:
                    found.append(region)
                if len(found) > MAX_REGIONS:
                    raise SoundFontError(
                        f"the SoundFont sounds more than {MAX_REGIONS} samples with one key"
                    )
        return tuple(found)

    def _read_preset(self, number: int) -> tuple[_Zone, ...]:
        n_instruments = len(self._tables[b"inst"]) - 1
        zones = self._read_zones(b"phdr", b"pbag", b"pgen", b"pmod", number, Gen.INSTRUMENT)
        return tuple(zone for zone in zones if zone.target < n_instruments)

    def _read_instrument(self, number: int) -> tuple[_Zone, ...]:
        n_samples = len(self._tables[b"shdr"]) - 1
        zones = self._read_zones(b"inst", b"ibag", b"igen", b"imod", number, Gen.SAMPLE)
        return tuple(zone for zone in zones if zone.target < n_samples)

    def _read_zones(
        self, owner: bytes, bag: bytes, gen: bytes, mod: bytes, number: int, target: Gen
    ) -> Iterator[_Zone]:
        """The zones of one preset or instrument, the global one merged into each (section 7.3)."""
        bags, generators, modulators = self._tables[bag], self._tables[gen], self._tables[mod]
        first, last = (int(i) for i in self._tables[owner]["bag"][number : number + 2])
        if last - first > MAX_ZONES:
            raise SoundFontError(
                f"the SoundFont has a preset or instrument of {last - first} zones"
            )
        shared = _Zone(
            keys=_FULL_RANGE, velocities=_FULL_RANGE, generators={}, modulators=(), target=-1
        )
        for i in range(first, last):
            zone = _read_zone(
                generators[bags["gen"][i] : bags["gen"][i + 1]],
                modulators[bags["mod"][i] : bags["mod"][i + 1]],
                target,
                shared,
            )
            if zone.target >= 0:
                yield zone
            elif i == first:
                shared = zone

    def _make_region(self, preset: int, i: int, j: int) -> Region | None:
        """Zone ``j`` of the instrument of zone ``i``: preset values are added (section 9.4)."""
        outer = self._zones_of_preset(preset)[i]
        inner = self._zones_of_instrument(outer.target)[j]
        values: dict[Gen, int] = {}
        for gen, (low, high, default) in _LIMITS.items():
            value = inner.generators.get(gen, default)
            if gen not in _INSTRUMENT_ONLY:
                value += outer.generators.get(gen, 0)
            values[gen] = min(max(value, low), high)
        sample = self._sample(inner.target, values)
        if sample is None:
            return None
        modulators = {m.identity: m for m in (*DEFAULT_MODULATORS, *inner.modulators)}
        return Region(
            sample=sample,
            generators=values,
            modulators=(*modulators.values(), *outer.modulators),
        )

    def _sample(self, number: int, values: Mapping[Gen, int]) -> Sample | None:
        """Sample ``number`` with a zone's offsets, kept within the pool; None if none is left."""
        record = self._tables[b"shdr"][number]
        if int(record["type"]) & _ROM or not 100 <= int(record["rate"]) <= 400_000:
            return None
        start, end = int(record["start"]), int(record["end"])
        if not 0 <= start < end <= len(self.pool):
            return None
        first = start + values[Gen.START] + _COARSE * values[Gen.START_COARSE]
        last = end + values[Gen.END] + _COARSE * values[Gen.END_COARSE]
        first = max(first, start)
        last = min(last, end, first + MAX_SAMPLE)
        if last - first < 4:
            return None
        loop_start = int(record["loop_start"]) + values[Gen.LOOP_START]
        loop_end = int(record["loop_end"]) + values[Gen.LOOP_END]
        loop_start += _COARSE * values[Gen.LOOP_START_COARSE]
        loop_end += _COARSE * values[Gen.LOOP_END_COARSE]
        loop_start, loop_end = max(loop_start, first), min(loop_end, last)
        if loop_end - loop_start < 2:
            loop_start = loop_end = last
        root = int(record["root"])
        return Sample(
            start=first,
            end=last,
            loop_start=loop_start,
            loop_end=loop_end,
            rate=int(record["rate"]),
            root_key=root if root < 128 else 60,
            correction=int(record["correction"]),
        )


def find_soundfont() -> Path | None:
    """The SoundFont to use: ``MUSICGEN_VAE_SOUNDFONT``, or else the one that pretty_midi ships."""
    named = os.environ.get(SOUNDFONT_VARIABLE)
    path = Path(named) if named else Path(str(resources.files("pretty_midi") / "TimGM6mb.sf2"))
    return path if path.is_file() else None


def _chunks(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The chunks that a RIFF list holds, each by name and content."""
    at = 0
    while at + 8 <= len(view):
        name, size = bytes(view[at : at + 4]), int.from_bytes(view[at + 4 : at + 8], "little")
        if size > len(view) - at - 8:
            raise SoundFontError(
                f"part {name!r} should have {size:,} bytes but only {len(view) - at - 8:,} are "
                "left: the SoundFont is damaged or cut short, get it again"
            )
        yield name, view[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _lists(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    for name, body in _chunks(view[12:]):
        if name == b"LIST":
            yield bytes(body[:4]), body[4:]


def _table(chunks: Mapping[bytes, memoryview], kind: bytes) -> NDArray[np.void]:
    record = _RECORDS[kind]
    body = chunks.get(kind)
    if body is None or not len(body) or len(body) % record.itemsize:
        raise SoundFontError(
            f"the SoundFont's list {kind.decode()} is missing or of a wrong size: it is damaged"
        )
    return np.frombuffer(body, record)


def _check_order(indices: NDArray[np.uint16], n: int, kind: bytes) -> None:
    """Indices must not decrease, and the last must lie within the list they point at."""
    if (np.diff(indices.astype(np.int64)) < 0).any() or int(indices[-1]) >= n:
        raise SoundFontError(
            f"the SoundFont's list {kind.decode()} points outside another list: it is damaged"
        )


def _read_zone(
    generators: NDArray[np.void], modulators: NDArray[np.void], target: Gen, shared: _Zone
) -> _Zone:
    """One zone; what it does not say itself it has from ``shared``."""
    keys, velocities = shared.keys, shared.velocities
    values = dict(shared.generators)
    points_at = -1
    for number, amount in zip(
        generators["gen"].tolist(), generators["amount"].tolist(), strict=True
    ):
        if number == Gen.KEY_RANGE:
            keys = (amount & 0xFF, amount >> 8 & 0xFF)
        elif number == Gen.VELOCITY_RANGE:
            velocities = (amount & 0xFF, amount >> 8 & 0xFF)
        elif number == target:
            points_at = amount & 0xFFFF
            break  # by 8.1.2 nothing may follow it
        elif number in _KNOWN:
            values[Gen(number)] = amount
    routed = {m.identity: m for m in shared.modulators}
    for source, to, amount, by, transform in modulators.tolist():
        made = Modulator(
            source=source, target=to, amount=amount, amount_source=by, transform=transform
        )
        routed[made.identity] = made
    return _Zone(
        keys=keys,
        velocities=velocities,
        generators=values,
        modulators=tuple(routed.values()),
        target=points_at,
    )


def modulation(
    modulators: Sequence[Modulator], *, key: int, velocity: int, controllers: Mapping[int, int]
) -> dict[int, float]:
    """What ``modulators`` add to each generator, in its own unit (section 9.5).

    Args:
        modulators: of a region; those that feed other modulators are left out.
        key: MIDI pitch 0 to 127.
        velocity: MIDI velocity 0 to 127.
        controllers: value 0 to 127 of each MIDI controller; those left out stand at 0.
    """
    added: dict[int, float] = {}
    for m in modulators:
        if not m.amount or m.target & 0x8000:
            continue
        value = _source(m.source, key, velocity, controllers)
        if m.amount_source:
            value *= _source(m.amount_source, key, velocity, controllers)
        value *= m.amount
        added[m.target] = added.get(m.target, 0.0) + (abs(value) if m.transform == 2 else value)
    return added


def _source(source: int, key: int, velocity: int, controllers: Mapping[int, int]) -> float:
    """A source's value: 0 to 1, or -1 to 1 where it is bipolar (section 8.2.1 and 9.5.3)."""
    index = source & 0x7F
    if source & 0x80:
        raw = controllers.get(index, 0)
    elif index == 2:
        raw = velocity
    elif index == 3:
        raw = key
    elif index == 0:
        raw = 127
    elif index in (14, 16):  # the wheel is followed over time; at rest, with the default range
        return 0.0
    else:  # pressure: none
        raw = 0
    down, bipolar, curve = source & 0x100, source & 0x200, source >> 10
    x = (127 - raw if down else raw) / 127
    if not bipolar:
        return _curve(curve, x)
    x = 2 * (127 - raw if down else raw) / 128 - 1
    return float(np.copysign(_curve(curve, abs(x)), x)) if curve != 3 else (1.0 if x >= 0 else -1.0)


def _curve(curve: int, x: float) -> float:
    """Linear, concave, convex or switch: concave is 96 dB of a square law, convex its mirror."""
    if curve == 1:
        return min(1.0, -40 / 96 * float(np.log10(1 - x))) if x < 1 else 1.0
    if curve == 2:
        return 1 - (min(1.0, -40 / 96 * float(np.log10(x))) if x > 0 else 1.0)
    if curve == 3:
        return 1.0 if x >= 0.5 else 0.0
    return x
