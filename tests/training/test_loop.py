"""Training learns, and goes on as if it had never stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch

from musicgen_vae.errors import CheckpointError, CorpusError
from musicgen_vae.model.checkpoint import load_checkpoint
from musicgen_vae.model.vae import ConditionalVAE
from musicgen_vae.training.augment import AugmentConfig
from musicgen_vae.training.data import DataConfig
from musicgen_vae.training.loop import (
    TrainConfig,
    Trainer,
    average_share,
    learning_rate_factor,
    move_average,
    validate,
)
from musicgen_vae.training.objective import report, training_loss
from musicgen_vae.training.state import TENSORS_FILE, Progress, load_state
from tests.training.corpora import TINY, build

CONFIG = TrainConfig(
    outline_stage=0, steps=6, decay_steps=2, warmup_steps=2, log_every=2, validate_every=6,
    save_every=3, validation_clips=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("corpus"))


def trainer(corpus: Path, run: Path, config: TrainConfig = CONFIG) -> Trainer:
    return Trainer(
        corpus,
        run,
        model_config=TINY,
        data_config=DataConfig(tokens_per_batch=600),
        config=config,
        log=lambda text: None,
    )


@pytest.mark.parametrize("outline_stage", [0, 2, 4])
def test_a_stopped_run_goes_on_exactly(corpus: Path, tmp_path: Path, outline_stage: int) -> None:
    config = replace(CONFIG, outline_stage=outline_stage)
    whole = trainer(corpus, tmp_path / "whole", config)
    whole.run()
    # The learning rate must not depend on where a run stops: the same schedule, cut at step 3.
    first = trainer(corpus, tmp_path / "cut", config)
    stop_at(first, 3)
    second = trainer(corpus, tmp_path / "cut", config)
    assert second.progress.step == 3
    second.run()
    assert second.progress.step == 6
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name
    for name, value in whole.average.items():
        assert torch.equal(value, second.average[name]), name


def stop_at(run: Trainer, step: int) -> None:
    """Run until ``step`` and be cut right after the state is saved."""

    class Cut(Exception):
        pass

    original = run.step

    def cut(batch: object) -> dict[str, float]:
        if run.progress.step == step:
            raise Cut
        return original(batch)  # type: ignore[arg-type]

    run.step = cut  # type: ignore[method-assign]
    with pytest.raises(Cut):
        run.run()


def test_log_and_checkpoint(corpus: Path, tmp_path: Path) -> None:
    result = trainer(corpus, tmp_path / "run").run(tmp_path / "checkpoint")
    text = (tmp_path / "run" / "log.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["kind"] for line in lines] == ["train", "train", "train", "validation"]
    assert lines[-1]["elbo"] == pytest.approx(-(lines[-1]["recon"] + lines[-1]["kl"]), abs=1e-3)
    loaded = load_checkpoint(tmp_path / "checkpoint")
    assert loaded.training["step"] == 6
    assert loaded.training["validation"]["recon"] == pytest.approx(result["recon"], abs=1e-3)


def test_overfits_one_batch(corpus: Path, tmp_path: Path) -> None:
    quiet = DataConfig(
        kept_batches=0, null_z=0, drop_all_controls=0, drop_control=0, token_dropout=0,
        augment=AugmentConfig(shift=0, recombine=0, octave=0, split_bass=0, solo=0),
    )  # fmt: skip
    run = Trainer(
        corpus,
        tmp_path / "one",
        model_config=TINY,
        data_config=quiet,
        config=replace(CONFIG, steps=400, lr_matrices=0.01, lr_rest=0.01, beta=0.01),
        log=lambda text: None,
    )
    batch = run.validation[0]
    before = run.step(batch)
    for _ in range(60):
        run.progress = replace(run.progress, step=run.progress.step + 1)
        after = run.step(batch)
    assert before["pitch_accuracy"] < 0.3
    assert after["pitch_accuracy"] > 0.9
    assert after["step_accuracy"] > 0.9


def test_the_first_stage_teaches_the_short_way_only(corpus: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, outline_stage=150, steps=150, lr_matrices=0.01, lr_rest=0.01, beta=0.0)
    run = trainer(corpus, tmp_path / "outline", config)
    before = {k: v.clone() for k, v in run.model.state_dict().items()}
    batch = run.validation[0]
    for _ in range(150):
        after = run.step(batch)
        run.progress = replace(run.progress, step=run.progress.step + 1)
    assert after["outline_f1"] > 0.9
    assert validate(run.objective, [batch], short=True)["outline_f1"] > 0.9
    changed = {k for k, v in run.model.state_dict().items() if not torch.equal(v, before[k])}
    assert not any("blocks" in name or "heads" in name for name in changed)


@pytest.mark.parametrize("only", ["decoder", "encoder"])
def test_one_part_may_learn_alone(
    corpus: Path, tmp_path: Path, only: Literal["decoder", "encoder"]
) -> None:
    run = trainer(corpus, tmp_path / "run", replace(CONFIG, only=only, outline_stage=9))
    before = {k: v.clone() for k, v in run.model.state_dict().items()}
    run.run()
    changed = {k for k, v in run.model.state_dict().items() if not torch.equal(v, before[k])}
    learning = {"decoder": {"decoder"}, "encoder": {"encoder", "recognition"}}[only]
    assert {name.split(".")[0] for name in changed} == learning
    assert any("blocks" in name for name in changed)
    assert any("noise_out" in name for name in changed) == (only == "decoder")
    assert run.model.decoder.training == (only == "decoder")
    assert run.model.encoder.training == (only == "encoder")


def test_state_of_another_model_is_refused(corpus: Path, tmp_path: Path) -> None:
    run = trainer(corpus, tmp_path / "run")
    run.run()
    other = ConditionalVAE(replace(TINY, d_ff=48), run.spec)
    with pytest.raises(CheckpointError, match="no training state to resume"):
        load_state(tmp_path / "run", {"model": other}, {}, [])
    (tmp_path / "run" / TENSORS_FILE).unlink()
    with pytest.raises(CheckpointError):
        load_state(tmp_path / "run", {"model": run.model}, {}, [])


def test_schedule() -> None:
    config = TrainConfig(outline_stage=0, steps=100, decay_steps=20, warmup_steps=10)
    factors = [learning_rate_factor(step, config) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9:81] == [1.0] * 72
    assert factors[90] == pytest.approx(0.5)
    assert factors[99] == pytest.approx(0.05)


def test_each_stage_begins_the_average_anew() -> None:
    config = TrainConfig(outline_stage=10_000, average=0.99)
    shares = [average_share(step, config) for step in (0, 9_999, 10_000, 10_001, 20_000)]
    assert shares == pytest.approx([0.1, 0.99, 0.1, 2 / 11, 0.99])


def test_hidden_z_pays_nothing_for_z(corpus: Path, tmp_path: Path) -> None:
    run = trainer(corpus, tmp_path / "kl")
    batch = run.validation[0]
    run.model.eval()
    with torch.no_grad():
        terms = run.objective(batch)
        hidden = replace(terms, seen=torch.zeros_like(terms.seen))
        with_kl, without = (
            training_loss(t, 10, beta=1.0, free_bits=0.0, outline_weight=0.5)
            for t in (terms, hidden)
        )
    of_z = terms.kl.sum() + 0.5 * terms.outline.sum()
    torch.testing.assert_close(with_kl - without, of_z / 10)
    figures = {name: float(value) for name, value in report([terms]).items()}
    assert figures["elbo"] == pytest.approx(-(figures["recon"] + figures["kl"]))


def test_a_corpus_without_validation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        trainer(build(tmp_path / "c", n_songs=2), tmp_path / "run")
    assert Progress().step == 0


def test_the_adversary_learns_and_the_model_learns_to_confuse_it(
    corpus: Path, tmp_path: Path
) -> None:
    config = replace(CONFIG, steps=30, adversary_from=12, adversary_steps=1, confusion_weight=20.0)
    run = trainer(corpus, tmp_path / "run", config)
    batch = run.validation[0]
    torch.manual_seed(0)
    before = run.objective(batch)
    stop_at(run, 12)
    torch.manual_seed(0)
    taught = run.objective(batch)
    assert taught.adversary.sum() < before.adversary.sum()
    run = trainer(corpus, tmp_path / "run", replace(config, save_every=1000))
    run.run()
    torch.manual_seed(0)
    assert run.objective(batch).confusion.sum() < taught.confusion.sum()


def test_confusion_reaches_the_model_only_and_reading_the_adversary_only(
    corpus: Path, tmp_path: Path
) -> None:
    run = trainer(corpus, tmp_path / "run", replace(CONFIG, adversary_from=0))
    terms = run.objective(run.validation[0])
    terms.confusion.sum().backward(retain_graph=True)
    assert run.adversary is not None
    assert all(p.grad is None for p in run.adversary.parameters())
    reached = {name for name, p in run.model.named_parameters() if p.grad is not None}
    assert any("encoder" in name for name in reached)
    run.model.zero_grad(set_to_none=True)
    terms.adversary.sum().backward()
    assert all(p.grad is not None for p in run.adversary.parameters())
    assert all(p.grad is None for p in run.model.parameters())


def test_a_run_without_an_adversary_goes_on_with_one(corpus: Path, tmp_path: Path) -> None:
    stop_at(trainer(corpus, tmp_path / "run"), 3)
    run = trainer(corpus, tmp_path / "run", replace(CONFIG, adversary_from=3))
    assert run.progress.step == 3
    run.run()
    again = trainer(corpus, tmp_path / "run", replace(CONFIG, adversary_from=3))
    assert again.adversary is not None and run.adversary is not None
    for name, value in run.adversary.state_dict().items():
        assert torch.equal(value, again.adversary.state_dict()[name])


def test_a_new_run_starts_from_a_checkpoint(corpus: Path, tmp_path: Path) -> None:
    trainer(corpus, tmp_path / "run").run(tmp_path / "checkpoint")
    first = load_checkpoint(tmp_path / "checkpoint").model.state_dict()
    run = Trainer(
        corpus,
        tmp_path / "second",
        model_config=replace(TINY, d_ff=96),
        data_config=DataConfig(tokens_per_batch=600),
        config=CONFIG,
        log=lambda text: None,
        start_from=tmp_path / "checkpoint",
    )
    own = run.model.state_dict()
    for name, value in first.items():
        if value.shape == own[name].shape:
            assert torch.equal(value, own[name]), name
            assert torch.equal(value, run.average[name]), name
    with pytest.raises(CheckpointError, match="no weights to start from"):
        Trainer(
            corpus, tmp_path / "third", model_config=TINY, data_config=DataConfig(), config=CONFIG,
            log=lambda text: None, start_from=tmp_path / "nothing",
        )  # fmt: skip


def test_the_average_moves_weights_and_takes_counts_as_they_are() -> None:
    module = torch.nn.BatchNorm1d(2)
    average = {name: value.clone() for name, value in module.state_dict().items()}
    with torch.no_grad():
        module.weight.fill_(3.0)
        module.num_batches_tracked.fill_(5)
    move_average(average, module, 0.75)
    assert average["weight"].tolist() == [1.5, 1.5]
    assert average["bias"].tolist() == [0.0, 0.0]
    assert int(average["num_batches_tracked"]) == 5
