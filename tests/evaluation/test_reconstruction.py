"""F1 by role and style."""

from __future__ import annotations

from dataclasses import replace

from musicgen_vae.evaluation.reconstruction import reconstruction_figures
from musicgen_vae.music.clip import Clip, Note, Role, tidy
from tests.evaluation.clips import songs


def test_perfect_and_partial_copies() -> None:
    clips = songs(0, 2)
    perfect = reconstruction_figures(clips.clips, clips.clips, clips.songs, clips.styles)
    assert perfect["all"]["role_onset_pitch"] == {"f1": 1.0, "low": 1.0, "high": 1.0}
    assert perfect["all"]["roles"] == {"melody": 1.0, "harmony": 1.0}
    assert perfect["all"]["songs"] == 2
    short = [replace(c, notes=tidy(replace(n, duration=1) for n in c.notes)) for c in clips.clips]
    cut = reconstruction_figures(clips.clips, short, clips.songs, clips.styles)["all"]
    assert cut["role_onset_pitch"]["f1"] == 1.0
    assert cut["with_duration"]["f1"] == 0.0
    half = [c.keep([Role.MELODY]) for c in clips.clips]
    lost = reconstruction_figures(clips.clips, half, clips.songs, ["a", "b"] * (len(clips) // 2))
    assert lost["all"]["roles"] == {"melody": 1.0, "harmony": 0.0}
    assert set(lost["styles"]) == {"a", "b"}


def test_drums_count_hit_by_hit() -> None:
    def kit(*pitches: int) -> Clip:
        return Clip(
            notes=tidy(Note(start=0, role=Role.DRUMS, pitch=p, duration=3) for p in pitches)
        )

    figures = reconstruction_figures([kit(36, 42)], [kit(36, 38)], ["s"], ["rock"])
    assert figures["all"]["roles"] == {"drums": 0.5}
