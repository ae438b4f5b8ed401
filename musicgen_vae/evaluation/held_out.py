"""The clips that an evaluation rests on: of one split, spread over its songs.

This module knows corpora; it does not know models or metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.corpus.build import SYNTHETIC
from musicgen_vae.corpus.shards import SPLITS, PieceInfo, Shard, load_info, load_shard
from musicgen_vae.errors import ControlError, CorpusError
from musicgen_vae.music.clip import Clip, Role


@dataclass(frozen=True, kw_only=True)
class ClipSet:
    """Clips and where they come from; n of each.

    Attributes:
        clips: with the roles that the model reads only.
        songs: source and song of each.
        styles: of each.
        before: the successive clip that precedes each in its piece, if there is one.
    """

    clips: tuple[Clip, ...]
    songs: tuple[str, ...]
    styles: tuple[str, ...]
    before: tuple[Clip | None, ...]

    def __len__(self) -> int:
        return len(self.clips)

    def at(self, indices: Sequence[int] | NDArray[np.int64]) -> ClipSet:
        """The clips at ``indices``, in that order."""
        chosen = [int(i) for i in indices]
        return replace(
            self,
            clips=tuple(self.clips[i] for i in chosen),
            songs=tuple(self.songs[i] for i in chosen),
            styles=tuple(self.styles[i] for i in chosen),
            before=tuple(self.before[i] for i in chosen),
        )

    def spread(self, n: int | None) -> ClipSet:
        """About ``n`` of the clips at even distances, so that all songs have a share."""
        return self.at(spread(len(self), n))

    def chunks(self, size: int = 64) -> Iterator[ClipSet]:
        """The clips in order, ``size`` at a time: what a model is given at once."""
        for begin in range(0, len(self), size):
            yield self.at(range(begin, min(begin + size, len(self))))


def spread(n_items: int, n: int | None) -> NDArray[np.int64]:
    """At most ``n`` indices of ``n_items``, at even distances; None takes all."""
    if n is None or n >= n_items:
        return np.arange(n_items)
    return np.unique(np.linspace(0, n_items - 1, n).astype(np.int64))


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A built corpus as evaluations read it."""

    folder: Path
    pieces: tuple[PieceInfo, ...]

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """The corpus in ``folder``; raises ``CorpusError``."""
        pieces, _ = load_info(folder)
        return cls(folder=folder, pieces=pieces)

    def shard(self, split: str) -> Shard:
        """The windows of a split.

        Raises:
            ControlError: if ``split`` is not a split.
            CorpusError: if the split is missing.
        """
        if split not in SPLITS:
            raise ControlError(f"split {split!r} is not one of {', '.join(SPLITS)}")
        return load_shard(self.folder / f"{split}.safetensors")

    def synthetic(self, shard: Shard) -> NDArray[np.bool_]:
        """Windows whose accompaniment a program wrote, shape (N,)."""
        marked = np.array([SYNTHETIC in piece.labels for piece in self.pieces], dtype=np.bool_)
        found: NDArray[np.bool_] = marked[shard.piece]
        return found

    def clips(
        self,
        split: str,
        roles: Sequence[Role],
        *,
        limit: int | None = None,
        synthetic: bool = True,
    ) -> ClipSet:
        """The successive clips (stride of 4 bars) of a split that have notes of ``roles``.

        Args:
            split: train, validation or test.
            roles: those that the model reads; other notes are left out.
            limit: about how many clips, spread over the songs.
            synthetic: whether arrangements by a program count.

        Raises:
            ControlError: if ``split`` is not a split.
            CorpusError: if the split is missing or has no such clip.
        """
        shard = self.shard(split)
        aligned = np.flatnonzero(shard.aligned)
        fit = np.ones(len(aligned), dtype=np.bool_)
        if not synthetic:
            fit &= ~self.synthetic(shard)[aligned]
        previous = {(int(shard.piece[i]), int(shard.first_bar[i]) + 4): int(i) for i in aligned}
        candidates = aligned[fit]
        chosen = candidates[spread(len(candidates), limit)]
        clips, songs, styles, before = [], [], [], []
        for i in chosen.tolist():
            clip = shard.clip(i).keep(roles)
            if not clip.notes:
                continue
            piece = self.pieces[int(shard.piece[i])]
            earlier = previous.get((int(shard.piece[i]), int(shard.first_bar[i])))
            clips.append(clip)
            songs.append(f"{piece.source}/{piece.song}")
            styles.append(piece.style)
            before.append(None if earlier is None else shard.clip(earlier).keep(roles))
        if not clips:
            raise CorpusError(f"the corpus has no clips in the split {split}")
        return ClipSet(
            clips=tuple(clips), songs=tuple(songs), styles=tuple(styles), before=tuple(before)
        )
