"""Clips of a split, spread over its songs."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicgen_vae.errors import ControlError, CorpusError
from musicgen_vae.evaluation.held_out import Corpus, spread
from musicgen_vae.music.clip import Role
from tests.training.corpora import build


def test_spread() -> None:
    assert spread(10, None).tolist() == list(range(10))
    assert spread(10, 20).tolist() == list(range(10))
    assert spread(101, 3).tolist() == [0, 50, 100]


def test_clips_and_what_came_before(tmp_path: Path) -> None:
    corpus = Corpus.load(build(tmp_path))
    held_out = corpus.clips("train", list(Role))
    assert len(set(held_out.songs)) > 3
    follows = [i for i, before in enumerate(held_out.before) if before is not None]
    assert follows
    for i in follows:
        assert held_out.before[i] == held_out.clips[i - 1]
        assert held_out.songs[i] == held_out.songs[i - 1]
    assert len(corpus.clips("train", list(Role), limit=3)) == 3
    chunks = list(held_out.chunks(4))
    assert [len(chunk) for chunk in chunks[:-1]] == [4] * (len(chunks) - 1)
    assert sum((chunk.clips for chunk in chunks), ()) == held_out.clips
    with pytest.raises(CorpusError, match="no clips in the split"):
        corpus.clips("train", [Role.DRUMS])
    with pytest.raises(ControlError, match="'dev' is not one of"):
        corpus.clips("dev", list(Role))
