"""What a morph is not: two clips played at once, one getting softer while the other gets louder."""

from __future__ import annotations

from dataclasses import replace

from musicgen_vae.music.clip import Clip, tidy

_LOUDNESS = 5
"""Velocity class of notes whose source gives none."""


def crossfade(a: Clip, b: Clip, share: float) -> Clip:
    """The notes of both clips, ``b``'s a ``share`` (0 to 1) as loud as they are, ``a``'s the rest.

    Notes that would be softer than the softest class are left out. Key, meter, tempo and programs
    are ``a``'s; notes of ``b`` that lie beyond its bars are left out as well.
    """
    notes = []
    for clip, weight in ((a, 1.0 - share), (b, share)):
        for note in clip.notes:
            loudness = _LOUDNESS if note.velocity is None else note.velocity
            velocity = round((loudness + 1) * weight) - 1
            if velocity >= 0 and note.start < a.n_steps:
                notes.append(replace(note, velocity=velocity))
    return replace(a, notes=tidy(notes))
