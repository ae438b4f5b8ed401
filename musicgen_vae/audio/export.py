"""Samples to audio files: loudness, formats, and what is written beside the sound.

This module knows file formats and how loud music should be; it does not know what is in the sound.
Loudness is that of ITU-R BS.1770-4, measured by pyloudnorm.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import soundfile
from numpy.typing import NDArray

from musicgen_vae import __version__
from musicgen_vae.errors import InputError

Samples = NDArray[np.float32]

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
"""File name extension: libsndfile's container and encoding."""
TARGET_LUFS = -16.0
"""Loudness of what people hear, as streaming services ask for."""
CEILING = 10 ** (-1 / 20)
"""Largest absolute sample, 1 dB under full scale: lossy formats then do not clip either."""
_GATE_LUFS = -70.0
"""What is softer than this is silence to BS.1770."""
_SHORTEST_S = 0.4
_BLOCK = 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class Tags:
    """What a sound file says about itself.

    Attributes:
        title: plain text.
        seed: from which the music was drawn.
        parameters: what was asked for, as plain values.
        checkpoint: hash of the weights.
    """

    title: str = ""
    seed: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: str = ""

    def comment(self) -> str:
        """Seed, parameters and checkpoint as one JSON object."""
        said = {"seed": self.seed, "checkpoint": self.checkpoint, "parameters": self.parameters}
        return json.dumps({name: value for name, value in said.items() if value not in (None, "")})


def loudness(samples: Samples, sample_rate: int) -> float | None:
    """Integrated loudness in LUFS; None for silence and for less than 0.4 s.

    Args:
        samples: shape (n,) or (n, 2).
        sample_rate: samples per second and channel.
    """
    if len(samples) <= _SHORTEST_S * sample_rate or not samples.any():
        return None
    with np.errstate(divide="ignore"):
        measured = float(pyloudnorm.Meter(sample_rate).integrated_loudness(samples))
    return measured if measured > _GATE_LUFS else None


def to_loudness(samples: Samples, sample_rate: int, target: float = TARGET_LUFS) -> Samples:
    """``samples`` at ``target`` LUFS, or as near to it as ``CEILING`` lets them be.

    One gain holds throughout, so the dynamics stay. Silence and very short sounds are only kept
    under the ceiling.
    """
    measured = loudness(samples, sample_rate)
    gain = 1.0 if measured is None else 10 ** ((target - measured) / 20)
    peak = float(np.abs(samples).max(initial=0.0))
    if peak * gain > CEILING:
        gain = CEILING / peak
    return np.asarray(samples * np.float32(gain), dtype=np.float32)


def match_loudness(a: Samples, b: Samples, sample_rate: int) -> tuple[Samples, Samples]:
    """Two sounds to be compared, both as loud as the one that can be made less loud.

    What one cannot reach under the ceiling, the other does without: nobody prefers the louder.
    """
    pair = [to_loudness(samples, sample_rate) for samples in (a, b)]
    reached = [value for s in pair if (value := loudness(s, sample_rate)) is not None]
    lower = min(reached, default=TARGET_LUFS)
    return to_loudness(a, sample_rate, lower), to_loudness(b, sample_rate, lower)


def write_audio(
    path: str | Path,
    samples: Samples,
    sample_rate: int,
    tags: Tags | None = None,
    *,
    compression: float | None = None,
) -> Path:
    """Write samples as the format that the extension of ``path`` names; returns the path.

    Args:
        path: a file name ending in one of ``FORMATS``, in a folder that exists.
        samples: shape (n,) for mono or (n, channels), in [-1, 1]; beyond that it is clipped.
        sample_rate: samples per second and channel.
        tags: what the file says about itself; None for a file that says nothing.
        compression: of MP3 and OGG, 0 (large, best) to 1 (small); None for the encoder's own.

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
        path,
        "w",
        sample_rate,
        channels,
        format=container,
        subtype=encoding,
        compression_level=compression,
    ) as file:
        if tags is not None:
            file.title = _ascii(tags.title) if extension == ".mp3" else tags.title
            file.comment = tags.comment()
            file.software = f"MusicGen-VAE {__version__}"
        # In blocks: libsndfile's Vorbis encoder overflows its stack on one long write.
        for start in range(0, len(samples), _BLOCK):
            file.write(samples[start : start + _BLOCK])
    return path


def _ascii(text: str) -> str:
    """``text`` without accents: libsndfile labels its MP3 tags as Latin-1 but writes UTF-8."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c if c.isascii() else "?" for c in plain if not unicodedata.combining(c))
