"""Peers learn, write and are compared; each on music small enough for a test."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from musicgen_vae.errors import CheckpointError, ControlError
from musicgen_vae.evaluation.peers.compare import compare_peers
from musicgen_vae.evaluation.peers.gru_vae import GruConfig, GruVAE
from musicgen_vae.evaluation.peers.language_model import LanguageModel, language_model_config
from musicgen_vae.evaluation.peers.riffly_melodies import (
    RifflyMelodies,
    batch_rolls,
    fits,
    melody_roll,
    roll_to_clip,
)
from musicgen_vae.generation.composer import Composer
from musicgen_vae.model.config import ModelConfig
from musicgen_vae.model.controls import Controls
from musicgen_vae.model.vae import Rows
from musicgen_vae.music.clip import Clip, Meter, Role
from musicgen_vae.music.tokens import clip_to_tokens
from musicgen_vae.training.data import DataConfig, make_batch
from tests.evaluation.clips import line, songs
from tests.training.corpora import TINY, build

CLIPS = songs(0, 3).clips


@pytest.fixture(scope="module")
def gru(tiny_composer: Composer) -> GruVAE:
    torch.manual_seed(0)
    return GruVAE(GruConfig.like(TINY, 0.1), tiny_composer.spec).eval()


@pytest.fixture(scope="module")
def language_model(tiny_composer: Composer) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(language_model_config(TINY), tiny_composer.spec).eval()


@torch.inference_mode()
def test_bars_side_by_side_are_bars_one_by_one(gru: GruVAE) -> None:
    """The likelihood of a clip is that of its rows, read one at a time as in writing."""
    from musicgen_vae.model.losses import field_losses

    clips = CLIPS[:2]
    rows = Rows.pad([clip_to_tokens(c) for c in clips])
    bars = torch.randn(2, 4, gru.config.d_conductor + gru.config.d_model)
    together = gru.teacher_forced(rows, bars).recon_loss()
    for i, clip in enumerate(clips):
        tokens = torch.from_numpy(clip_to_tokens(clip).astype(np.int64))
        states, hidden, bar_now = [], torch.zeros(()), -1
        for row in tokens[:-1]:
            bar = int(row[5])
            if bar != bar_now:
                hidden, bar_now = gru.bar_state(bars[i : i + 1], torch.tensor([bar])), bar
            x = torch.cat([gru.embedding(row[None]), bars[i : i + 1, bar]], dim=-1)
            out, hidden = gru.decoder(x[:, None], hidden.contiguous())
            states.append(gru.out(out[:, 0]))
        logits = gru.heads(torch.cat(states), tokens[1:])
        alone = field_losses(logits, tokens[1:], torch.zeros(len(tokens) - 1, dtype=int), 1)
        torch.testing.assert_close(alone.recon_loss()[0], together[i], rtol=1e-4, atol=1e-3)


def test_recurrent_clips_keep_the_rules(gru: GruVAE) -> None:
    copies = gru.reconstruct(CLIPS[:2])
    assert [c.meter for c in copies] == [c.meter for c in CLIPS[:2]]
    asked = [Controls.parse({"meter": "3/4"})] * 2
    made = gru.sample_each(asked, [1, 2])
    assert all(clip.meter == Meter.parse("3/4") for clip in made)
    assert made == gru.sample_each(asked, [1, 2])
    assert made[1] == gru.sample_each(asked[1:], [2])[0]


def test_cost_is_that_of_the_notes(language_model: LanguageModel, tmp_path: Path) -> None:
    cost = language_model.cost([*CLIPS[:2], Clip()])
    assert cost.shape == (3,)
    assert (cost > 0).all()
    louder = replace(
        CLIPS[0], notes=tuple(replace(n, velocity=None) for n in CLIPS[0].notes), tempo_qpm=50.0
    )
    quiet = language_model.cost([louder])[0]
    assert np.isfinite(quiet)
    language_model.save(tmp_path)
    again = LanguageModel.load(tmp_path)
    np.testing.assert_allclose(again.cost(CLIPS[:2]), cost[:2], rtol=1e-4)
    with pytest.raises(CheckpointError, match="no language model"):
        LanguageModel.load(tmp_path / "nowhere")


def test_the_language_model_writes(language_model: LanguageModel) -> None:
    made = language_model.sample_each([Controls(), Controls.parse({"meter": "3/4"})], [1, 2])
    assert made[1].meter == Meter.parse("3/4")
    assert made == language_model.sample_each(
        [Controls(), Controls.parse({"meter": "3/4"})], [1, 2]
    )


def test_a_melody_on_sixteenths_comes_back() -> None:
    melody = line((0, 60, 12), (12, 62, 12), (24, 95, 6), (96, 48, 48))
    roll = melody_roll(melody)
    assert roll.shape == (48, 64)
    assert roll.sum() == 4 + 4 + 2 + 16
    back = roll_to_clip(roll, melody)
    assert [(n.start, n.pitch, n.duration) for n in back.notes] == [
        (n.start, n.pitch, n.duration) for n in melody.notes
    ]
    assert melody_roll(line((0, 36, 12)))[0].sum() == 4  # an octave up
    assert fits(melody)
    assert not fits(melody.keep([Role.BASS]))


def test_rolls_of_a_batch_are_those_of_its_clips(tmp_path: Path, tiny_composer: Composer) -> None:
    from musicgen_vae.evaluation.held_out import Corpus

    corpus = Corpus.load(build(tmp_path))
    shard = corpus.shard("train")
    four = np.flatnonzero(shard.meter[:, 0] == 4)[:3]
    batch = make_batch(
        shard, four, corpus.pieces, tiny_composer.spec, None, np.random.default_rng(0)
    )
    rolls = batch_rolls(batch)
    for roll, i in zip(rolls, four.tolist(), strict=True):
        np.testing.assert_array_equal(roll, melody_roll(shard.clip(i)))


def test_riffly_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "riffly.models", None)
    with pytest.raises(ControlError, match="pip install riffly"):
        RifflyMelodies()


@pytest.mark.slow
def test_equal_time_gives_figures_of_each(tmp_path: Path) -> None:
    corpus = build(tmp_path / "corpus", 30)
    result = compare_peers(
        corpus,
        tmp_path / "out",
        minutes=0.02,
        names=("ours", "gru_vae", "language_model"),
        split="validation",
        n=6,
        model_config=ModelConfig.from_dict({**TINY.to_dict(), "d_note": 16, "d_bar": 16}),
        data_config=DataConfig(tokens_per_batch=600),
    )
    assert set(result) == {"ours", "gru_vae", "language_model"}
    for name, figures in result.items():
        assert figures["steps"] > 0
        assert figures["overlap"]["low"] <= figures["overlap"]["high"]
        assert ("f1" in figures) == (name != "language_model")
    assert LanguageModel.load(tmp_path / "out" / "language_model").cost(CLIPS[:1])[0] > 0
    with pytest.raises(ControlError, match="unknown peer 'magic'"):
        compare_peers(corpus, tmp_path, minutes=1, names=["magic"])
