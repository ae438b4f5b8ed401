"""The evaluation runs on a small corpus, and its page says what was measured."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.evaluation.evaluate import control_agreement, evaluate
from musicgen_vae.evaluation.report import machine, results_page
from musicgen_vae.generation.composer import Composer
from tests.training.corpora import build


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, tiny_composer: Composer) -> dict[str, object]:
    corpus = build(tmp_path_factory.mktemp("corpus"))
    return evaluate(tiny_composer, corpus, split="validation", clips_per_class=1)


def test_figures_are_consistent(result: dict[str, object], tiny_composer: Composer) -> None:
    recon, elbo = result["reconstruction"], result["elbo"]
    assert isinstance(recon, dict)
    assert isinstance(elbo, dict)
    with_duration, without = recon["with_duration"], recon["role_onset_pitch"]
    assert 0 <= with_duration["f1"] <= without["f1"] <= 1
    assert without["low"] <= without["f1"] <= without["high"]
    assert {"melody", "harmony"} <= set(recon)
    fields = sum(elbo[f"{name}_nats"] for name in ("step", "role", "pitch", "duration", "velocity"))
    assert fields == pytest.approx(elbo["recon"], rel=1e-4)
    assert sum(elbo[f"kl_bar_{i}"] for i in range(1, 5)) == pytest.approx(elbo["kl"], rel=1e-4)
    n_latent = 4 * tiny_composer.model.config.d_latent
    assert 0 < elbo["active_dimensions"] <= n_latent


def test_page(result: dict[str, object], tiny_composer: Composer) -> None:
    full = {**result, "machine": machine(), "commit": "abc"}
    page = results_page(full, tiny_composer.checkpoint.training)
    assert f"`{tiny_composer.checkpoint.hash}`" in page
    assert "| density | 8 |" in page
    assert "split `validation`" in " ".join(page.split())


def test_density_is_followed(tiny_composer: Composer) -> None:
    figures = control_agreement(tiny_composer, "density", 4)
    assert figures["n"] == 32
    assert figures["spearman"] > 0.5
    assert not math.isnan(figures["within_one"])


def test_unknown_split(tiny_composer: Composer, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="'dev' is not one of"):
        evaluate(tiny_composer, tmp_path, split="dev")
