"""Voices to waveforms, many at once: interpolated samples, levels and filters in PyTorch.

All voices of a batch lie one after another in tiles of 8 blocks. A tile is read from the samples at
64-bit positions by Catmull-Rom interpolation, shaped by its level and filtered in the frequency
domain; what the filter rings on after a tile is added to the next, so a filter that moves from tile
to tile never clicks. Every batch has the same shape, padded with silence where voices run out:
on a CPU a voice then comes out the same to the last bit, whatever is rendered beside it.

On CUDA two sizes of batch, or two kinds of GPU, may round differently, by about 1e-6 of full scale.
Nothing here is added up in an order that varies, so the same call gives the same samples.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicgen_vae.audio.soundfont import Region, SoundFont
from musicgen_vae.audio.voice import BLOCK, MAX_RATIO, Curves, Voice

TILE = 8 * BLOCK
"""Samples over which a filter stands still."""
_BLOCKS = TILE // BLOCK
_TILES = {"cpu": 128, "cuda": 16_384}
"""Tiles in a batch: as many as fit a core's cache, or keep a GPU busy."""
_GUARD = round(BLOCK * MAX_RATIO) + 8
"""Samples that a block may read past its start."""
_MAX_BANK = 1 << 24
"""Samples that are kept ready, as float32."""
_CUTOFF_STEP = 25
"""Cents between two filters that are told apart."""
_MAX_FILTERS = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """Where a region's sample lies in the bank: with its loop unrolled, and as it is."""

    looped: int
    plain: int


class Synthesizer:
    """Renders voices of one SoundFont; keeps samples and filters ready. Not for several threads.

    Args:
        font: where the samples are.
        sample_rate: of the output.
        device: where to compute.
    """

    def __init__(self, font: SoundFont, sample_rate: int, device: torch.device) -> None:
        self._font = font
        self._rate = sample_rate
        self._device = device
        self._n_tiles = _TILES.get(device.type, 16_384)
        self._ramp = torch.arange(BLOCK, dtype=torch.float64, device=device)
        self._share = (self._ramp / BLOCK).to(torch.float32)
        self._low_pass = lru_cache(maxsize=_MAX_FILTERS)(low_pass)
        self._clear_bank()

    def render(self, voices: Sequence[tuple[Voice, Curves]]) -> list[Tensor]:
        """The waveform of each voice at gain 1, shape (n,), n a multiple of ``TILE``."""
        result: list[Tensor] = []
        at = 0
        while at < len(voices):
            n = self._n_fitting(voices[at:])
            result += self._render(voices[at : at + n])
            at += n
        return result

    def _n_fitting(self, voices: Sequence[tuple[Voice, Curves]]) -> int:
        """How many of ``voices`` have samples that fit the bank together; at least one."""
        needed: dict[Hashable, int] = {}
        for i, (voice, _) in enumerate(voices):
            needed.setdefault(_source_key(voice.region), 2 * _n_source(voice.region))
            if i and sum(needed.values()) > _MAX_BANK:
                return i
        return len(voices)

    def _render(self, voices: Sequence[tuple[Voice, Curves]]) -> list[Tensor]:
        sources = self._sources([voice.region for voice, _ in voices])
        # One tile more than the level lasts, for what the filter rings on.
        counts = [-(-len(curves.ratio) // _BLOCKS) + 1 for _, curves in voices]
        n_tiles = -(-sum(counts) // self._n_tiles) * self._n_tiles
        n_blocks = n_tiles * _BLOCKS
        # Places in the bank stay apart from positions: added, they would round differently.
        place = np.zeros(n_blocks, np.int32)
        position, ratio = np.zeros(n_blocks), np.zeros(n_blocks)
        low, high = np.zeros(n_blocks, np.float32), np.zeros(n_blocks, np.float32)
        rows = np.zeros(n_tiles, np.int64)
        filters: dict[tuple[int, float], int] = {}
        tile = 0
        for (voice, curves), source, count in zip(voices, sources, counts, strict=True):
            first, n = tile * _BLOCKS, len(curves.ratio)
            until = min(curves.loops_until, n)
            place[first : first + until] = source.looped
            place[first + until : first + n] = source.plain
            position[first : first + n] = curves.position
            ratio[first : first + n] = curves.ratio
            low[first : first + n] = curves.level[:-1]
            high[first : first + n] = curves.level[1:]
            rows[tile : tile + count] = _filter_rows(curves.cutoff, voice.resonance, count, filters)
            tile += count
        responses = np.stack(
            [self._low_pass(step * _CUTOFF_STEP, q, self._rate) for step, q in filters]
        )
        flat = self._tiles(place, position, ratio, low, high, rows, responses)
        lengths = [count * TILE for count in counts]
        return list(torch.split(flat[: sum(lengths)], lengths))

    def _tiles(
        self,
        place: NDArray[np.int32],
        position: NDArray[np.float64],
        ratio: NDArray[np.float64],
        low: NDArray[np.float32],
        high: NDArray[np.float32],
        rows: NDArray[np.int64],
        responses: NDArray[np.complex64],
    ) -> Tensor:
        """All tiles as one waveform, shape (tiles * TILE,)."""
        to = self._device
        places = torch.from_numpy(place).to(to)
        starts, steps = torch.from_numpy(position).to(to), torch.from_numpy(ratio).to(to)
        lows, highs = torch.from_numpy(low).to(to), torch.from_numpy(high).to(to)
        filters, which = torch.from_numpy(responses).to(to), torch.from_numpy(rows).to(to)
        result = torch.empty(len(rows) * TILE, device=to)
        carry = torch.zeros(TILE, device=to)
        per_batch = self._n_tiles * _BLOCKS
        for i in range(0, len(rows), self._n_tiles):
            blocks = slice(i * _BLOCKS, i * _BLOCKS + per_batch)
            dry = self._read(places[blocks], starts[blocks], steps[blocks])
            dry *= torch.lerp(lows[blocks].unsqueeze(1), highs[blocks].unsqueeze(1), self._share)
            spectrum = torch.fft.rfft(dry.view(self._n_tiles, TILE), n=2 * TILE)
            spectrum *= filters.index_select(0, which[i : i + self._n_tiles])
            wet = torch.fft.irfft(spectrum, n=2 * TILE)
            made = result[i * TILE : (i + self._n_tiles) * TILE].view(self._n_tiles, TILE)
            made.copy_(wet[:, :TILE])
            made[0] += carry
            made[1:] += wet[:-1, TILE:]
            carry = wet[-1, TILE:].clone()
        return result

    def _read(self, places: Tensor, starts: Tensor, steps: Tensor) -> Tensor:
        """Samples ``starts + k * steps`` after ``places``, k = 0 to 63; shape (blocks, 64)."""
        at = torch.addcmul(starts.unsqueeze(1), steps.unsqueeze(1), self._ramp)
        index = at.to(torch.int32)
        t = at.sub_(index).to(torch.float32)
        index += places.unsqueeze(1)
        a, b, c, d = (self._bank[k:].index_select(0, index.view(-1)).view_as(t) for k in range(4))
        return _catmull_rom(a, b, c, d, t)

    # -- samples -----------------------------------------------------------------------------

    def _clear_bank(self) -> None:
        self._bank = torch.zeros(_GUARD, device=self._device)  # silence, for padding
        self._where: dict[Hashable, _Source] = {}

    def _sources(self, regions: Sequence[Region]) -> list[_Source]:
        """The regions' places in the bank, into which they are brought."""
        wanted = {_source_key(region): region for region in regions}
        fresh = {key: region for key, region in wanted.items() if key not in self._where}
        if len(self._bank) + sum(2 * _n_source(r) for r in fresh.values()) > _MAX_BANK:
            self._clear_bank()
            fresh = wanted
        parts, at = [self._bank], len(self._bank)
        for key, region in fresh.items():
            looped, plain = self._unroll(region)
            self._where[key] = _Source(looped=at, plain=at + len(looped))
            parts += [torch.from_numpy(part).to(self._device) for part in (looped, plain)]
            at += len(looped) + len(plain)
        if fresh:
            self._bank = torch.cat(parts)
        return [self._where[_source_key(region)] for region in regions]

    def _unroll(self, region: Region) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A region's sample with the loop going on past its end, and with silence there.

        Index i of either holds the sample before position i: interpolation starts one earlier.
        """
        sample = region.sample
        body = self._font.pool[sample.start : sample.end].astype(np.float32) / 32_768
        nothing = np.zeros(0, np.float32)
        looped, plain = nothing, nothing
        if region.loops:
            first, last = sample.loop_start - sample.start, sample.loop_end - sample.start
            again = np.resize(body[first:last], _GUARD)
            looped = np.concatenate([body[:1], body[:last], again])
        if not region.loops_after_release:
            plain = np.concatenate([body[:1], body, np.zeros(_GUARD, np.float32)])
        return looped, plain


def _catmull_rom(a: Tensor, b: Tensor, c: Tensor, d: Tensor, t: Tensor) -> Tensor:
    """The cubic through ``b`` and ``c`` at ``t`` between them, 0 to 1; uses up its other inputs.

    In place, since the time goes into memory: with tangents m = (c - a) / 2 and n = (d - b) / 2
    it is b + t (m + t (k2 + t k3)), where k3 = m + n - 2 (c - b) and k2 = c - b - m - k3.
    """
    rise, m = c - b, c.sub_(a)
    k3 = d.sub_(b).add_(m).mul_(0.5).sub_(rise, alpha=2)
    m.mul_(0.5)
    k2 = rise.sub_(k3).sub_(m)
    return torch.addcmul(b, t, m.addcmul_(t, k2.addcmul_(t, k3)))


def low_pass(cents: float, resonance: float, sample_rate: int) -> NDArray[np.complex64]:
    """Response of a resonant second-order low-pass at ``TILE`` + 1 frequencies up to Nyquist.

    Args:
        cents: cutoff in absolute cents, 0 at 8.176 Hz.
        resonance: Q as a factor; 0.71 is flat.
        sample_rate: samples per second.
    """
    hertz = min(max(8.176 * 2.0 ** (cents / 1200), 5.0), 0.45 * sample_rate)
    w = 2 * np.pi * hertz / sample_rate
    alpha = np.sin(w) / (2 * resonance)
    z = np.exp(-1j * np.linspace(0, np.pi, TILE + 1))
    above = (1 - np.cos(w)) / 2 * (1 + z) ** 2
    below = (1 + alpha) - 2 * np.cos(w) * z + (1 - alpha) * z**2
    return np.asarray(above / below, dtype=np.complex64)


def _filter_rows(
    cutoff: NDArray[np.float64],
    resonance: float,
    count: int,
    filters: dict[tuple[int, float], int],
) -> NDArray[np.int64]:
    """Numbers in ``filters``, which grows, of the filter of each of a voice's ``count`` tiles."""
    first = np.minimum(np.arange(count) * _BLOCKS, len(cutoff) - 1)
    last = np.minimum(first + _BLOCKS, len(cutoff))
    total = np.concatenate([[0.0], np.cumsum(cutoff)])
    means = (total[last] - total[first]) / (last - first)
    steps, which = np.unique(np.round(means / _CUTOFF_STEP).astype(np.int64), return_inverse=True)
    rows = [filters.setdefault((step, resonance), len(filters)) for step in steps.tolist()]
    return np.asarray(rows)[which]


def _source_key(region: Region) -> Hashable:
    return (region.sample, region.loops, region.loops_after_release)


def _n_source(region: Region) -> int:
    return region.sample.end - region.sample.start + _GUARD + 1
