"""A language model of the same size without z: the same decoder, deeper, with controls alone.

It serves two purposes: its samples stand beside ours, and its surprise judges how natural notes are
(the cost of morphs), independently of any z.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from musicgen_vae.errors import CheckpointError
from musicgen_vae.generation.conditions import asked_condition
from musicgen_vae.generation.decoding import DecodeItem, DecodeOptions, decode
from musicgen_vae.model.config import ModelConfig
from musicgen_vae.model.controls import Controls, ControlSpec
from musicgen_vae.model.losses import field_losses
from musicgen_vae.model.vae import Condition, ControlNetwork, Decoder, Rows
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip
from musicgen_vae.music.tokens import clip_to_tokens, tokens_to_notes
from musicgen_vae.training.data import Batch

WEIGHTS_FILE = "language_model.safetensors"
INFO_FILE = "language_model.json"
_CHUNK = 32


def language_model_config(config: ModelConfig) -> ModelConfig:
    """Sizes that give the decoder the layers of the encoder, and one for its other parts."""
    layers = config.n_decoder_layers + config.n_encoder_layers + 1
    return replace(config, n_decoder_layers=layers)


class LanguageModel(nn.Module):
    """p(x|c): rows one by one, each given those before it and the controls."""

    def __init__(self, config: ModelConfig, spec: ControlSpec) -> None:
        """Make it as deep as ``config`` says; see ``language_model_config``."""
        super().__init__()
        self.config, self.spec = config, spec
        self.control = ControlNetwork(config.d_model, spec)
        self.decoder = Decoder(config)

    @property
    def n_parameters(self) -> int:
        """Trainable numbers that a note's probability depends on."""
        unused = sum(p.numel() for p in self.decoder.outline.parameters())
        return sum(p.numel() for p in self.parameters()) - unused

    def nats(self, rows: Rows, condition: Condition, unknown: Tensor | None = None) -> Any:
        """``FieldLosses`` of all rows, teacher-forced."""
        n = len(condition)
        z = self.decoder.null_z.expand(n, BARS_PER_CLIP, -1)
        none = Rows.none(n, z.device)
        prefix = self.decoder.prefix(z, self.control(condition), none, condition.bar_steps)
        logits, target, clip = self.decoder(prefix, rows, condition.bar_steps, unknown)
        return field_losses(logits, target, clip, n)

    def loss(self, batch: Batch, share: float) -> Tensor:
        """Weighted reconstruction of a batch without kept notes, in nats per token row."""
        losses = self.nats(batch.hidden, batch.asked, batch.unknown)
        total: Tensor = losses.weighted().sum() / max(1, batch.n_tokens)
        return total

    @torch.inference_mode()
    def cost(self, clips: Sequence[Clip]) -> NDArray[np.float64]:
        """Nats per note of each clip, velocity left out, the meter alone known; shape (n,)."""
        result: list[float] = []
        for begin in range(0, len(clips), _CHUNK):
            chunk = [clip.keep(self.spec.roles) for clip in clips[begin : begin + _CHUNK]]
            condition = asked_condition(
                [Controls()] * len(chunk), self.spec, [clip.meter for clip in chunk]
            )
            rows = Rows.pad([clip_to_tokens(clip) for clip in chunk])
            nats = self.nats(rows, condition).nats
            without_velocity = torch.stack(list(nats.values())[:-1]).sum(0)
            counts = [max(1, len(clip.notes)) for clip in chunk]
            result += (without_velocity / torch.tensor(counts)).tolist()
        return np.array(result)

    @torch.inference_mode()
    def sample_each(self, controls: Sequence[Controls], seeds: Sequence[int]) -> list[Clip]:
        """One clip for each of the controls asked."""
        templates = [Clip(meter=one.meter or Clip().meter) for one in controls]
        condition = asked_condition(controls, self.spec, [t.meter for t in templates])
        control = self.control(condition)
        items = [
            DecodeItem(
                z=self.decoder.null_z.expand(BARS_PER_CLIP, -1),
                control=control[i],
                kept=np.zeros((0, 6), dtype=np.int16),
                kept_roles=(0,) * BARS_PER_CLIP,
                roles=sum(1 << role for role in self.spec.roles),
                bar_steps=template.meter.steps,
                n_bars=BARS_PER_CLIP,
                generator=torch.Generator().manual_seed(seed),
            )
            for i, (template, seed) in enumerate(zip(templates, seeds, strict=True))
        ]
        made = decode(self.decoder, items, DecodeOptions())
        return [
            replace(template, notes=tokens_to_notes(rows, template.meter.steps))
            for template, rows in zip(templates, made, strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Write weights and sizes."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({n: t.contiguous() for n, t in self.state_dict().items()}, folder / WEIGHTS_FILE)
        info = {"config": self.config.to_dict(), "controls": self.spec.to_dict()}
        (folder / INFO_FILE).write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> LanguageModel:
        """What ``save`` wrote, in evaluation mode; raises ``CheckpointError``."""
        try:
            info = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))
            model = cls(
                ModelConfig.from_dict(info["config"]), ControlSpec.from_dict(info["controls"])
            )
            model.load_state_dict(load_file(folder / WEIGHTS_FILE))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(f"no language model in {folder}: {reason}") from error
        return model.eval()
