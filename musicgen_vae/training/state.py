"""A training run on disk: everything needed to go on with the same next batch, without pickle.

``state.safetensors`` holds weights, their moving average and the optimisers' tensors;
``state.json`` the counters and numbers. Both are written beside the old ones and then renamed, so a
cut leaves a whole state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from musicgen_vae.errors import CheckpointError

TENSORS_FILE = "state.safetensors"
NUMBERS_FILE = "state.json"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: optimiser steps taken.
        epoch, batch: the next batch.
        n_tokens, n_clips: seen so far.
        seconds: spent in training steps so far.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    n_tokens: int = 0
    n_clips: int = 0
    seconds: float = 0.0


def save_state(
    folder: Path,
    modules: Mapping[str, nn.Module],
    average: Mapping[str, Tensor],
    optimisers: Sequence[torch.optim.Optimizer],
    progress: Progress,
) -> None:
    """Write the run's state under ``folder``; ``modules`` are the networks by name."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{name}/{k}": v for name, module in modules.items() for k, v in module.state_dict().items()
    }
    tensors.update({f"average/{k}": v for k, v in average.items()})
    for index, optimiser in enumerate(optimisers):
        for parameter, values in optimiser.state_dict()["state"].items():
            for name, value in values.items():
                tensors[f"optimiser{index}/{parameter}/{name}"] = torch.as_tensor(value)
    new = folder / (TENSORS_FILE + ".new")
    save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()}, new)
    numbers = folder / (NUMBERS_FILE + ".new")
    numbers.write_text(json.dumps(asdict(progress)) + "\n", encoding="utf-8")
    new.replace(folder / TENSORS_FILE)
    numbers.replace(folder / NUMBERS_FILE)


def load_state(
    folder: Path,
    modules: Mapping[str, nn.Module],
    average: dict[str, Tensor],
    optimisers: Sequence[torch.optim.Optimizer],
) -> Progress:
    """Restore what ``save_state`` wrote, in place; a network that it did not have starts afresh.

    Raises:
        CheckpointError: if the state is missing or of another model.
    """
    try:
        tensors = load_file(folder / TENSORS_FILE)
        progress = Progress(**json.loads((folder / NUMBERS_FILE).read_text(encoding="utf-8")))
        for network, module in modules.items():
            start = f"{network}/"
            weights = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
            if weights:
                module.load_state_dict(weights)
        for name in average:
            average[name].copy_(tensors[f"average/{name}"])
        for index, optimiser in enumerate(optimisers):
            state: dict[int, dict[str, Any]] = {}
            prefix = f"optimiser{index}/"
            for key, value in tensors.items():
                if key.startswith(prefix):
                    parameter, name = key.removeprefix(prefix).split("/")
                    state.setdefault(int(parameter), {})[name] = value
            optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"no training state to resume in {folder}: {error}") from error
    return progress
