"""Music that is there twice: near-duplicate pieces, and clips that are the same in another key.

A tune that stands in two books, or a melody and its arrangement, must fall in one split. Two people
who write down one tune differ in key, in note values (a reel in eighths or in sixteenths), in
ornaments and in how often they repeat a part; what stays is the order of its pitches. So a piece is
known by its *shingles*: all runs of ``SHINGLE`` intervals, about two bars, of its melody without
note values and repeated pitches (Broder, "On the Resemblance and Containment of Documents", 1997).
Two pieces with a quarter of the shorter one's shingles in common are near-duplicates: of 130 pairs
of tunes that have one title in two places, some of them by accident, 49 % share as much; of 20,000
pairs with different titles none does, and one in 2,000 shares a tenth.

This module knows notes; it does not know sources, or what a split is good for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import combinations

from musicgen_vae.corpus.sources import SourcePiece
from musicgen_vae.music.clip import Clip, Note, Piece, Role

SHINGLE = 8
"""Intervals in a shingle."""
SHARED = 0.25
"""Share of the shorter piece's shingles that makes two pieces near-duplicates."""
MIN_SHINGLES = 8
"""Shingles that two pieces must share at least: less is a common turn of phrase."""
MAX_PIECES = 40
"""A shingle that more pieces have says nothing: a scale, a trill. It bounds the time, too."""


def tune_key(piece: Piece) -> frozenset[int]:
    """The shingles of a piece's melody, the same in every key and tempo.

    Without a melody the top of the harmony is taken, or else the bass. Empty for drums alone: a
    common beat does not make two performances one.
    """
    for role in (Role.MELODY, Role.HARMONY, Role.BASS):
        line = _top_line(note for note in piece.notes if note.role is role)
        if len(line) > SHINGLE:
            return frozenset(_shingles(line))
    return frozenset()


def assign_groups(keys: Sequence[frozenset[int]]) -> tuple[int, ...]:
    """For each piece the index of the first piece of its group of near-duplicates.

    A group is what is connected by near-duplicates, so two of its pieces may have little in common.
    Takes time linear in the number of shingles.

    Args:
        keys: of the pieces, as ``tune_key`` gives them.
    """
    holders: dict[int, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        for shingle in key:
            holders[shingle].append(i)
    shared: Counter[tuple[int, int]] = Counter()
    known: Counter[int] = Counter()
    for pieces in holders.values():
        if len(pieces) <= MAX_PIECES:
            known.update(pieces)
            shared.update(combinations(pieces, 2))
    parents = list(range(len(keys)))
    for (i, j), n in shared.items():
        if n >= max(MIN_SHINGLES, SHARED * min(known[i], known[j])):
            first, second = sorted((_root(parents, i), _root(parents, j)))
            parents[second] = first
    return tuple(_root(parents, i) for i in range(len(keys)))


def share_splits(items: Sequence[SourcePiece]) -> tuple[SourcePiece, ...]:
    """The same pieces with one split for each group of near-duplicates.

    It is "test" if any of the group is meant for testing, else "validation" if any is meant for
    that: what a source has set aside stays unseen in training.
    """
    groups = assign_groups([tune_key(item.piece) for item in items])
    order = ("test", "validation", "train")
    splits: dict[int, str] = {}
    for group, item in zip(groups, items, strict=True):
        splits[group] = min(splits.get(group, item.split), item.split, key=order.index)
    return tuple(
        replace(item, split=splits[group]) for group, item in zip(groups, items, strict=True)
    )


def clip_key(clip: Clip) -> bytes:
    """A fingerprint (16 bytes) of a clip's notes: equal for the same notes in any key.

    Loudness, tempo, sounds and title do not count.
    """
    lowest = min((n.pitch for n in clip.notes if n.role is not Role.DRUMS), default=0)
    parts = [clip.meter.numerator, clip.meter.denominator, clip.n_bars]
    for note in clip.notes:
        pitch = note.pitch if note.role is Role.DRUMS else note.pitch - lowest
        parts += [note.start, int(note.role), pitch, note.duration]
    return blake2b(b"".join(part.to_bytes(2, "big") for part in parts), digest_size=16).digest()


def _top_line(notes: Iterable[Note]) -> list[int]:
    """Pitches of the highest notes that start together, repeated ones once."""
    tops: dict[int, int] = {}
    for note in notes:
        tops[note.start] = max(note.pitch, tops.get(note.start, 0))
    line: list[int] = []
    for start in sorted(tops):
        if not line or line[-1] != tops[start]:
            line.append(tops[start])
    return line


def _shingles(line: Sequence[int]) -> Iterable[int]:
    """Hashes of all runs of intervals, the same on every machine."""
    intervals = [b - a for a, b in zip(line, line[1:], strict=False)]
    for i in range(len(intervals) - SHINGLE + 1):
        run = bytes(step % 256 for step in intervals[i : i + SHINGLE])
        yield int.from_bytes(blake2b(run, digest_size=8).digest(), "big")


def _root(parents: list[int], i: int) -> int:
    """The first of the group that ``i`` is in; shortens the way to it."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i
