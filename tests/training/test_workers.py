"""Several processes train one model, as torchrun starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from musicgen_vae.corpus.shards import load_info, load_shard
from musicgen_vae.training.data import BatchStream, DataConfig
from musicgen_vae.training.loop import spec_from_corpus
from musicgen_vae.training.workers import Workers, join_workers
from tests.training.corpora import TINY, build


def test_alone_without_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    module = torch.nn.Linear(2, 2)
    with join_workers() as workers:
        assert (workers.rank, workers.n) == (0, 1)
        assert workers.share(module) is module
    assert isinstance(Workers().bfloat16, bool)


def test_ranks_share_the_batches(tmp_path: Path) -> None:
    corpus = build(tmp_path)
    pieces, info = load_info(corpus)
    shard = load_shard(corpus / "train.safetensors")
    config = DataConfig(tokens_per_batch=300)
    spec = spec_from_corpus(info, config)

    def taken(rank: int, n_ranks: int, n: int) -> list[tuple[int, int]]:
        stream = BatchStream(
            shard=shard, pieces=pieces, spec=spec, config=config, seed=1, rank=rank, n_ranks=n_ranks
        )
        return [(epoch, index) for epoch, index, _ in islice(stream, n)]

    alone = [place for place in taken(0, 1, 12) if place[0] == 0]
    both = [taken(rank, 2, 6) for rank in range(2)]
    # Side by side they are in the same epoch, one batch apart, and leave out an odd last one only.
    for a, b in zip(*both, strict=True):
        assert a[0] == b[0]
        assert b[1] == a[1] + 1
    first_epoch = {place for ranks in both for place in ranks if place[0] == 0}
    assert first_epoch <= set(alone)
    assert len(alone) - len(first_epoch) in (0, 1)


@pytest.mark.slow
def test_two_gloo_processes_train_and_go_on(tmp_path: Path) -> None:
    corpus = build(tmp_path / "corpus")
    sizes = json.dumps(replace(TINY).to_dict())

    def train(steps: int) -> str:
        command = [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            "-m", "musicgen_vae", "train", "--corpus", str(corpus), "--state",
            str(tmp_path / "state"), "--out", str(tmp_path / "out"), "--steps", str(steps),
            "--decay-steps", "2", "--outline-stage", "2", "--save-every", "2",
            "--tokens-per-batch", "400", "--model", sizes,
        ]  # fmt: skip
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(train(4))["checkpoint"] == str(tmp_path / "out")
    train(6)
    lines = [json.loads(x) for x in (tmp_path / "state" / "log.jsonl").read_text().splitlines()]
    ends = [line for line in lines if line["kind"] == "validation"]
    assert [line["step"] for line in ends] == [4, 6]  # one process alone writes
    assert all(np.isfinite(line["elbo"]) for line in ends)
    progress = json.loads((tmp_path / "state" / "state.json").read_text())
    assert progress["step"] == 6
