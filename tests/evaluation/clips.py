"""Clips for metrics: written by hand, or cut from made-up songs."""

from __future__ import annotations

from musicgen_vae.evaluation.held_out import ClipSet
from musicgen_vae.music.clip import Clip, Note, Role, tidy
from tests.training.corpora import song


def line(*notes: tuple[int, int, int], role: Role = Role.MELODY) -> Clip:
    """A clip of (start, pitch, duration) in one role."""
    return Clip(
        notes=tidy(Note(start=s, role=role, pitch=p, duration=d, velocity=4) for s, p, d in notes)
    )


def songs(first: int, n: int, style: str = "pop") -> ClipSet:
    """The clips of ``n`` made-up songs."""
    clips, names, before = [], [], []
    for seed in range(first, first + n):
        of_song = song(seed).clips()
        clips += of_song
        names += [f"song {seed}"] * len(of_song)
        before += [None, *of_song[:-1]]
    return ClipSet(
        clips=tuple(clips),
        songs=tuple(names),
        styles=(style,) * len(clips),
        before=tuple(before),
    )
