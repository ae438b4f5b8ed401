"""Inference checkpoints: half-precision safetensors with a JSON file beside them.

Nothing is ever loaded by pickle. This module knows files; it does not know training state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from musicgen_vae.errors import CheckpointError
from musicgen_vae.model.config import ModelConfig
from musicgen_vae.model.controls import ControlSpec
from musicgen_vae.model.flow import FlowConfig, FlowPrior
from musicgen_vae.model.vae import ConditionalVAE

WEIGHTS_FILE = "model.safetensors"
FLOW_FILE = "flow.safetensors"
INFO_FILE = "model.json"
FORMAT = 3
_LFS_HEADER = b"version https://git-lfs"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A model ready for use.

    Attributes:
        model: in evaluation mode, single precision.
        hash: first 12 hexadecimal digits of the SHA-256 of the weights file.
        training: how it was trained, as recorded.
        flow: the sampling prior, where one was trained.
    """

    model: ConditionalVAE
    hash: str
    training: Mapping[str, Any]
    flow: FlowPrior | None = None


def save_checkpoint(
    folder: Path,
    config: ModelConfig,
    spec: ControlSpec,
    weights: Mapping[str, torch.Tensor],
    training: Mapping[str, Any],
) -> None:
    """Write weights in half precision and everything needed to rebuild the model."""
    folder.mkdir(parents=True, exist_ok=True)
    half = {
        name: tensor.detach().to(torch.float16).contiguous() for name, tensor in weights.items()
    }
    save_file(half, folder / WEIGHTS_FILE)
    info = {
        "format": FORMAT,
        "config": config.to_dict(),
        "controls": spec.to_dict(),
        "training": dict(training),
    }
    text = json.dumps(info, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / INFO_FILE).write_text(text + "\n", encoding="utf-8")


def save_flow(
    folder: Path, config: FlowConfig, flow: FlowPrior, model_hash: str, training: Mapping[str, Any]
) -> None:
    """Write a flow beside the model whose z it was trained on.

    Args:
        folder: of the checkpoint.
        config: sizes of the flow.
        flow: in any precision; half precision is written.
        model_hash: of that model; another model's z would be noise to it.
        training: how it was trained.
    """
    half = {
        name: t.detach().to(torch.float16).contiguous() for name, t in flow.state_dict().items()
    }
    info = {
        "format": FORMAT,
        "config": config.to_dict(),
        "model": model_hash,
        "training": dict(training),
    }
    metadata = {"info": json.dumps(info, sort_keys=True)}
    save_file(half, folder / FLOW_FILE, metadata=metadata)


def copy_weights(folder: Path, model: ConditionalVAE) -> float:
    """Start ``model`` from a checkpoint: every tensor of the same name and shape is copied.

    What has another shape (the embedding of other styles, say) stays as it is.

    Returns:
        Share of the model's numbers that were copied, 0 to 1.

    Raises:
        CheckpointError: if the weights cannot be read.
    """
    try:
        weights = load_file(folder / WEIGHTS_FILE)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"no weights to start from in {folder}: {error}") from error
    own = model.state_dict()
    fitting = {
        name: tensor.float()
        for name, tensor in weights.items()
        if name in own and own[name].shape == tensor.shape
    }
    model.load_state_dict(fitting, strict=False)
    n_copied, n_all = (sum(t.numel() for t in some.values()) for some in (fitting, own))
    return float(n_copied / n_all)


def _load_flow(folder: Path, model: ConditionalVAE, model_hash: str) -> FlowPrior | None:
    """The flow beside a model; None where there is none.

    Raises:
        CheckpointError: if it belongs to another model or cannot be read.
    """
    path = folder / FLOW_FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            info = json.loads(file.metadata()["info"])
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        flow = FlowPrior(FlowConfig.from_dict(info["config"]), model.config)
        flow.load_state_dict(weights)
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path} does not fit this program: {reason}") from error
    if info["model"] != model_hash:
        raise CheckpointError(
            f"{path} was trained for the model {info['model']}, not for {model_hash} beside it: "
            "train it again with python -m musicgen_vae train-flow, or remove it"
        )
    return flow


def load_checkpoint(
    folder: Path, device: torch.device | str = "cpu", *, with_flow: bool = True
) -> Checkpoint:
    """Read a checkpoint, by default with the flow that lies beside it.

    Raises:
        CheckpointError: if a file is missing, a Git-LFS pointer, or of another shape or format.
    """
    weights_path = folder / WEIGHTS_FILE
    try:
        data = weights_path.read_bytes()
        info = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"no checkpoint in {folder}: {error}") from error
    if data.startswith(_LFS_HEADER):
        raise CheckpointError(
            f"{weights_path} is a Git-LFS pointer, not the weights: run 'git lfs install' and "
            "'git lfs pull', or download the file itself"
        )
    if info.get("format") != FORMAT:
        raise CheckpointError(
            f"{folder} has checkpoint format {info.get('format')}; this program reads {FORMAT}"
        )
    try:
        config = ModelConfig.from_dict(info["config"])
        spec = ControlSpec.from_dict(info["controls"])
        weights = load_file(weights_path)
        model = ConditionalVAE(config, spec)
        model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    except (SafetensorError, RuntimeError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(
            f"the checkpoint in {folder} does not fit this program: {reason}"
        ) from error
    model_hash = hashlib.sha256(data).hexdigest()[:12]
    flow = _load_flow(folder, model, model_hash) if with_flow else None
    return Checkpoint(
        model=model.eval().to(device),
        hash=model_hash,
        training=info["training"],
        flow=None if flow is None else flow.eval().to(device),
    )
