"""Figures of control, on clips whose classes are known."""

from __future__ import annotations

import numpy as np

from musicgen_vae.evaluation.control import (
    Source,
    asked_classes,
    clips_asked,
    control_figures,
    encoded_for,
)
from musicgen_vae.generation.composer import Composer
from musicgen_vae.model.controls import Controls
from musicgen_vae.music.attributes import ORDINAL, Edges, measure
from musicgen_vae.music.clip import Clip
from tests.evaluation.clips import line, songs

EDGES = Edges(values={name: tuple(np.arange(0.25, 1.9, 0.25)) for name in ORDINAL})


def notes_in_bars(counts: list[int]) -> Clip:
    """As many notes in each bar as asked."""
    return line(*((48 * bar + 6 * i, 60 + i, 6) for bar, n in enumerate(counts) for i in range(n)))


def test_what_follows_exactly_is_perfect() -> None:
    asked = asked_classes(40, 3)
    assert np.bincount(asked.ravel(), minlength=8).min() > 5
    # A note more is a quarter more in density, which is one class more.
    figures = control_figures("density", asked, [notes_in_bars(a.tolist()) for a in asked], EDGES)
    assert figures["spearman"] > 0.999
    assert figures["within_one"] == 1.0
    assert figures["low"] > 0.99
    assert figures["side"]["register"] > 0.5  # more notes climb higher here
    assert set(figures["side"]) == set(ORDINAL) - {"density"}


def test_what_does_not_follow_is_seen() -> None:
    asked = asked_classes(60, 3)
    others = asked_classes(60, 4)
    figures = control_figures("density", asked, [notes_in_bars(a.tolist()) for a in others], EDGES)
    assert abs(figures["spearman"]) < 0.2
    assert figures["within_one"] < 0.5


def test_silent_bars_are_missed() -> None:
    asked = np.full((10, 4), 3)
    asked[5:] = 5
    figures = control_figures("register", asked, [notes_in_bars([0, 0, 0, 1])] * 10, EDGES)
    assert figures["within_one"] <= 0.25


def test_clips_with_z_of_others(tiny_composer: Composer) -> None:
    held_out = songs(0, 1, style="folk")
    controls = [Controls.parse({"density": 7})] * len(held_out)
    sources: tuple[Source, ...] = ("fresh", "clip", "steered")
    made = {
        source: clips_asked(
            tiny_composer,
            controls,
            source,
            held_out.clips,
            encoded_for(tiny_composer, source, held_out),
        )
        for source in sources
    }
    assert all(len(clips) == len(held_out) for clips in made.values())
    assert made["clip"] != made["steered"]
    assert [c.key for c in made["clip"]] == [c.key for c in held_out.clips]
    assert all(np.isfinite(measure(c).density).all() for c in made["fresh"])
