"""What every renderer of pieces has in common: the interface, the clock and the output level.

A renderer turns a ``Piece`` into stereo samples. This module knows when each note starts and ends
in seconds, how long the result is and how loud it may be; it does not know how a note sounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.errors import InputError
from musicgen_vae.music.clip import STEPS_PER_BEAT, Piece, Role

SAMPLE_RATE = 44_100
"""Samples per second and channel of every renderer here."""
CHUNK = 65_536
"""Samples of each chunk but the last: 1.5 s."""
TAIL_S = 1.5
"""Seconds after the last bar line or note-off, for what still rings."""
FADE_S = 0.05
"""Seconds over which the very end fades to silence."""
MAX_DURATION_S = 900.0
"""The longest piece that is rendered, so that one request cannot take all memory."""
PEAK = 10 ** (-1 / 20)
"""Largest absolute sample: 1 dB under full scale, so that lossy formats do not clip either."""
_GLIDE = 441
"""Samples over which a gain changes, 10 ms: without a click."""
UNKNOWN_VELOCITY = 80
"""MIDI velocity of notes whose loudness the source did not give."""


class Renderer(Protocol):
    """Makes pieces audible. The same piece gives the same samples every time.

    Attributes:
        name: what it is called on the page and on the command line.
        sample_rate: samples per second and channel.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def sample_rate(self) -> int: ...  # noqa: D102

    def render(self, piece: Piece) -> NDArray[np.float32]:
        """The whole sound, shape (``n_samples(piece)``, 2), turned down if it passes ``PEAK``.

        Raises:
            InputError: if the piece is longer than ``MAX_DURATION_S``.
            RenderError: if sound could not be made.
        """
        ...

    def render_chunks(
        self, piece: Piece, *, human_seed: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """The sound in chunks of ``CHUNK`` samples, left and right; the last may be shorter.

        Joined they have the shape (``n_samples(piece)``, 2). One level holds throughout, so loud
        pieces pass 1: see ``limited`` for hearing them at once, and ``export`` for files.

        Args:
            piece: the music.
            human_seed: play a little inexactly, the same way for the same seed.

        Raises:
            InputError: if the piece is longer than ``MAX_DURATION_S``, or the renderer can only
                play exactly.
            RenderError: if sound could not be made.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedNote:
    """A note on the clock.

    Attributes:
        start_s: seconds from the start of the piece.
        end_s: seconds; the note-off. Drums ring as long as they do, whatever it says.
        pitch: MIDI pitch 0 to 127.
        velocity: MIDI velocity 1 to 127.
        role: what the note does in the music.
        program: General MIDI program 0 to 127; without meaning for drums.
    """

    start_s: float
    end_s: float
    pitch: int
    velocity: int
    role: Role
    program: int


def midi_velocity(velocity_class: int | None) -> int:
    """MIDI velocity (8 to 120) in the middle of a velocity class; 80 where none is known."""
    return UNKNOWN_VELOCITY if velocity_class is None else 16 * velocity_class + 8


def seconds_at(piece: Piece, steps: Sequence[int]) -> NDArray[np.float64]:
    """When ``steps`` (0 or more) fall, in seconds; each bar goes at its own tempo.

    Steps after the last bar line go on at the tempo of the last bar. Shape (len(steps),).
    """
    if not piece.bars:
        return np.zeros(len(steps))
    starts = np.array([bar.start for bar in piece.bars])
    step_s = np.array([60.0 / STEPS_PER_BEAT / bar.tempo_qpm for bar in piece.bars])
    starts_s = np.concatenate([[0.0], np.cumsum(np.diff(starts) * step_s[:-1])])
    bar = np.searchsorted(starts, steps, side="right") - 1
    return np.asarray(starts_s[bar] + (np.asarray(steps) - starts[bar]) * step_s[bar])


def timed_notes(piece: Piece) -> tuple[TimedNote, ...]:
    """The notes of ``piece`` on the clock, in the order of the piece."""
    starts_s = seconds_at(piece, [note.start for note in piece.notes]).tolist()
    ends_s = seconds_at(piece, [note.end for note in piece.notes]).tolist()
    return tuple(
        TimedNote(
            start_s=start_s,
            end_s=end_s,
            pitch=note.pitch,
            velocity=midi_velocity(note.velocity),
            role=note.role,
            program=piece.programs[note.role],
        )
        for note, start_s, end_s in zip(piece.notes, starts_s, ends_s, strict=True)
    )


def duration_s(piece: Piece) -> float:
    """Seconds to the last bar line, or to the last note-off if that is later; without the tail.

    Raises:
        InputError: if that is more than ``MAX_DURATION_S``.
    """
    ends = [note.end for note in piece.notes] + [bar.end for bar in piece.bars[-1:]]
    seconds = float(seconds_at(piece, [max(ends, default=0)])[0])
    if seconds > MAX_DURATION_S:
        raise InputError(
            f"the piece lasts {seconds / 60:.0f} minutes; at most {MAX_DURATION_S / 60:.0f} can "
            "be made into sound: take fewer bars or a faster tempo"
        )
    return seconds


def n_samples(piece: Piece, sample_rate: int) -> int:
    """Length of a rendering per channel: ``duration_s`` and ``TAIL_S``."""
    return round((duration_s(piece) + TAIL_S) * sample_rate)


def fade_out(chunk: NDArray[np.float32], start: int, n: int) -> None:
    """Fade the end of a sound of ``n`` samples, of which ``chunk`` begins at sample ``start``.

    Args:
        chunk: shape (up to ``CHUNK``, 2); changed in place.
        start: samples before it.
        n: samples of the whole sound.
    """
    length = min(round(FADE_S * SAMPLE_RATE), n)
    ramp = np.linspace(1.0, 0.0, length, dtype=np.float32)[:, None]
    begins = n - length - start
    if begins < len(chunk):
        chunk[max(0, begins) :] *= ramp[max(0, -begins) :][: len(chunk) - max(0, begins)]


def turned_down(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """``samples``, by one gain under ``PEAK`` if they pass it: nothing pumps, soft stays soft."""
    loudest = float(np.abs(samples).max(initial=0.0))
    return samples if loudest <= PEAK else samples * np.float32(PEAK / loudest)


def limited(chunks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """``chunks`` for hearing at once, in [-``PEAK``, ``PEAK``].

    What is to come is not known: from a chunk on that is too loud, all is turned down.
    """
    gain = 1.0
    for chunk in chunks:
        loudest = float(np.abs(chunk).max(initial=0.0))
        before, gain = gain, min(gain, PEAK / loudest) if loudest else gain
        if gain == before == 1.0:
            yield chunk
            continue
        ramp = np.full((len(chunk), 1), gain, dtype=np.float32)
        ramp[:_GLIDE, 0] = np.linspace(before, gain, len(ramp[:_GLIDE]))
        yield np.clip(chunk * ramp, -PEAK, PEAK)
