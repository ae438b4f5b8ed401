"""Good taste in one place: instruments fit for a style, where each role sits, how people play.

This module knows roles and styles. It does not know how sound is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from musicgen_vae.audio.renderer import TimedNote
from musicgen_vae.music.clip import DEFAULT_PROGRAMS, Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Strip:
    """One role at the mixing desk.

    Attributes:
        volume: of the channel, 0 to 127; amplitude goes with its square.
        pan: 0 (left) to 127 (right), 64 in the middle.
        send: share of the role that the room returns, 0 to 1.
    """

    volume: int = 100
    pan: int = 64
    send: float = 0.0


Mix = Mapping[Role, Strip]

NEUTRAL: Mix = {role: Strip() for role in Role}
"""Every role as a MIDI file without controllers has it, and no room."""
BAND: Mix = {
    Role.MELODY: Strip(volume=108, pan=70, send=0.9),
    Role.HARMONY: Strip(volume=92, pan=54, send=0.8),
    Role.BASS: Strip(volume=100, pan=64, send=0.15),
    Role.DRUMS: Strip(volume=98, pan=64, send=0.3),
}
"""The melody in front and a little to the right, harmony behind it to the left; what is low stays
dry and in the middle."""

STYLE_PROGRAMS: Mapping[str, tuple[int, int, int, int]] = {
    "pop": (0, 0, 33, 0),
    "rock": (29, 27, 33, 0),
    "metal": (30, 30, 34, 0),
    "jazz": (65, 0, 32, 0),
    "classical": (40, 48, 42, 0),
    "piano": (0, 0, 0, 0),
    "chorale": (52, 52, 52, 0),
    "hymn": (19, 19, 19, 0),
    "lied": (71, 0, 0, 0),
    "quartet": (40, 41, 42, 0),
    "folk": (73, 24, 32, 0),
    "reel": (110, 24, 32, 0),
    "jig": (110, 24, 32, 0),
    "hornpipe": (110, 24, 32, 0),
    "waltz": (21, 24, 32, 0),
    "march": (56, 61, 58, 0),
    "game": (80, 81, 38, 0),
}
"""General MIDI program of each role, by a word in the style's name."""


def programs_for(style: str | None) -> tuple[int, int, int, int]:
    """Programs fit for a style; the default ones where the style is not known."""
    words = (style or "").lower()
    return next((made for word, made in STYLE_PROGRAMS.items() if word in words), DEFAULT_PROGRAMS)


def humanise(
    notes: Sequence[TimedNote], *, seed: int, timing_s: float = 0.006, loudness: float = 5.0
) -> tuple[TimedNote, ...]:
    """``notes`` as people would play them: not quite in time, not quite alike.

    Notes of one role that start together move together, so chords stay chords; nothing moves by
    more than twice ``timing_s``.

    Args:
        notes: on the clock.
        seed: the same seed moves the same notes the same way.
        timing_s: standard deviation of the starts, in seconds.
        loudness: standard deviation of the MIDI velocities.
    """
    random = np.random.default_rng(seed)
    shifts: dict[tuple[Role, float], float] = {}
    played = []
    for note in notes:
        together = (note.role, note.start_s)
        if together not in shifts:
            shifts[together] = timing_s * float(np.clip(random.standard_normal(), -2, 2))
        start_s = max(0.0, note.start_s + shifts[together])
        velocity = round(note.velocity + loudness * float(random.standard_normal()))
        played.append(
            replace(
                note,
                start_s=start_s,
                end_s=max(note.end_s, start_s + 0.01),
                velocity=min(max(velocity, 1), 127),
            )
        )
    return tuple(played)
