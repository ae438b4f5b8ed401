"""The package riffly (a convolutional VAE of piano rolls) on the melodies, trained by our loop.

riffly (MIT, optional: ``pip install riffly``) sees binary rolls on sixteenths and does not tell a
held note from a repeated one. Its own classes and loss are used; melodies in 4/4 only. Its figures
stand beside ours on the same melodies alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from musicgen_vae.errors import ControlError
from musicgen_vae.music.clip import DURATIONS, Clip, Meter, Note, Role, longest_duration, tidy
from musicgen_vae.music.tokens import STEP_HELD, Field
from musicgen_vae.training.augment import DURATION_STEPS
from musicgen_vae.training.data import Batch

COLUMNS = 64
LOWEST, ROWS = 48, 48
_STEPS = 3


def melody_roll(clip: Clip) -> NDArray[np.float32]:
    """Which pitches of the melody sound on which sixteenth, shape (48, 64); octaves folded in."""
    roll = np.zeros((ROWS, COLUMNS), dtype=np.float32)
    for note in clip.keep([Role.MELODY]).notes:
        begin = round(note.start / _STEPS)
        end = max(begin + 1, round(note.end / _STEPS))
        roll[_row(note.pitch), begin:end] = 1.0
    return roll


def _row(pitch: int) -> int:
    row = pitch - LOWEST
    while not 0 <= row < ROWS:
        row += 12 if row < 0 else -12
    return row


def roll_to_clip(roll: NDArray[np.float32], template: Clip) -> Clip:
    """The melody of a roll of probabilities: every run above one half is a note."""
    on = roll > 0.5
    notes = []
    for row in range(ROWS):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], on[row].astype(np.int8), [0]])))
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            notes.append(
                Note(
                    start=begin * _STEPS,
                    role=Role.MELODY,
                    pitch=LOWEST + row,
                    duration=longest_duration(min((end - begin) * _STEPS, DURATIONS[-1])),
                )
            )
    return replace(template, notes=tidy(notes))


def fits(clip: Clip) -> bool:
    """Whether riffly can read the clip: four bars of 4/4 with a melody."""
    return clip.meter == Meter() and clip.n_bars == 4 and Role.MELODY in clip.roles


class RifflyMelodies(nn.Module):
    """riffly's ``ConvVAE`` behind the interface of the other peers."""

    def __init__(self, base_channels: int = 32) -> None:
        """Make it.

        Raises:
            ControlError: if the package is not installed.
        """
        super().__init__()
        try:
            from riffly.models import ConvVAE
            from riffly.utils.losses import vae_loss
        except ImportError as error:
            raise ControlError("riffly is not installed: pip install riffly") from error
        self.model: Any = ConvVAE(columns=COLUMNS, rows=ROWS, base_channels=base_channels)
        self.vae_loss: Any = vae_loss

    @property
    def n_parameters(self) -> int:
        """Trainable numbers."""
        return sum(p.numel() for p in self.parameters())

    def loss(self, batch: Batch, share: float) -> Tensor:
        """Riffly's loss of the batch's melodies in 4/4, per clip; zero where there is none."""
        rolls = batch_rolls(batch)
        if not len(rolls):
            return torch.zeros((), requires_grad=True)
        x = torch.from_numpy(rolls.reshape(len(rolls), -1))
        made, mu, logvar = self.model(x)
        loss: Tensor = self.vae_loss(made, x, mu, logvar) / len(rolls)
        return loss

    @torch.inference_mode()
    def reconstruct(self, clips: Sequence[Clip]) -> list[Clip]:
        """Each clip's melody from the posterior's mean."""
        x = torch.from_numpy(np.stack([melody_roll(clip).ravel() for clip in clips]))
        mu, _ = self.model.encode(x)
        made = self.model.decode(mu).numpy().reshape(-1, ROWS, COLUMNS)
        return [roll_to_clip(roll, clip) for roll, clip in zip(made, clips, strict=True)]

    @torch.inference_mode()
    def sample(self, n: int, seed: int = 0) -> list[Clip]:
        """Melodies from z of N(0, 1)."""
        generator = torch.Generator().manual_seed(seed)
        width = self.model.encode(torch.zeros(1, ROWS * COLUMNS))[0].shape[1]
        made = self.model.decode(torch.randn(n, width, generator=generator))
        return [roll_to_clip(r, Clip()) for r in made.numpy().reshape(-1, ROWS, COLUMNS)]


def batch_rolls(batch: Batch) -> NDArray[np.float32]:
    """Rolls of the melodies of a batch in 4/4, shape (n, 48, 64)."""
    if int(batch.asked.bar_steps[0]) != Meter().steps:
        return np.zeros((0, ROWS, COLUMNS), dtype=np.float32)
    tokens, mask = batch.rows.tokens.numpy(), batch.rows.mask.numpy()
    rolls = []
    for rows, real in zip(tokens, mask, strict=True):
        melody = rows[real & (rows[:, Field.ROLE] == Role.MELODY)]
        roll = np.zeros((ROWS, COLUMNS), dtype=np.float32)
        for step, _, pitch, duration, _, bar in melody.tolist():
            start = bar * Meter().steps + (0 if step == STEP_HELD else step)
            begin = round(start / _STEPS)
            end = max(begin + 1, round((start + int(DURATION_STEPS[duration])) / _STEPS))
            roll[_row(pitch), begin:end] = 1.0
        if len(melody):
            rolls.append(roll)
    return np.stack(rolls) if rolls else np.zeros((0, ROWS, COLUMNS), dtype=np.float32)
