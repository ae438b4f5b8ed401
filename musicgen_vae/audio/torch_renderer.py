"""Pieces to stereo sound with a SoundFont, in PyTorch: on any machine, many pieces in one pass.

Each different note is rendered once and placed wherever it occurs: music repeats itself. Notes are
placed in the order of their piece, so the same piece gives the same samples alone, in any batch and
in chunks. This module knows scores, the cache and the mixing desk; ``synthesizer`` makes the notes.
"""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicgen_vae.audio.mix import BAND, Mix
from musicgen_vae.audio.renderer import CHUNK, SAMPLE_RATE, TAIL_S, fade_out, turned_down
from musicgen_vae.audio.room import Room
from musicgen_vae.audio.score import Score, Struck, score_of, score_of_midi
from musicgen_vae.audio.soundfont import SOUNDFONT_VARIABLE, Gen, SoundFont, find_soundfont
from musicgen_vae.audio.synthesizer import Synthesizer
from musicgen_vae.audio.voice import BLOCK, MIN_HELD_S, Curves, Voice
from musicgen_vae.errors import SoundFontError
from musicgen_vae.music.clip import Piece

_GAIN = 0.8
"""FluidSynth's, as the ``fluidsynth`` renderer sets it, so that both are equally loud."""
_LONGEST_NOTE_S = 60.0
_CACHE_BYTES = 96 << 20
_GROUP_SAMPLES = 4 << 20
"""Samples of new notes that are rendered together: 16 MB."""

Key = tuple[Hashable, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Event:
    """One voice of one note, where and how loud it is placed.

    Attributes:
        at: first sample.
        voice: what sounds.
        held, killed: blocks from the start, as for ``Voice.curves``.
        bend: (block, cents), by block; empty without bend.
        gains: to the left, the right and the room.
        volume: (sample from the start, factor), by time; empty if it does not change.
    """

    at: int
    voice: Voice
    held: int
    killed: int | None
    bend: tuple[tuple[int, float], ...]
    gains: tuple[float, float, float]
    volume: tuple[tuple[int, float], ...]

    @property
    def key(self) -> Key:
        """Events with the same key have the same waveform."""
        return (self.voice.region, self.voice.shape, self.held, self.killed, self.bend)


class TorchRenderer:
    """Renders pieces with a SoundFont; may be used from several threads.

    Keeps the latest notes for the next piece, within a fixed 96 MB.

    Args:
        soundfont: a .sf2 file; default: ``MUSICGEN_VAE_SOUNDFONT``, or what pretty_midi ships.
        device: where to compute, such as "cpu" or "cuda".
        mix: level, place and room of every role.

    Raises:
        SoundFontError: if the SoundFont is missing or damaged.
    """

    name = "torch"
    sample_rate = SAMPLE_RATE

    def __init__(
        self,
        soundfont: Path | None = None,
        *,
        device: str | torch.device = "cpu",
        mix: Mix = BAND,
    ) -> None:
        path = soundfont or find_soundfont()
        if path is None:
            raise SoundFontError(
                f"there is no SoundFont {os.environ.get(SOUNDFONT_VARIABLE, '')}: name a .sf2 "
                f"file in {SOUNDFONT_VARIABLE}, or unset it"
            )
        self._font = SoundFont.load(path)
        self._device = torch.device(device)
        self._mix = mix
        self._synthesizer = Synthesizer(self._font, self.sample_rate, self._device)
        self._room = Room(self.sample_rate, CHUNK, self._device)
        self._strike = lru_cache(maxsize=8192)(self._struck_voices)
        self._cache: OrderedDict[Key, Tensor] = OrderedDict()
        self._cached_bytes = 0
        self._lock = threading.Lock()

    def render(self, piece: Piece) -> NDArray[np.float32]:
        """The whole sound, shape (``n_samples(piece)``, 2), turned down if it passes ``PEAK``.

        Raises:
            InputError: if the piece is too long.
            SoundFontError: if the SoundFont is of no use for it.
        """
        return self.render_many([piece])[0]

    def render_many(self, pieces: Sequence[Piece]) -> list[NDArray[np.float32]]:
        """``render`` of each of ``pieces``, in one pass."""
        return self._render([score_of(piece, self._mix) for piece in pieces])

    def render_chunks(
        self, piece: Piece, *, human_seed: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """The sound in equal chunks, each as soon as it is ready; see ``Renderer``.

        Joined they are what ``render`` gives, but for the one gain if that turns the piece down.
        Memory does not grow with the length of the piece, except for the list of its notes.
        """
        yield from self._chunks(score_of(piece, self._mix, human_seed=human_seed))

    def render_midi_chunks(self, data: bytes) -> Iterator[NDArray[np.float32]]:
        """A MIDI file as it stands, in chunks as of ``render_chunks``.

        Nothing is put on a grid, and sustain pedal, pitch bend, volume, expression, pan, modulation
        wheel and room are the file's own.

        Raises:
            MidiError: if it is no usable MIDI file.
            InputError: if it is too long.
        """
        yield from self._chunks(score_of_midi(data))

    # -- from scores to sound -----------------------------------------------------------------

    def _chunks(self, score: Score) -> Iterator[NDArray[np.float32]]:
        desk = self._desk(score)
        events = self._events(score)
        done = 0
        for start in range(0, desk.n, CHUNK):
            ready = done
            while ready < len(events) and events[ready].at < start + CHUNK:
                ready += 1
            with torch.inference_mode():
                for event, wave in self._waves(events[done:ready]):
                    desk.place(event, wave)
                chunk = desk.finish()
            done = ready
            yield chunk

    @torch.inference_mode()
    def _render(self, scores: Sequence[Score]) -> list[NDArray[np.float32]]:
        plans = [self._events(score) for score in scores]
        waves = self._waves([event for plan in plans for event in plan])
        result = []
        for score, plan in zip(scores, plans, strict=True):
            desk = self._desk(score)
            for _ in plan:
                desk.place(*next(waves))
            chunks = [desk.finish() for _ in range(0, desk.n, CHUNK)]
            result.append(turned_down(np.concatenate(chunks)))
        return result

    def _desk(self, score: Score) -> _Desk:
        n = round((score.duration_s + TAIL_S) * self.sample_rate)
        return _Desk(n, self._room, self._device)

    def _waves(self, events: Sequence[_Event]) -> Iterator[tuple[_Event, Tensor]]:
        """Each event with its waveform, in order; unknown ones are rendered group by group."""
        at = 0
        while at < len(events):
            with self._lock:
                group, at = self._next_group(events, at)
            yield from group

    def _next_group(
        self, events: Sequence[_Event], first: int
    ) -> tuple[list[tuple[_Event, Tensor]], int]:
        """Events from ``first`` whose new waveforms fit one group, and where the next begins."""
        known: dict[Key, Tensor] = {}
        fresh: dict[Key, tuple[Voice, Curves]] = {}
        n_fresh, last = 0, first
        while last < len(events):
            event = events[last]
            key = event.key
            if key not in known and key not in fresh:
                if key in self._cache:
                    self._cache.move_to_end(key)
                    known[key] = self._cache[key]
                else:
                    curves = self._curves(event)
                    n_fresh += BLOCK * len(curves.ratio)
                    if fresh and n_fresh > _GROUP_SAMPLES:
                        break
                    fresh[key] = (event.voice, curves)
            last += 1
        made = self._synthesizer.render(list(fresh.values()))
        for key, wave in zip(fresh, made, strict=True):
            known[key] = wave
            self._keep(key, wave)
        return [(event, known[event.key]) for event in events[first:last]], last

    def _keep(self, key: Key, wave: Tensor) -> None:
        """Put a waveform in the cache; the least lately used make room."""
        wave = wave.clone()  # a view would keep its whole group alive
        self._cache[key] = wave
        self._cached_bytes += wave.nbytes
        while self._cached_bytes > _CACHE_BYTES:
            _, old = self._cache.popitem(last=False)
            self._cached_bytes -= old.nbytes

    def _curves(self, event: _Event) -> Curves:
        longest = round(_LONGEST_NOTE_S * self.sample_rate) // BLOCK
        bend = None
        if event.bend:
            at = np.searchsorted([block for block, _ in event.bend], np.arange(longest), "right")
            bend = np.array([cents for _, cents in event.bend])[at - 1]
        return event.voice.curves(
            held=min(event.held, longest),
            n_blocks=longest,
            sample_rate=self.sample_rate,
            killed=event.killed,
            bend=bend,
        )

    # -- from notes to events -----------------------------------------------------------------

    def _events(self, score: Score) -> list[_Event]:
        """What is to be placed, by time; voices of an exclusive class end those before them."""
        struck = [(note, self._strike(*_blow(note))) for note in score.notes]
        ends_s: dict[tuple[int, int], float] = {}
        latest: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        for i, (note, voices) in enumerate(struck):
            for j, voice in enumerate(voices):
                exclusive = int(voice.values[Gen.EXCLUSIVE_CLASS])
                if not exclusive:
                    continue
                rivals = latest.setdefault((note.channel, note.program, exclusive), [])
                if rivals and rivals[0][0] != i:
                    ends_s.update(dict.fromkeys(rivals, note.start_s))
                    rivals.clear()
                rivals.append((i, j))
        return [
            self._event(note, voice, ends_s.get((i, j)))
            for i, (note, voices) in enumerate(struck)
            for j, voice in enumerate(voices)
        ]

    def _event(self, note: Struck, voice: Voice, killed_s: float | None) -> _Event:
        first, off = self._block(note.start_s), self._block(note.end_s)
        shortest = self._block(MIN_HELD_S)
        gain = _GAIN * voice.gain
        volume: tuple[tuple[int, float], ...] = ()
        if len(note.volume) > 1:
            volume = tuple((round(t * self.sample_rate), value) for t, value in note.volume)
        else:
            gain *= note.volume[0][1]
        left, right = voice.pan
        bend = tuple((self._block(t), round(cents, 1)) for t, cents in note.bend)
        return _Event(
            at=first * BLOCK,
            voice=voice,
            held=max(off - first, shortest),
            killed=None if killed_s is None else self._block(killed_s) - first,
            bend=bend if any(cents for _, cents in bend) else (),
            gains=(gain * left, gain * right, gain * note.send),
            volume=volume,
        )

    def _block(self, seconds: float) -> int:
        """The block with which something that happens after ``seconds`` begins: the next one.

        1.5 ms at most, which nobody hears; FluidSynth does the same.
        """
        return math.ceil(seconds * self.sample_rate / BLOCK - 1e-6)

    def _struck_voices(
        self,
        bank: int,
        program: int,
        pitch: int,
        velocity: int,
        controllers: tuple[tuple[int, int], ...],
    ) -> tuple[Voice, ...]:
        return tuple(
            Voice.strike(region, key=pitch, velocity=velocity, controllers=dict(controllers))
            for region in self._font.regions(bank, program, pitch, velocity)
        )


def _blow(note: Struck) -> tuple[int, int, int, int, tuple[tuple[int, int], ...]]:
    return (note.bank, note.program, note.pitch, note.velocity, note.controllers)


class _Desk:
    """Where the notes of one piece come together: left, right and what the room hears.

    Only what notes have reached and no ``finish`` has taken is kept, chunk by chunk.
    """

    def __init__(self, n: int, room: Room, device: torch.device) -> None:
        self.n = n
        self._room = room
        self._device = device
        self._tail: Tensor | None = None
        self._start = 0
        self._buses: dict[int, Tensor] = {}

    def place(self, event: _Event, wave: Tensor) -> None:
        """Add one note where it belongs, which no ``finish`` has taken yet."""
        n = min(len(wave), self.n - event.at)
        if n <= 0:
            return
        wave = wave[:n]
        if event.volume:
            wave = wave * _gain_curve(event.volume, n).to(wave.device)
        for start in range(event.at // CHUNK * CHUNK, event.at + n, CHUNK):
            first, last = max(event.at, start), min(event.at + n, start + CHUNK)
            part = wave[first - event.at : last - event.at]
            if start not in self._buses:
                self._buses[start] = torch.zeros((3, CHUNK), device=self._device)
            for bus, gain in zip(self._buses[start], event.gains, strict=True):
                if gain:
                    bus[first - start : last - start].add_(part, alpha=gain)

    def finish(self) -> NDArray[np.float32]:
        """The next chunk with the room's answer and, at the end, faded; shape (<= ``CHUNK``, 2)."""
        start = self._start
        self._start += CHUNK
        buses = self._buses.pop(start, None)
        if buses is None:
            buses = torch.zeros((3, CHUNK), device=self._device)
        dry, sent = buses[:2], buses[2]
        if self._tail is not None or bool(sent.any()):
            wet, self._tail = self._room.answer(sent, self._tail)
            dry = dry + wet
        chunk = np.array(dry[:, : self.n - start].T.cpu().numpy(), dtype=np.float32, order="C")
        fade_out(chunk, start, self.n)
        return chunk


def _gain_curve(changes: Sequence[tuple[int, float]], n: int) -> Tensor:
    """A factor for each of ``n`` samples: each change takes 5 ms, so that it does not click."""
    at = np.array([sample for sample, _ in changes], dtype=np.float64)
    values = np.array([value for _, value in changes])
    reach = 0.005 * SAMPLE_RATE
    times = np.stack([at[1:], at[1:] + reach], axis=1).ravel()
    times = np.maximum.accumulate(times)
    steps = np.stack([values[:-1], values[1:]], axis=1).ravel()
    return torch.from_numpy(np.interp(np.arange(n), times, steps).astype(np.float32))
