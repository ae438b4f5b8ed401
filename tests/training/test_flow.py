"""A flow is trained for a checkpoint, and the composer then samples from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from musicgen_vae.corpus.shards import load_info, load_shard
from musicgen_vae.errors import ControlError
from musicgen_vae.generation.composer import Composer
from musicgen_vae.model.controls import Controls
from musicgen_vae.model.flow import FlowConfig
from musicgen_vae.training.data import Batch, BatchStream, DataConfig
from musicgen_vae.training.flow import FlowTrainConfig, replayed, train_flow
from musicgen_vae.training.loop import TrainConfig, Trainer
from tests.training.corpora import TINY, build

FLOW = FlowConfig(d_flow=32, n_heads=2, d_ff=64, n_layers=2)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow")
    corpus = build(folder / "corpus")
    Trainer(
        corpus,
        folder / "run",
        model_config=TINY,
        data_config=DataConfig(tokens_per_batch=600),
        config=replace(TrainConfig(), outline_stage=5, steps=10, validation_clips=4),
        log=lambda text: None,
    ).run(folder / "checkpoint")
    config = FlowTrainConfig(minutes=0.05, tokens_per_batch=600)
    record = train_flow(folder / "checkpoint", corpus, FLOW, config, lambda text: None)
    assert record["steps"] > 0
    return folder / "checkpoint"


def test_both_priors_can_be_chosen(checkpoint: Path) -> None:
    composer = Composer.load(checkpoint, device="cpu")
    usual = composer.sample(n=2, seed=1)
    assert composer.sample(n=2, seed=1, prior="flow") == usual
    assert composer.sample(n=1, seed=2, prior="flow") == usual[1:]
    assert composer.sample(n=2, seed=1, prior="gaussian") != usual
    dense = Controls.parse({"density": 7})
    plain = composer.sample(dense, n=2, seed=1)
    assert composer.sample(dense, n=2, seed=1, guidance=1.0) != plain
    assert len(composer.compose("AB", seed=1)) == 2
    with pytest.raises(ControlError, match="guidance"):
        composer.sample(prior="gaussian", guidance=2.0)


def test_without_a_flow_only_the_gaussian_is_there(tiny_composer: Composer) -> None:
    with pytest.raises(ControlError, match="no flow prior"):
        tiny_composer.sample(prior="flow")


def test_its_scale_is_that_of_the_latents(checkpoint: Path) -> None:
    flow = Composer.load(checkpoint, device="cpu").checkpoint.flow
    assert flow is not None
    assert (flow.std > 0).all()
    assert torch.isfinite(flow.mean).all()


def test_batches_are_encoded_once_and_come_again(checkpoint: Path, tmp_path: Path) -> None:
    model = Composer.load(checkpoint, device="cpu").model
    corpus = build(tmp_path / "corpus")
    pieces, _ = load_info(corpus)
    shard = load_shard(corpus / "train.safetensors")
    data = DataConfig(tokens_per_batch=600)
    made = []

    def counted() -> Iterator[Batch]:
        stream = BatchStream(shard=shard, pieces=pieces, spec=model.spec, config=data, seed=1)
        for _, _, batch in stream:
            made.append(batch)
            yield batch

    stream = replayed(model, counted(), every=3, seed=1)
    first = [next(stream) for _ in range(9)]
    assert len(made) == 3
    assert any(a is b for i, a in enumerate(first) for b in first[:i])
