"""SoundFont files made byte by byte, to say exactly what is in them."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from musicgen_vae.audio.soundfont import Gen

Mod = tuple[int, int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Zone:
    """Generators and modulators in order; ``target`` is an instrument or a sample, None: global."""

    target: int | None = 0
    gens: Mapping[int, int] = field(default_factory=dict)
    mods: Sequence[Mod] = ()
    keys: tuple[int, int] | None = None
    velocities: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Wave:
    """One sample; the loop is counted from its start."""

    data: np.ndarray
    loop: tuple[int, int] = (0, 0)
    rate: int = 44_100
    root: int = 60
    correction: int = 0
    kind: int = 1


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _zones(lists: Sequence[Sequence[Zone]], target: Gen) -> tuple[list[int], bytes, bytes, bytes]:
    """First bag of each owner and of the terminal one; bags, modulators, generators."""
    firsts, bags, mods, gens = [], [], b"", b""
    for zones in lists:
        firsts.append(len(bags))
        for zone in zones:
            bags.append((len(gens) // 4, len(mods) // 10))
            for range_gen, limits in ((43, zone.keys), (44, zone.velocities)):
                if limits:
                    gens += struct.pack("<HBB", range_gen, *limits)
            for number, amount in zone.gens.items():
                gens += struct.pack("<Hh", number, amount)
            if zone.target is not None:
                gens += struct.pack("<HH", target, zone.target)
            for mod in zone.mods:
                mods += struct.pack("<HHhHH", *mod)
    firsts.append(len(bags))
    bags.append((len(gens) // 4, len(mods) // 10))
    packed = b"".join(struct.pack("<HH", *bag) for bag in bags)
    return firsts, packed, mods + bytes(10), gens + bytes(4)


def font(
    *,
    waves: Sequence[Wave],
    instruments: Sequence[Sequence[Zone]] = ((Zone(),),),
    presets: Mapping[tuple[int, int], Sequence[Zone]] | None = None,
    version: tuple[int, int] = (2, 1),
) -> bytes:
    """A SoundFont; presets are by (bank, program)."""
    presets = {(0, 0): (Zone(),)} if presets is None else presets
    pool, headers = b"", b""
    for wave in waves:
        start = len(pool) // 2
        n = len(wave.data)
        headers += struct.pack(
            "<20sIIIIIBbHH", b"wave", start, start + n, start + wave.loop[0],
            start + wave.loop[1], wave.rate, wave.root, wave.correction, 0, wave.kind,
        )  # fmt: skip
        pool += np.asarray(wave.data, "<i2").tobytes() + bytes(92)
    headers += struct.pack("<20sIIIIIBbHH", b"EOS", *(0,) * 9)
    firsts, pbag, pmod, pgen = _zones(list(presets.values()), Gen.INSTRUMENT)
    keys = [*presets, (255, 255)]
    phdr = b"".join(
        struct.pack("<20sHHHIII", b"preset", program, bank, first, 0, 0, 0)
        for (bank, program), first in zip(keys, firsts, strict=True)
    )
    firsts, ibag, imod, igen = _zones(instruments, Gen.SAMPLE)
    inst = b"".join(struct.pack("<20sH", b"instrument", first) for first in firsts)
    parts = {
        b"phdr": phdr, b"pbag": pbag, b"pmod": pmod, b"pgen": pgen, b"inst": inst, b"ibag": ibag,
        b"imod": imod, b"igen": igen, b"shdr": headers,
    }  # fmt: skip
    body = b"sfbk"
    body += chunk(b"LIST", b"INFO" + chunk(b"ifil", struct.pack("<HH", *version)))
    body += chunk(b"LIST", b"sdta" + chunk(b"smpl", pool))
    pdta = b"".join(chunk(name, part) for name, part in parts.items())
    body += chunk(b"LIST", b"pdta" + pdta)
    return chunk(b"RIFF", body)


def sine(n: int, period: float, level: float = 0.5) -> np.ndarray:
    """A sine of ``n`` samples."""
    return np.round(32_767 * level * np.sin(2 * np.pi * np.arange(n) / period)).astype(np.int16)
