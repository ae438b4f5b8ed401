"""Samples to audio files. This module knows file formats; it does not know what is in the sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from musicgen_vae.errors import InputError

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
"""File name extension: libsndfile's container and encoding."""
_BLOCK = 65_536


def write_audio(path: str | Path, samples: NDArray[np.float32], sample_rate: int) -> Path:
    """Write samples as the format that the extension of ``path`` names; returns the path.

    Args:
        path: a file name ending in one of ``FORMATS``, in a folder that exists.
        samples: shape (n,) for mono or (n, channels), in [-1, 1]; beyond that it is clipped.
        sample_rate: samples per second and channel.

    Raises:
        InputError: if the extension is another.
    """
    path = Path(path)
    extension = path.suffix.lower()
    if extension not in FORMATS:
        raise InputError(
            f"cannot write {path.name!r} as audio: end the name in {', '.join(FORMATS)}"
        )
    container, encoding = FORMATS[extension]
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(
        path, "w", sample_rate, channels, format=container, subtype=encoding
    ) as file:
        # In blocks: libsndfile's Vorbis encoder overflows its stack on one long write.
        for start in range(0, len(samples), _BLOCK):
            file.write(samples[start : start + _BLOCK])
    return path
