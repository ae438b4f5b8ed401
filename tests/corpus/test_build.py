"""From pieces to shards and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musicgen_vae.corpus.build import MIN_NOTES, build_corpus
from musicgen_vae.corpus.shards import load_info, load_shard
from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.attributes import N_CLASSES
from musicgen_vae.music.clip import DRUM_DURATION, Note, Role
from musicgen_vae.music.emotion import ANY_STYLE
from tests.training.corpora import build, song


def source(seed: int, split: str, **changes: object) -> SourcePiece:
    piece = replace(song(seed), **changes)  # type: ignore[arg-type]
    return SourcePiece(
        piece=piece, source="s", song=str(seed), licence="CC0", style="pop", split=split
    )


def test_windows_are_the_pieces_clips(tmp_path: Path) -> None:
    build(tmp_path)
    shard = load_shard(tmp_path / "train.safetensors")
    pieces, info = load_info(tmp_path)
    assert info["report"]["windows"]["train"] == len(shard)
    assert info["report"]["clips"]["train"] == shard.aligned.sum()
    for i in range(0, len(shard), 3):
        number = int(pieces[int(shard.piece[i])].song)
        expected = song(number, meter="3/4" if number % 4 == 3 else "4/4")
        assert shard.clip(i) == expected.clip(int(shard.first_bar[i]))
    assert set(shard.first_bar[shard.piece == shard.piece[0]].tolist()) == set(range(5))
    assert set(shard.first_bar[shard.aligned].tolist()) == {0, 4}


def test_songs_do_not_cross_splits_and_builds_are_alike(tmp_path: Path) -> None:
    build(tmp_path / "a")
    build(tmp_path / "b")
    pieces, _ = load_info(tmp_path / "a")
    songs = []
    for split in ("train", "validation", "test"):
        name = f"{split}.safetensors"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        shard = load_shard(tmp_path / "a" / name)
        songs.append({pieces[p].song for p in shard.piece.tolist()})
    assert not songs[0] & songs[1]
    assert not songs[0] & songs[2]
    assert not songs[1] & songs[2]
    infos = [(tmp_path / folder / "corpus.json").read_bytes() for folder in "ab"]
    assert infos[0] == infos[1]


def test_what_is_left_out_is_counted_and_named(tmp_path: Path) -> None:
    few = tuple(n for n in song(2).notes if n.start >= 336)[: MIN_NOTES + 1]
    report = build_corpus(
        [
            source(0, "train"),
            source(1, "train", off_grid=0.5),
            source(2, "validation", notes=few),
            Failure(source="s", song="lost", reason="no bars"),
        ],
        tmp_path,
    )
    assert report["pieces_left_out"] == [
        {"source": "s", "song": "1", "reason": "50.0% of the onsets lie off the grid"},
        {"source": "s", "song": "lost", "reason": "no bars"},
    ]
    assert report["windows_left_out"][f"fewer than {MIN_NOTES} notes"] >= 3


def test_edges_make_classes_of_about_equal_size(tmp_path: Path) -> None:
    build(tmp_path, n_songs=18)
    controls = load_info(tmp_path)[1]["controls"]
    edges = controls["edges"]
    assert set(edges) == {
        "density", "polyphony", "register", "syncopation", "tempo", "repetition",
    }  # fmt: skip
    assert set(controls["emotion_edges"]) == {ANY_STYLE, "pop"}
    moods = controls["emotion_edges"]["pop"]
    assert set(moods) == {"valence", "arousal"}
    for values in (*edges.values(), *moods.values()):
        assert len(values) == N_CLASSES - 1
        assert (np.diff(values) > 0).all()


def test_drums_alone_make_a_corpus(tmp_path: Path) -> None:
    def beat(seed: int) -> tuple[Note, ...]:
        struck = np.random.default_rng(seed).choice([36, 38, 42], 32)
        return tuple(
            Note(start=12 * i, role=Role.DRUMS, pitch=int(pitch), duration=DRUM_DURATION)
            for i, pitch in enumerate(struck)
        )

    splits = ("train", "validation")
    report = build_corpus([source(i, s, notes=beat(i)) for i, s in enumerate(splits)], tmp_path)
    assert report["clips"]["train"] == 2
    controls = load_info(tmp_path)[1]["controls"]
    assert controls["roles"] == ["drums"]
    assert controls["emotion_edges"] == {}


def test_nothing_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no window is left"):
        build_corpus([source(0, "test")], tmp_path)


def test_missing_corpus_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="musicgen_vae build"):
        load_info(tmp_path)
    with pytest.raises(CorpusError, match="musicgen_vae build"):
        load_shard(tmp_path / "train.safetensors")
    (tmp_path / "train.safetensors").write_bytes(b"rubbish")
    with pytest.raises(CorpusError):
        load_shard(tmp_path / "train.safetensors")
