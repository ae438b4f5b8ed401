"""The evaluation runs on a small corpus, and its page says what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.evaluation.evaluate import PARTS, Sizes, evaluate, merged
from musicgen_vae.evaluation.report import results_page
from musicgen_vae.generation.composer import Composer
from tests.training.corpora import build


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, tiny_composer: Composer) -> dict[str, Any]:
    corpus = build(tmp_path_factory.mktemp("corpus"), 18)
    return evaluate(
        tiny_composer,
        corpus,
        split="validation",
        limit=5,
        stamp={"machine": "a machine", "commit": "abc"},
    )


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


def test_every_part_is_there_or_says_why(result: dict[str, Any]) -> None:
    assert set(PARTS) <= set(result)
    skipped = {name: result[name]["skipped"] for name in PARTS if "skipped" in result[name]}
    assert set(skipped) == {"style", "emotion"}
    assert result["morphs"]["pairs"] > 0
    assert {"accompany", "fill", "continue"} <= set(result["completion"])
    assert result["samples"]["all_controls"]["samples"] == 5
    assert result["control"]["density"]["fresh"]["bars"] == 20


def test_page(result: dict[str, Any], tiny_composer: Composer) -> None:
    page = results_page(result, tiny_composer.checkpoint.training)
    assert f"`{tiny_composer.checkpoint.hash}`" in page
    assert "split `validation`" in page
    assert "Not measured: the checkpoint has no controls of valence and arousal." in page
    assert "commit `abc`" in page
    assert "nan" not in page
    some = {name: value for name, value in result.items() if name not in ("morphs", "control")}
    assert "Not measured yet: Control, Morphs." in results_page(some, {})


def test_parts_join_those_of_the_same_kind() -> None:
    first = {"checkpoint": "a", "split": "test", "clips": 3, "morphs": 1, "control": 2}
    second = {"checkpoint": "a", "split": "test", "clips": 3, "control": 5}
    assert merged(first, second) == {**second, "morphs": 1}
    assert merged({**first, "checkpoint": "b"}, second) == second
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
