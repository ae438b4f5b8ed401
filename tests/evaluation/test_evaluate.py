"""The evaluation runs on a small corpus, and its page says what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.evaluation.evaluate import PARTS, Sizes, evaluate, merged
from musicgen_vae.evaluation.report import results_page
from musicgen_vae.evaluation.trade_off import trade_off
from musicgen_vae.generation.composer import Composer
from tests.conftest import TINY_CHECKPOINT
from tests.training.corpora import build

STAMP = {"machine": "a machine", "commit": "abc"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("corpus"), 18)


@pytest.fixture(scope="module")
def result(corpus: Path, tiny_composer: Composer) -> dict[str, Any]:
    only = ("reconstruction", "likelihood", "emotion")
    return evaluate(tiny_composer, corpus, split="validation", only=only, limit=2, stamp=STAMP)


@pytest.fixture(scope="module")
def full(corpus: Path, tiny_composer: Composer) -> dict[str, Any]:
    return evaluate(tiny_composer, corpus, split="validation", limit=5, stamp=STAMP)


def test_figures_are_consistent(result: dict[str, Any], tiny_composer: Composer) -> None:
    recon, elbo = result["reconstruction"]["all"], result["likelihood"]
    with_duration, without = recon["with_duration"], recon["role_onset_pitch"]
    assert 0 <= with_duration["f1"] <= without["f1"] <= 1
    assert without["low"] <= without["f1"] <= without["high"]
    assert {"melody", "harmony"} <= set(recon["roles"])
    fields = sum(elbo[f"{name}_nats"] for name in ("step", "role", "pitch", "duration", "velocity"))
    assert fields == pytest.approx(elbo["recon"], rel=1e-4)
    assert sum(elbo[f"kl_bar_{i}"] for i in range(1, 5)) == pytest.approx(elbo["kl"], rel=1e-4)
    assert 0 < elbo["active_dimensions"] <= elbo["dimensions"]
    assert elbo["dimensions"] == 4 * tiny_composer.model.config.d_latent


@pytest.mark.slow
def test_every_part_is_there_or_says_why(full: dict[str, Any]) -> None:
    assert set(PARTS) <= set(full)
    skipped = {name: full[name]["skipped"] for name in PARTS if "skipped" in full[name]}
    assert set(skipped) == {"style", "emotion"}
    assert full["morphs"]["pairs"] > 0
    assert {"accompany", "fill", "continue"} <= set(full["completion"])
    assert full["samples"]["all_controls"]["samples"] == 5
    assert full["control"]["density"]["fresh"]["bars"] == 20
    page = results_page(full, {})
    assert "nan" not in page
    assert "Not measured yet: Copying against inventing, Peers." in page


@pytest.mark.slow
def test_moods_that_are_asked_are_judged(tmp_path: Path, shipped_composer: Composer) -> None:
    corpus = build(tmp_path, 72)  # the judge needs some to learn from
    figures = evaluate(
        shipped_composer, corpus, split="validation", only=("emotion",), limit=12, stamp=STAMP
    )
    (judge,) = figures["emotion"]["judges"]
    assert judge["taught_by"] == "regression"
    assert judge["arousal"]["clips"] == 12
    assert -1 <= judge["arousal"]["spearman"] <= 1  # such songs teach little
    assert judge["arousal_real"]["clips"] > 8
    page = results_page(figures, {})
    assert "| arousal | the regression |" in page
    assert "nan" not in page


def test_page(result: dict[str, Any], tiny_composer: Composer) -> None:
    page = results_page(result, tiny_composer.checkpoint.training)
    assert f"`{tiny_composer.checkpoint.hash}`" in page
    assert "split `validation`" in page
    assert "Not measured: the checkpoint has no controls of valence and arousal." in page
    assert "commit `abc`" in page
    assert "nan" not in page
    assert "Not measured yet: Samples, Control, Style, Morphs" in page


def test_page_with_peers_and_curve(result: dict[str, Any]) -> None:
    interval = {"low": 0.1, "high": 0.3}
    peers = {
        "ours": {"parameters": 1000, "steps": 5, "noise_level": 0.5, "minutes": 2.0, "clips": 9,
                 "f1": {"f1": 0.2, **interval}, "overlap": {"ratio": 0.2, **interval}, "auc": 0.7,
                 "trained_on": "a GPU", **STAMP},
        "ours_on_melodies": {"minutes": 2.0, "clips": 9, "f1": {"f1": 0.25, **interval}, **STAMP},
    }  # fmt: skip
    curve = [
        {"folder": "b", "checkpoint": "x", "beta": None, "hours": 1.5, "f1": 0.9, "kl": 300.0,
         "overlap": 0.8, "auc": 0.9, "in_key": 0.95},
    ]  # fmt: skip
    page = results_page(result, {}, peers=peers, curve=curve)
    name = "this model, samples with noise level 0.5"
    assert f"| {name} | 1,000 | 5 | 2 | a GPU | 0.200 (0.100 to 0.300) |" in page
    assert "at most 9 clips" in page
    assert "| this model on the same melodies |" in page
    assert "| b `x` | – | 1.50 | 0.900 | 300.0 |" in page


def test_page_with_two_judges_of_emotion(result: dict[str, Any]) -> None:
    heard = {"clips": 40.0, "spearman": 0.5, "low": 0.4, "high": 0.6}
    judge = {
        "taught_clips": 9,
        "agreement": {"valence": 0.8, "arousal": 0.9},
        **dict.fromkeys(("valence", "valence_real", "arousal", "arousal_real"), heard),
    }
    judges = [{**judge, "taught_by": "regression"}, {**judge, "taught_by": "people"}]
    emotion = {"judges": judges, "seconds": 1.0, "limit": None, **STAMP}
    page = results_page({**result, "emotion": emotion}, {})
    row = "40 | 0.500 (0.400 to 0.600) | 0.500 (0.400 to 0.600) |"
    assert f"| valence | the regression | Spearman 0.800 | {row}" in page
    assert f"| arousal | listeners (EMOPIA) | AUC 0.900 | {row}" in page


@pytest.mark.slow
def test_trade_off_has_a_row_for_each_checkpoint(corpus: Path) -> None:
    rows = trade_off([TINY_CHECKPOINT, TINY_CHECKPOINT], corpus, split="validation", limit=5)
    assert [row["beta"] for row in rows] == [0.05, 0.05]
    assert rows[0] == rows[1]
    assert 0 <= rows[0]["f1"] <= 1


def test_parts_join_those_of_the_same_kind() -> None:
    kind = {"format": 2, "checkpoint": "a", "split": "test", "clips": 3}
    first = {**kind, "morphs": 1, "control": 2}
    second = {**kind, "control": 5}
    assert merged(first, second) == {**second, "morphs": 1}
    assert merged({**first, "checkpoint": "b"}, second) == second
    assert merged({**first, "format": 1}, second) == second
    assert merged({}, second) == second


def test_limits() -> None:
    assert Sizes().limited(None) == Sizes()
    small = Sizes().limited(10)
    assert (small.held_out, small.morphs, small.training) == (10, 10, 200)
    assert Sizes().limited(1000).morphs == Sizes().morphs


def test_unknown_split_and_part(tiny_composer: Composer, tmp_path: Path) -> None:
    corpus = build(tmp_path)
    with pytest.raises(ControlError, match="'dev' is not one of"):
        evaluate(tiny_composer, corpus, split="dev")
    with pytest.raises(ControlError, match="unknown part 'magic'"):
        evaluate(tiny_composer, corpus, only=["magic"])
