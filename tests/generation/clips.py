"""Clips of the example tunes."""

from __future__ import annotations

from pathlib import Path

from musicgen_vae.music.clip import Clip
from musicgen_vae.music.midi import read_midi

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples"


def clips_of(name: str) -> list[Clip]:
    """The whole clips of a tune."""
    piece = read_midi((EXAMPLES / f"{name}.mid").read_bytes())
    return [clip for clip in piece.clips() if clip.n_bars == 4]
