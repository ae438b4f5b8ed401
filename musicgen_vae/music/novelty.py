"""How new a clip is: how far it lies from the nearest of a set of known clips, by their notes.

Notes are compared by onset and relative pitch within their bars' clip, so key, loudness, length and
role play no part. The distance is Jaccard's: 0 for the same notes, 1 for none in common.
"""

from __future__ import annotations

from collections.abc import Sequence

from musicgen_vae.music.clip import Clip

NoteSet = frozenset[int]


def note_set(clip: Clip) -> NoteSet:
    """Onset and relative pitch of the clip's notes, each as one number."""
    return frozenset(note.start * 128 + note.pitch for note in clip.notes)


def nearest(notes: NoteSet, known: Sequence[NoteSet]) -> tuple[int, float]:
    """Index of the nearest of ``known`` (at least one), and the Jaccard distance to it, 0 to 1."""
    distances = [_distance(notes, other) for other in known]
    index = min(range(len(known)), key=distances.__getitem__)
    return index, distances[index]


def _distance(a: NoteSet, b: NoteSet) -> float:
    common = len(a & b)
    either = len(a) + len(b) - common
    return 1.0 - common / either if either else 0.0
