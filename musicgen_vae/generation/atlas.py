"""The map: clips whose z has been laid out in the plane by t-SNE.

An atlas on disk is a folder with the clips' tokens (``clips.npz``, compressed), their titles and
sources (``corpus.json``) and what a model made of them (``points.safetensors``: their places in the
plane and the checkpoint's hash). t-SNE after van der Maaten and Hinton, JMLR 2008, as in
scikit-learn. This module knows no page and no plotting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from musicgen_vae.corpus.shards import (
    PieceInfo,
    Shard,
    load_info,
    save_info,
    shard_from_windows,
)
from musicgen_vae.errors import CheckpointError, ControlError, CorpusError
from musicgen_vae.music.attributes import ORDINAL, clip_repetition, measure
from musicgen_vae.music.clip import Clip, Mode
from musicgen_vae.music.emotion import estimate_emotion
from musicgen_vae.music.novelty import NoteSet, nearest, note_set
from musicgen_vae.music.tokens import clip_to_tokens

if TYPE_CHECKING:
    from musicgen_vae.generation.composer import Composer

ATLAS_FOLDER = Path(__file__).resolve().parents[2] / "assets" / "map"
CLIPS_FILE = "clips.npz"
POINTS_FILE = "points.safetensors"


N_NEIGHBOURS = 8
"""Clips of the map by which new music is placed."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where new music lies on a map.

    Attributes:
        neighbours: clips nearest in latent space, the nearest first.
        distances: Euclidean, in latent space.
        weights: share of each in the place; they sum to 1.
        places: x and y by the name of the layout.
    """

    neighbours: tuple[int, ...]
    distances: tuple[float, ...]
    weights: tuple[float, ...]
    places: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Atlas:
    """Clips with their places in the plane; n clips.

    Attributes:
        shard: the clips.
        pieces: title, source, licence and style of clip i.
        xy: places in the plane by t-SNE, shape (n, 2), each axis within -1 to 1.
        checkpoint: hash of the checkpoint that encoded them.
        pca: the same by principal components; None in atlases of old.
        z: posterior means, shape (n, 4 x D); None in atlases of old.
        trust: trustworthiness of both layouts by name, 0 to 1 (Venna and Kaski 2001).
    """

    shard: Shard
    pieces: tuple[PieceInfo, ...]
    xy: NDArray[np.float32]
    checkpoint: str
    pca: NDArray[np.float32] | None = None
    z: NDArray[np.float32] | None = None
    trust: Mapping[str, float] = field(default_factory=dict)

    @property
    def layouts(self) -> dict[str, NDArray[np.float32]]:
        """Places in the plane by the name of the layout."""
        return {"tsne": self.xy} | ({} if self.pca is None else {"pca": self.pca})

    def place(self, z: NDArray[np.float32]) -> Placement:
        """Where new music lies, by its neighbours in latent space.

        Its place is the mean of theirs, weighted by a Gaussian kernel whose width is the distance
        to the nearest: what lies far from everything is put amidst its neighbours.

        Args:
            z: posterior mean, shape (4, D) or (4 x D,).

        Raises:
            CorpusError: if the atlas has no z.
        """
        if self.z is None:
            raise CorpusError("this map was encoded without latent vectors: run make assets")
        distances = np.linalg.norm(self.z - z.reshape(1, -1), axis=1)
        order = np.argsort(distances, kind="stable")[:N_NEIGHBOURS]
        near = distances[order]
        weights = np.exp(-0.5 * (near / max(float(near[0]), 1e-6)) ** 2)
        weights /= weights.sum()
        return Placement(
            neighbours=tuple(int(i) for i in order),
            distances=tuple(float(d) for d in near),
            weights=tuple(float(w) for w in weights),
            places={
                name: (float(x), float(y))
                for name, xy in self.layouts.items()
                for x, y in [weights @ xy[order]]
            },
        )

    @cached_property
    def _note_sets(self) -> list[NoteSet]:
        return [note_set(self.shard.clip(i)) for i in range(len(self))]

    def nearest_notes(self, clip: Clip) -> tuple[int, float]:
        """Index of the clip whose notes are most like those of ``clip``, and the distance."""
        return nearest(note_set(clip), self._note_sets)

    def __len__(self) -> int:
        return len(self.shard)

    def clip(self, index: int) -> Clip:
        """Clip ``index``; raises ``ControlError`` outside 0 to n - 1."""
        if not 0 <= index < len(self):
            raise ControlError(f"clip {index} is not on the map, which has 0 to {len(self) - 1}")
        return self.shard.clip(index)

    def info(self, index: int) -> PieceInfo:
        """What is known of the piece that clip ``index`` comes from."""
        return self.pieces[int(self.shard.piece[index])]

    def label(self, index: int) -> str:
        """Title and bars, such as ``"Soldier's Joy, bars 5 to 8"``."""
        first = int(self.shard.first_bar[index]) + 1
        return f"{self.info(index).title}, bars {first} to {first + 3}"

    @classmethod
    def load(cls, folder: Path = ATLAS_FOLDER) -> Atlas:
        """Read an atlas; raises ``CorpusError`` or ``CheckpointError`` when files are missing."""
        pieces, _ = load_info(folder)
        shard = _load_clips(folder)
        try:
            with safe_open(folder / POINTS_FILE, framework="numpy") as file:
                known, said = file.keys(), file.metadata()
                return cls(
                    shard=shard,
                    pieces=pieces,
                    xy=file.get_tensor("xy"),
                    checkpoint=said["checkpoint"],
                    pca=file.get_tensor("pca") if "pca" in known else None,
                    z=file.get_tensor("z") * file.get_tensor("z_unit") if "z" in known else None,
                    trust={name: float(said[name]) for name in ("tsne", "pca") if name in said},
                )
        except (OSError, SafetensorError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"the map in {folder} has not been encoded: run python -m musicgen_vae assets"
            ) from error


def save_clips(
    folder: Path, clips: Sequence[tuple[Clip, int, int]], pieces: Sequence[PieceInfo]
) -> None:
    """Write the clips of an atlas.

    Args:
        folder: of the atlas.
        clips: (clip, index of its piece, first bar) of each.
        pieces: what is known of each piece.
    """
    folder.mkdir(parents=True, exist_ok=True)
    windows = [(clip, clip_to_tokens(clip), piece, bar, True) for clip, piece, bar in clips]
    np.savez_compressed(folder / CLIPS_FILE, **vars(shard_from_windows(windows)))
    save_info(folder, pieces, {})


def load_clips(folder: Path) -> list[Clip]:
    """The clips of an atlas, without their places; raises ``CorpusError`` without any."""
    shard = _load_clips(folder)
    return [shard.clip(i) for i in range(len(shard))]


def attribute_groups(clips: Sequence[Clip], name: str) -> tuple[list[Clip], list[Clip]]:
    """The quarter of the clips with most and that with least of an attribute.

    Args:
        clips: at least two that differ in it.
        name: an ordinal attribute of bars, ``repetition``, ``valence``, ``arousal``, or ``mode``
            (all major clips against all minor ones).

    Raises:
        ControlError: if there is no such attribute, or the clips do not differ in it.
    """
    if name == "mode":
        major = [clip for clip in clips if clip.key.mode is Mode.MAJOR]
        minor = [clip for clip in clips if clip.key.mode is Mode.MINOR]
        if not major or not minor:
            raise ControlError("these clips do not differ in this attribute; take other clips")
        return major, minor
    from musicgen_vae.generation.latent import extremes  # imports PyTorch, which the page awaits

    high, low = extremes(np.array([_value(clip, name) for clip in clips]))
    return [clips[i] for i in high], [clips[i] for i in low]


def _value(clip: Clip, name: str) -> float:
    if name in ORDINAL:
        values = getattr(measure(clip), name)
        return float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else np.nan
    if name == "repetition":
        return clip_repetition(clip)
    if name in ("valence", "arousal"):
        emotion = estimate_emotion(clip)
        return np.nan if emotion is None else float(getattr(emotion, name))
    raise ControlError(f"{name!r} is no attribute that clips can be ordered by")


def _load_clips(folder: Path) -> Shard:
    try:
        with np.load(folder / CLIPS_FILE, allow_pickle=False) as data:
            return Shard(**data)
    except (OSError, TypeError, ValueError, BadZipFile) as error:
        raise CorpusError(
            f"no clips of a map in {folder}: run python -m scripts.make_map"
        ) from error


def encode_atlas(folder: Path, composer: Composer, *, seed: int = 7) -> Atlas:
    """Encode the clips of ``folder``, lay them out by t-SNE and PCA, write and return the atlas."""
    from sklearn.manifold import TSNE, trustworthiness

    shard = _load_clips(folder)
    encoded = composer.encode([shard.clip(i) for i in range(len(shard))])
    z = encoded.posterior.mode().cpu().numpy()
    flat = z.reshape(len(z), -1)
    perplexity = min(30.0, (len(z) - 1) / 3)
    layouts = {
        "tsne": TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(flat),
        "pca": _principal(flat),
    }
    n_neighbours = min(N_NEIGHBOURS, (len(z) - 1) // 2)
    trust = {
        name: f"{trustworthiness(flat, plane, n_neighbors=n_neighbours):.4f}"
        for name, plane in layouts.items()
    }
    # In bytes: neighbours are the same, and the map stays small.
    unit = np.maximum(np.abs(flat).max(0), 1e-6) / 127
    save_file(
        {
            "xy": _fitted(layouts["tsne"]),
            "pca": _fitted(layouts["pca"]),
            "z": np.round(flat / unit).astype(np.int8),
            "z_unit": unit.astype(np.float32),
        },
        folder / POINTS_FILE,
        metadata={"checkpoint": composer.checkpoint.hash, **trust},
    )
    return Atlas.load(folder)


def _principal(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first two principal components of rows, shape (n, 2)."""
    centred = flat - flat.mean(0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(centred @ directions[:2].T, dtype=np.float32)


def _fitted(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same places, each axis within -1 to 1."""
    plane = plane - (plane.max(0) + plane.min(0)) / 2
    return np.ascontiguousarray(plane / np.abs(plane).max(0), dtype=np.float32)


def describe_atlas(folder: Path = ATLAS_FOLDER) -> dict[str, object]:
    """Counts of the demo set by style, source, licence and role, as plain numbers."""
    pieces, _ = load_info(folder)
    shard = _load_clips(folder)
    infos = [pieces[int(p)] for p in shard.piece]
    roles: Counter[str] = Counter()
    for i in range(len(shard)):
        roles.update(role.label for role in shard.clip(i).roles)
    return {
        "n_clips": len(shard),
        "styles": dict(Counter(info.style for info in infos)),
        "sources": dict(Counter(info.source for info in infos)),
        "licences": dict(Counter(info.licence for info in infos)),
        "roles": dict(roles),
    }
