from __future__ import annotations

import numpy as np
import pytest
import torch

from musicgen_vae.audio.room import LEVEL_DB, Room, room_response

RATE, BLOCK = 44_100, 65_536


def test_the_response_is_even_dies_away_and_differs_between_the_sides():
    response = room_response(RATE)
    assert (response**2).sum(axis=1) == pytest.approx([1, 1])
    early, late = (response[:, : RATE // 4] ** 2).sum(), (response[:, RATE // 2 :] ** 2).sum()
    assert late < 0.01 * early
    assert abs(np.corrcoef(response)[0, 1]) < 0.2
    assert np.array_equal(response, room_response(RATE))


def test_block_by_block_it_is_one_convolution():
    rng = np.random.default_rng(0)
    sent = np.zeros(3 * BLOCK, np.float32)
    sent[rng.integers(0, 2 * BLOCK, 5)] = 1
    room, tail, parts = Room(RATE, BLOCK, torch.device("cpu")), None, []
    for start in range(0, 3 * BLOCK, BLOCK):
        wet, tail = room.answer(torch.from_numpy(sent[start : start + BLOCK]), tail)
        parts.append(wet.numpy())
    gain = 10 ** (LEVEL_DB / 20)
    response = gain * room_response(RATE)
    wanted = np.stack([np.convolve(sent, side)[: 3 * BLOCK] for side in response])
    assert np.abs(np.concatenate(parts, axis=1) - wanted).max() < 1e-6


def test_blocks_shorter_than_the_room_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        Room(RATE, 1_000, torch.device("cpu"))
