"""The built-in synthesis: pieces to stereo sound with NumPy and SciPy alone, on any machine.

It places the notes that ``voices`` makes in time, in the stereo field and in a small room. It is
plain, honest synthesis, not a recording of instruments. Deterministic: the same piece gives the
same samples, whatever was rendered before.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from musicgen_vae.audio.renderer import SAMPLE_RATE, TimedNote, master, n_samples, timed_notes
from musicgen_vae.audio.voices import Samples, Voice, drum, tone, voice_of
from musicgen_vae.music.clip import Piece, Role

_LEVEL = {Role.MELODY: 0.29, Role.HARMONY: 0.16, Role.BASS: 0.19, Role.DRUMS: 0.46}
"""Of one note at full velocity; a band at middling velocity then peaks near half of full scale."""
_PAN = {Role.MELODY: 0.12, Role.HARMONY: -0.18, Role.BASS: 0.0, Role.DRUMS: 0.0}
"""Position of each role, -1 (left) to 1 (right)."""
_DRUM_PAN = {42: 0.25, 46: 0.25, 43: -0.3, 47: 0.0, 50: 0.2, 49: -0.3, 51: 0.35}
_SEND = {Role.MELODY: 0.9, Role.HARMONY: 0.8, Role.BASS: 0.15, Role.DRUMS: 0.3}
"""How much of each role the room returns."""
_CHUNK_S = 0.25
_CACHED_TONES = 256
_LONGEST_CACHED_S = 4.0
_LONGEST_NOTE_S = 20.0
"""Notes held longer end here: nobody's breath lasts for more, and memory is bounded."""
_CHOKES = {46: 42}
"""An open hi-hat (46) is silenced by the closed one (42)."""


class BuiltInRenderer:
    """Renders pieces with the built-in voices; keeps the latest notes for the next piece.

    The cache belongs to the object, is bounded (256 notes of at most 4 s: 180 MB at worst) and may
    be used from several threads.
    """

    name = "built-in"
    sample_rate = SAMPLE_RATE

    def __init__(self) -> None:
        self._cached_tone = lru_cache(maxsize=_CACHED_TONES)(_read_only_tone)
        self._drum = lru_cache(maxsize=None)(drum)
        self._room = lru_cache(maxsize=1)(_room)

    def render(self, piece: Piece) -> NDArray[np.float32]:
        """Samples of shape (``n_samples(piece)``, 2), left and right, in [-1, 1].

        Raises:
            InputError: if the piece is too long.
        """
        n = n_samples(piece, self.sample_rate)
        mix = np.zeros((3, n), np.float32)  # left, right, to the room
        notes = timed_notes(piece)
        for note, choked_s in zip(notes, _choked(notes), strict=True):
            at = round(note.start_s * self.sample_rate)
            samples = self._sound(note, choked_s)[: n - at]
            mix[:, at : at + len(samples)] += _place(note)[:, None] * samples
        wet = [signal.oaconvolve(mix[2], side)[:n] for side in self._room(self.sample_rate)]
        return master((mix[:2] + np.stack(wet)).T, self.sample_rate)

    def _sound(self, note: TimedNote, choked_s: float | None) -> Samples:
        """The mono sound of one note, from its start to the end of its ring."""
        if note.role is Role.DRUMS:
            level = np.float32((note.velocity / 127) ** 2)
            samples: Samples = self._drum(note.pitch, self.sample_rate) * level
            if choked_s is None:
                return samples
            return _release(samples, choked_s - note.start_s, 0.06, self.sample_rate)
        voice = voice_of(note.program)
        length_s = min(note.end_s - note.start_s, _LONGEST_NOTE_S)
        # Lengths in whole chunks, so that notes of much the same length share a cached tone.
        chunks = int(np.ceil((length_s + voice.release_s) / _CHUNK_S))
        make = self._cached_tone if chunks * _CHUNK_S <= _LONGEST_CACHED_S else _read_only_tone
        n = round(chunks * _CHUNK_S * self.sample_rate)
        samples = make(voice, note.pitch, note.velocity, n, self.sample_rate)
        return _release(samples, length_s, voice.release_s, self.sample_rate)


def _read_only_tone(voice: Voice, pitch: int, velocity: int, n: int, sample_rate: int) -> Samples:
    samples = tone(voice, pitch, velocity, n, sample_rate)
    samples.flags.writeable = False
    return samples


def _release(samples: Samples, held_s: float, release_s: float, sample_rate: int) -> Samples:
    """``samples`` decaying by 60 dB within ``release_s`` after ``held_s``, then ending."""
    held = round(held_s * sample_rate)
    end = min(len(samples), held + round(release_s * sample_rate))
    result: Samples = samples[:end].copy()
    tail = np.arange(max(0, end - held), dtype=np.float32)
    result[held:] *= np.exp(tail * np.float32(-np.log(1e3) / (release_s * sample_rate)))
    return result


def _choked(notes: tuple[TimedNote, ...]) -> list[float | None]:
    """For each note the second at which a later drum silences it, if one does."""
    next_hit: dict[int, float] = {}
    result: list[float | None] = []
    for note in reversed(notes):
        choked_s = None
        if note.role is Role.DRUMS:
            next_hit[note.pitch] = note.start_s
            choked_s = next_hit.get(_CHOKES.get(note.pitch, -1))
        result.append(choked_s)
    return result[::-1]


def _place(note: TimedNote) -> Samples:
    """Gains of one note to the left, the right and the room, shape (3,): equal-power panning."""
    if note.role is Role.DRUMS:
        pan = _DRUM_PAN.get(note.pitch, 0.0)
    else:  # low notes a little to the left, as at the keyboard
        pan = _PAN[note.role] + 0.2 * (note.pitch - 60) / 48
    angle = (np.clip(pan, -1, 1) + 1) * np.pi / 4
    gains = np.array([np.cos(angle), np.sin(angle), _SEND[note.role] * np.sqrt(0.5)])
    return (_LEVEL[note.role] * gains).astype(np.float32)


def _room(sample_rate: int) -> Samples:
    """Impulse response of a small room to the left and the right, shape (2, n).

    Noise that differs between the sides, decaying by 60 dB in 1.1 s, the treble sooner; its level
    puts the room 13 dB under the direct sound of a piano.
    """
    random = np.random.default_rng(0)
    t = np.arange(round(1.1 * sample_rate)) / sample_rate
    noise = random.standard_normal((2, len(t)))
    dark = signal.sosfilt(
        signal.butter(1, (150, 1_800), "bandpass", fs=sample_rate, output="sos"), noise
    )
    response = dark * np.exp(-6.9 * t / 1.1) + 0.1 * noise * np.exp(-6.9 * t / 0.4)
    response *= 1 - np.exp(-t / 0.006)
    response = np.pad(response, ((0, 0), (round(0.012 * sample_rate), 0)))  # nearest wall
    energy = np.sqrt((response**2).sum(axis=1, keepdims=True))
    return np.asarray(0.1 * response / energy, dtype=np.float32)
