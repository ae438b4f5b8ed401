"""Sets of clips compared: real music is like real music."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from musicgen_vae.corpus.shards import shard_from_windows
from musicgen_vae.evaluation.copies import NoteIndex
from musicgen_vae.evaluation.samples import compare, controls_of, diversity
from musicgen_vae.generation.composer import Composer
from musicgen_vae.model.controls import BAR_CONTROLS
from musicgen_vae.music.clip import Meter, transpose
from musicgen_vae.music.tokens import clip_to_tokens
from tests.evaluation.clips import songs


def test_diversity() -> None:
    clips = songs(0, 4).clips
    assert diversity([clips[0]] * 5) == {"distance": 0.0, "doubles": 1.0}
    different = diversity(clips)
    assert 0.5 < different["distance"] < 1
    assert different["doubles"] == 0.0
    assert np.isnan(diversity(clips[:1])["distance"])


def test_real_music_passes_and_nonsense_does_not() -> None:
    training, test = songs(0, 20), songs(100, 20)
    windows = [(c, clip_to_tokens(c), i, 0, True) for i, c in enumerate(training.clips)]
    index = NoteIndex(shard_from_windows(windows), np.arange(len(windows)))
    copied = compare(training.clips, training, test, index)
    assert copied["overlap"]["ratio"] == pytest.approx(1.0)
    assert copied["auc"]["made"] < 0.75
    assert copied["copies"]["made"]["share"] == 1.0
    assert copied["copies"]["test"]["share"] == 0.0
    assert copied["in_key"]["made"] == 1.0
    wrong = [replace(c, notes=transpose(c.notes, 6)) for c in songs(200, 20).clips]
    figures = compare(wrong, training, test)
    assert figures["overlap"]["ratio"] < 0.95
    assert figures["auc"]["made"] > 0.9
    assert figures["in_key"]["made"] < 0.5
    assert "copies" not in figures


def test_controls_of_clips_can_be_asked(tiny_composer: Composer) -> None:
    clips = songs(0, 1, style="folk")
    every = controls_of(tiny_composer, clips, bars=True)
    alone = controls_of(tiny_composer, clips, bars=False)
    measured = tiny_composer.encode(clips.clips, clips.styles).condition
    for i, controls in enumerate(every):
        assert controls.meter == Meter()
        clip, bar = controls.arrays(tiny_composer.spec)
        assert clip.tolist() == measured.clip[i].tolist()
        assert bar.tolist() == measured.bar[i].tolist()
        assert (alone[i].arrays(tiny_composer.spec)[1] == 0).all()
        assert bar.shape == (4, len(BAR_CONTROLS))
