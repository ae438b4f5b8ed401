"""What is built holds everything once, and no split sees another's music."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from musicgen_vae.corpus.build import MAX_REPEATS, build_corpus
from musicgen_vae.corpus.duplicates import clip_key
from musicgen_vae.corpus.shards import SPLITS, load_info, load_shard
from musicgen_vae.corpus.sources import SourcePiece
from musicgen_vae.music.clip import Key, Piece, tidy
from tests.training.corpora import song


def source(piece: Piece, name: str, split: str, where: str = "one book") -> SourcePiece:
    return SourcePiece(
        piece=piece, source=where, song=name, licence="CC0", style="pop", split=split
    )


def transposed(piece: Piece, semitones: int) -> Piece:
    notes = tidy(replace(note, pitch=note.pitch + semitones) for note in piece.notes)
    return replace(piece, notes=notes, key=Key(tonic=(piece.key.tonic + semitones) % 12))


def repeated(piece: Piece, n: int) -> Piece:
    """The piece ``n`` times over."""
    end = piece.bars[-1].end
    return replace(
        piece,
        bars=tuple(replace(bar, start=bar.start + i * end) for i in range(n) for bar in piece.bars),
        notes=tidy(
            replace(note, start=note.start + i * end) for i in range(n) for note in piece.notes
        ),
    )


def test_every_clip_once(tmp_path: Path) -> None:
    items = [
        source(song(1), "1", "train"),
        source(transposed(song(1), 3), "1 again", "test", "another book"),
        source(repeated(song(2), 5), "2", "train"),
        source(song(3), "3", "train"),
        source(song(4), "4", "validation"),
    ]
    report = build_corpus(items, tmp_path)
    assert report["moved_to_another_split"] == 1
    pieces, _ = load_info(tmp_path)
    holders: dict[bytes, set[str]] = {}
    songs: dict[bytes, list[str]] = {}
    for split in SPLITS:
        shard = load_shard(tmp_path / f"{split}.safetensors")
        for i in range(len(shard)):
            key = clip_key(shard.clip(i))
            holders.setdefault(key, set()).add(split)
            songs.setdefault(key, []).append(pieces[int(shard.piece[i])].song)
    assert all(len(splits) == 1 for splits in holders.values())
    assert all(len(set(names)) == 1 for names in songs.values())
    assert max(len(names) for names in songs.values()) == MAX_REPEATS
    assert report["windows_left_out"]["the same notes in another song"] == 5
