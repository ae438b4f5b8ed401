from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from musicgen_vae.music.clip import Bar, Meter, Note, Piece, Role, tidy

CHORDS = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))
MELODY = (76, 72, 69, 72, 77, 72, 69, 65, 79, 76, 72, 67, 74, 71, 67, 79)


@pytest.fixture
def piece_of() -> Callable[..., Piece]:
    """Makes a piece of notes given as (start, role, pitch, duration[, velocity class])."""

    def make(
        *notes: tuple[int, ...],
        n_bars: int = 4,
        tempi: tuple[float, ...] = (120.0,),
        programs: tuple[int, int, int, int] = (0, 0, 32, 0),
    ) -> Piece:
        return Piece(
            bars=tuple(
                Bar(start=48 * i, meter=Meter(), tempo_qpm=tempi[i % len(tempi)])
                for i in range(n_bars)
            ),
            notes=tidy(
                Note(
                    start=note[0],
                    role=Role(note[1]),
                    pitch=note[2],
                    duration=note[3],
                    velocity=note[4] if len(note) > 4 else None,
                )
                for note in notes
            ),
            programs=programs,
        )

    return make


@pytest.fixture
def band(piece_of: Callable[..., Piece]) -> Callable[..., Piece]:
    """Makes four bars of a band: melody, chords, a low bass line and, if asked for, drums."""

    def make(programs: tuple[int, int, int, int] = (73, 0, 33, 0), *, drums: bool = True) -> Piece:
        notes: list[tuple[int, ...]] = []
        for bar in range(4):
            at = 48 * bar
            notes += [(at + 12 * i, 0, MELODY[4 * bar + i], 12, 5) for i in range(4)]
            notes += [(at + b, 1, p, 12, 3) for b in range(0, 48, 12) for p in CHORDS[bar]]
            notes += [(at + b, 2, (33, 29, 36, 31)[bar], 24, 5) for b in (0, 24)]
            if drums:
                notes += [(at + 6 * i, 3, 42, 3, 4) for i in range(8)]
                notes += [(at + b, 3, 36, 3, 5) for b in (0, 24)]
                notes += [(at + b, 3, 38, 3, 5) for b in (12, 36)]
        return piece_of(*notes, programs=programs)

    return make


def _chroma(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """Energy of each pitch class in windows that tell low semitones apart; shape (12,)."""
    n = 1 << 15
    mono = samples.mean(axis=1) if samples.ndim == 2 else samples
    mono = np.pad(mono, (0, max(0, n - len(mono))))
    hz = np.fft.rfftfreq(n, 1 / sample_rate)
    audible = (hz > 25) & (hz < 5_000)
    pitch_class = np.round(12 * np.log2(hz[audible] / 440) + 69).astype(int) % 12
    chroma = np.zeros(12)
    for start in range(0, len(mono) - n + 1, n // 4):
        power = np.abs(np.fft.rfft(mono[start : start + n] * np.hanning(n))) ** 2
        chroma += np.bincount(pitch_class, power[audible], 12)
    return chroma


@pytest.fixture
def chroma_agreement() -> Callable[..., float]:
    """Cosine between what sounds and the notes, each weighted by its length."""

    def measure(samples: NDArray[np.float32], sample_rate: int, piece: Piece) -> float:
        written = np.zeros(12)
        for note in piece.notes:
            if note.role is not Role.DRUMS:
                written[note.pitch % 12] += note.duration
        heard = _chroma(samples, sample_rate)
        return float(written @ heard / np.linalg.norm(written) / np.linalg.norm(heard))

    return measure


@pytest.fixture
def onsets_s() -> Callable[..., list[float]]:
    """Measures when sounds separated by silence begin, in seconds."""

    def measure(samples: NDArray[np.float32], sample_rate: int) -> list[float]:
        frame = sample_rate // 500
        mono = np.abs(samples.mean(axis=1))
        level = mono[: len(mono) // frame * frame].reshape(-1, frame).max(axis=1)
        loud = level > 0.1 * level.max()
        result: list[float] = []
        for i in np.flatnonzero(loud):
            if not loud[max(0, i - 50) : i].any():  # 0.1 s without sound before it
                result.append(i * frame / sample_rate)
        return result

    return measure
