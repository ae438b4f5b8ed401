"""Weights on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from musicgen_vae.errors import CheckpointError
from musicgen_vae.model.checkpoint import (
    FLOW_FILE,
    INFO_FILE,
    WEIGHTS_FILE,
    load_checkpoint,
    save_checkpoint,
    save_flow,
)
from musicgen_vae.model.flow import FlowPrior
from musicgen_vae.model.vae import ConditionalVAE
from tests.model.test_flow import FLOW
from tests.model.test_vae import CONFIG, SPEC


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = ConditionalVAE(CONFIG, SPEC)
    save_checkpoint(tmp_path, CONFIG, SPEC, model.state_dict(), {"step": 3})
    return tmp_path


def test_a_flow_goes_with_its_model(folder: Path) -> None:
    model_hash = load_checkpoint(folder).hash
    assert load_checkpoint(folder).flow is None
    torch.manual_seed(1)
    flow = FlowPrior(FLOW, CONFIG)
    save_flow(folder, FLOW, flow, model_hash, {"steps": 1})
    loaded = load_checkpoint(folder).flow
    assert loaded is not None
    assert loaded.config == FLOW
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, flow.state_dict()[name].half().float())
    save_flow(folder, FLOW, flow, "another", {})
    with pytest.raises(CheckpointError, match="trained for the model another"):
        load_checkpoint(folder)
    assert load_checkpoint(folder, with_flow=False).flow is None
    (folder / FLOW_FILE).write_bytes(b"rubbish")
    with pytest.raises(CheckpointError, match="does not fit"):
        load_checkpoint(folder)


def test_round_trip_in_half_precision(folder: Path) -> None:
    torch.manual_seed(0)
    original = ConditionalVAE(CONFIG, SPEC)
    loaded = load_checkpoint(folder)
    assert loaded.training == {"step": 3}
    assert loaded.model.config == CONFIG
    assert loaded.model.spec == SPEC
    assert not loaded.model.training
    assert len(loaded.hash) == 12
    for name, value in loaded.model.state_dict().items():
        assert torch.equal(value, original.state_dict()[name].half().float())
    n_bytes = (folder / WEIGHTS_FILE).stat().st_size
    assert n_bytes < 2.2 * original.n_parameters + 20_000


def test_a_git_lfs_pointer_is_recognised(folder: Path) -> None:
    (folder / WEIGHTS_FILE).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(CheckpointError, match="git lfs pull"):
        load_checkpoint(folder)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint in"):
        load_checkpoint(tmp_path)


def test_another_format(folder: Path) -> None:
    info = json.loads((folder / INFO_FILE).read_text())
    (folder / INFO_FILE).write_text(json.dumps({**info, "format": 99}))
    with pytest.raises(CheckpointError, match="format 99"):
        load_checkpoint(folder)


def test_another_shape_is_said_in_one_line(folder: Path) -> None:
    info = json.loads((folder / INFO_FILE).read_text())
    info["config"]["d_ff"] = 48
    (folder / INFO_FILE).write_text(json.dumps(info))
    with pytest.raises(CheckpointError, match="does not fit") as caught:
        load_checkpoint(folder)
    assert "\n" not in str(caught.value)


def test_cut_weights(folder: Path) -> None:
    data = (folder / WEIGHTS_FILE).read_bytes()
    (folder / WEIGHTS_FILE).write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match="does not fit"):
        load_checkpoint(folder)
