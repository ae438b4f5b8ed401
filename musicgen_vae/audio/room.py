"""A small room: convolution with one response of early and late reflections, block by block."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import signal
from torch import Tensor

LEVEL_DB = -20.0
"""Energy of the room's answer against the direct sound of a role sent in full."""


def room_response(sample_rate: int) -> NDArray[np.float32]:
    """Impulse response to the left and the right, shape (2, n), n about 1.1 s.

    Seeded noise that differs between the sides, decaying by 60 dB in 1.1 s, the treble sooner; of
    unit energy on each side.
    """
    random = np.random.default_rng(0)
    t = np.arange(round(1.1 * sample_rate)) / sample_rate
    noise = random.standard_normal((2, len(t)))
    band = signal.butter(1, (150, 1_800), "bandpass", fs=sample_rate, output="sos")
    response = signal.sosfilt(band, noise) * np.exp(-6.9 * t / 1.1)
    response += 0.1 * noise * np.exp(-6.9 * t / 0.4)
    response *= 1 - np.exp(-t / 0.006)
    response = np.pad(response, ((0, 0), (round(0.012 * sample_rate), 0)))  # nearest wall
    energy = np.sqrt((response**2).sum(axis=1, keepdims=True))
    return np.asarray(response / energy, dtype=np.float32)


class Room:
    """Answers blocks of sound of one size, one after another; a fresh ``tail`` begins a piece.

    Args:
        sample_rate: samples per second.
        block: samples in a block, at least as many as the response has.
        device: where the answers are computed.
    """

    def __init__(self, sample_rate: int, block: int, device: torch.device) -> None:
        response = torch.from_numpy(room_response(sample_rate)).to(device)
        if response.shape[1] > block:
            raise ValueError(f"blocks of {block} are shorter than the room's {response.shape[1]}")
        self.block = block
        self._spectrum = 10 ** (LEVEL_DB / 20) * torch.fft.rfft(response, n=2 * block)

    def answer(self, sent: Tensor, tail: Tensor | None) -> tuple[Tensor, Tensor]:
        """What comes back during a block, shape (2, block), and after it, as the next ``tail``.

        Args:
            sent: shape (block,).
            tail: what the blocks before left over, shape (2, block); None at the start.
        """
        wet = torch.fft.irfft(torch.fft.rfft(sent, n=2 * self.block) * self._spectrum)
        now = wet[:, : self.block]
        return (now if tail is None else now + tail), wet[:, self.block :]
