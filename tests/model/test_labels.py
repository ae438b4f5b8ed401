"""Recognition and confusion: what they lose, and whom their gradients reach."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from musicgen_vae.model.controls import CLIP_CONTROLS
from musicgen_vae.model.labels import (
    Adversary,
    RecognitionHead,
    confusion_loss,
    hits,
    label_loss,
    labels_of,
)
from tests.model.test_vae import CONFIG, SPEC

FULL = replace(SPEC, styles=("pop", "waltz", "march"), clip_controls=CLIP_CONTROLS)


def test_head_has_the_controls_that_spec_and_config_share() -> None:
    head = RecognitionHead(CONFIG, SPEC)
    assert set(head.logits) == {"style"}
    logits = RecognitionHead(CONFIG, FULL)(torch.randn(5, CONFIG.d_model))
    assert {name: tuple(x.shape) for name, x in logits.items()} == {
        "style": (5, 3), "valence": (5, 8), "arousal": (5, 8),
    }  # fmt: skip


def test_adversary_reads_bars_and_clip() -> None:
    logits = Adversary(CONFIG, FULL)(torch.randn(5, 4, CONFIG.d_latent))
    assert logits["style"].shape == (5, 3)
    assert logits["density"].shape == (5, 4, 8)


def test_unknown_labels_cost_nothing() -> None:
    logits = {"style": torch.randn(2, 3), "density": torch.randn(2, 4, 8)}
    labels = {"style": torch.tensor([0, 2]), "density": torch.zeros(2, 4, dtype=torch.long)}
    loss = label_loss(logits, labels)
    assert loss[0] == 0
    assert loss[1] == pytest.approx(-float(logits["style"][1].log_softmax(-1)[1]), rel=1e-5)
    assert hits(logits, labels)["density"][1] == 0


def test_confusion_is_zero_when_nothing_is_known_and_log_k_when_all_is() -> None:
    assert confusion_loss({"style": torch.zeros(2, 3)}).abs().max() < 1e-6
    sure = torch.tensor([[100.0, 0.0, 0.0, 0.0]])
    assert float(confusion_loss({"style": sure})) == pytest.approx(float(torch.tensor(4.0).log()))


def test_labels_by_name() -> None:
    clip = torch.arange(8)[None]
    bar = torch.arange(24).view(1, 4, 6)
    labels = labels_of(FULL, clip, bar)
    assert labels["arousal"].tolist() == [6]
    assert labels["polyphony"].tolist() == [[1, 7, 13, 19]]
