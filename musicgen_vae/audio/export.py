"""Samples to audio files: formats, and what a file says about its music.

This module knows file formats; it does not know what is in the sound.
"""

from __future__ import annotations

import json
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from musicgen_vae import __version__
from musicgen_vae.audio.loudness import TARGET_LUFS, Level, Meter
from musicgen_vae.errors import InputError

Samples = NDArray[np.float32]

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
"""File name extension: libsndfile's container and encoding."""
_LONGEST_TITLE = 200
_BLOCK = 65_536
_IN_MEMORY_BYTES = 64 << 20
"""Of a sound that waits for its gain: three minutes in stereo. Longer ones wait on disk."""


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
        """Seed, parameters and checkpoint as one JSON object, of those that there are."""
        said = {
            "seed": self.seed,
            "checkpoint": self.checkpoint or None,
            "parameters": dict(self.parameters) or None,
        }
        return json.dumps({name: value for name, value in said.items() if value is not None})


def check_format(path: Path) -> None:
    """Refuse a file name that does not say one of ``FORMATS``.

    Raises:
        InputError: if the extension is another.
    """
    if path.suffix.lower() not in FORMATS:
        raise InputError(
            f"cannot write {path.name!r} as audio: end the name in {', '.join(FORMATS)}"
        )


def write_audio(
    path: Path,
    chunks: Iterable[Samples],
    sample_rate: int,
    *,
    target: float = TARGET_LUFS,
    tags: Tags | None = None,
    compression: float | None = None,
) -> Level:
    """Write a stereo sound, in the format that the extension of ``path`` names.

    The gain is known only when all has been heard, so chunks wait in memory or, where they are
    many, in a temporary file: a sound of any length takes no more than 64 MB.

    Args:
        path: a file name ending in one of ``FORMATS``, in a folder that exists.
        chunks: the sound in order, each of shape (n, 2).
        sample_rate: samples per second and channel.
        target: loudness in LUFS; see ``Level.gain``.
        tags: what the file says about itself; None for a file that says nothing.
        compression: of MP3 and OGG, 0 (large, best) to 1 (small); None for the encoder's own.

    Returns:
        How loud it is in the file, but for what encoding and rounding change.

    Raises:
        InputError: if the extension is another.
    """
    check_format(path)
    meter = Meter(sample_rate)
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as waiting:
        for chunk in chunks:
            meter.feed(chunk)
            waiting.write(np.ascontiguousarray(chunk, np.float32).tobytes())
        waiting.seek(0)
        level = meter.level()
        gain = level.gain(target)
        with _opened(path, sample_rate, tags, compression) as file:
            for block in _blocks(waiting):
                file.write(block * np.float32(gain))
    return level.times(gain)


def _opened(
    path: Path, sample_rate: int, tags: Tags | None, compression: float | None
) -> soundfile.SoundFile:
    extension = path.suffix.lower()
    container, encoding = FORMATS[extension]
    file = soundfile.SoundFile(
        path,
        "w",
        sample_rate,
        2,
        format=container,
        subtype=encoding,
        compression_level=compression,
    )
    if tags is not None:
        title = _printable(tags.title)
        if title:  # libsndfile takes no empty string
            file.title = _ascii(title) if extension == ".mp3" else title
        file.comment = tags.comment()
        file.software = f"MusicGen-VAE {__version__}"
    return file


def _blocks(waiting: IO[bytes]) -> Iterator[Samples]:
    """Stereo samples in short blocks: libsndfile's Vorbis encoder overflows on one long write."""
    while data := waiting.read(8 * _BLOCK):
        yield np.frombuffer(data, np.float32).reshape(-1, 2)


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).strip()[:_LONGEST_TITLE]


def _ascii(text: str) -> str:
    """``text`` without accents: libsndfile labels its MP3 tags as Latin-1 but writes UTF-8."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c if c.isascii() else "?" for c in plain if not unicodedata.combining(c))
