"""Good taste in one place: instruments fit for a style, where each role sits, how people play.

This module knows roles and styles. It does not know how sound is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from musicgen_vae.audio.renderer import TimedNote
from musicgen_vae.errors import InputError
from musicgen_vae.music.clip import DEFAULT_PROGRAMS, Clip, Role


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

Programs = tuple[int, int, int, int]

STYLE_PROGRAMS: Mapping[str, Programs] = {
    # One player or a few
    "piano": (0, 0, 0, 0),
    "classical": (40, 48, 42, 0),
    "art song": (71, 0, 0, 0),  # a clarinet sings
    "string quartet": (40, 41, 42, 0),
    "incipit": (40, 6, 42, 0),  # violin, harpsichord and cello
    # Voices
    "chorale": (52, 52, 52, 0),
    "hymn": (19, 19, 19, 0),
    # From the village
    "fiddle tune": (110, 24, 32, 0),
    "reel": (110, 24, 32, 0),
    "jig": (110, 24, 32, 0),
    "hornpipe": (110, 24, 32, 0),
    "folk air": (73, 46, 32, 0),  # flute and harp
    "folk": (73, 24, 32, 0),
    # Songs
    "pop": (0, 0, 33, 0),
    "ballad": (0, 4, 33, 0),
    "soul": (66, 4, 33, 0),
    "hip-hop": (4, 4, 38, 0),
    "country": (25, 24, 33, 0),
    "bluegrass": (40, 105, 32, 0),  # fiddle and banjo
    "vintage song": (71, 0, 32, 0),
    # Rock and what is near it
    "rock": (29, 27, 33, 0),
    "game rock": (30, 29, 34, 0),
    "metal": (30, 30, 34, 0),
    "game": (80, 81, 38, 0),
    "funk": (65, 28, 36, 0),
    "blues": (22, 26, 33, 0),
    "reggae": (57, 27, 33, 0),
    "ska": (56, 27, 33, 0),
    # Jazz
    "jazz": (65, 0, 32, 0),
    "jazz standard": (66, 0, 32, 0),
    "jazz waltz": (11, 0, 32, 0),
    "swing": (66, 26, 32, 0),
    # To dance and to march to
    "waltz": (40, 0, 32, 0),
    "polka": (21, 24, 58, 0),
    "march": (56, 61, 58, 0),
    "tango": (40, 23, 32, 0),  # violin and bandoneon
    "bossa nova": (73, 24, 32, 0),
    "samba": (73, 24, 33, 0),
    "latin": (56, 0, 32, 0),
    "world": (12, 24, 32, 0),
    "drum groove": (4, 4, 33, 0),  # heard where others join the drummer
}
"""General MIDI program of each role, by style; the drums' says nothing."""


def programs_for(style: str | None) -> Programs:
    """Programs fit for a style, or for the longest of ``STYLE_PROGRAMS`` that its name contains.

    The default ones where neither is known.
    """
    name = (style or "").strip().lower()
    if name in STYLE_PROGRAMS:
        return STYLE_PROGRAMS[name]
    contained = [known for known in STYLE_PROGRAMS if known in name]
    return STYLE_PROGRAMS[max(contained, key=len)] if contained else DEFAULT_PROGRAMS


def dressed(clips: Iterable[Clip], style: str | None) -> list[Clip]:
    """``clips`` with the programs of a style; as they are where none is asked for."""
    if style is None:
        return list(clips)
    return [replace(clip, programs=programs_for(style)) for clip in clips]


def humanise(
    notes: Sequence[TimedNote], *, seed: int, timing_s: float = 0.006, loudness: float = 5.0
) -> tuple[TimedNote, ...]:
    """``notes`` as people would play them: not quite in time, not quite alike.

    Notes of one role that start together move together, so chords stay chords; nothing moves by
    more than twice ``timing_s``.

    Args:
        notes: on the clock.
        seed: 0 or more; the same seed moves the same notes the same way.
        timing_s: standard deviation of the starts, in seconds.
        loudness: standard deviation of the MIDI velocities.

    Raises:
        InputError: if the seed is negative.
    """
    if seed < 0:
        raise InputError(f"seed {seed} of humanised playing is below 0")
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
