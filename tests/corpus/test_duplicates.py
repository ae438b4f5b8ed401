"""The same music twice: tunes in several books, clips in several keys."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from musicgen_vae.corpus.duplicates import assign_groups, clip_key, share_splits, tune_key
from musicgen_vae.corpus.sources import SourcePiece
from musicgen_vae.music.clip import Bar, Clip, Key, Meter, Note, Piece, Role, tidy, transpose


def tune(seed: int, n: int = 64) -> list[int]:
    """Pitches of a made-up tune."""
    rng = random.Random(seed)
    return [rng.choice((60, 62, 64, 65, 67, 69, 71, 72)) for _ in range(n)]


def piece(
    pitches: Sequence[int], *, step: int = 12, shift: int = 0, role: Role = Role.MELODY
) -> Piece:
    notes = tidy(
        Note(start=i * step, role=role, pitch=pitch + shift, duration=step)
        for i, pitch in enumerate(pitches)
    )
    n_bars = len(pitches) * step // 48 + 1
    bars = tuple(Bar(start=48 * i, meter=Meter(), tempo_qpm=100) for i in range(n_bars))
    return Piece(bars=bars, notes=notes)


def groups(*pieces: Piece) -> list[int]:
    return list(assign_groups([tune_key(p) for p in pieces]))


def test_a_tune_is_itself_in_every_key_and_note_value() -> None:
    first = piece(tune(1))
    assert tune_key(first)
    assert tune_key(piece(tune(1), shift=5, step=6)) == tune_key(first)
    repeated = [pitch for pitch in tune(1) for _ in range(2)]
    assert tune_key(piece(repeated, step=6)) == tune_key(first)
    assert not tune_key(piece(tune(2))) & tune_key(first)


def test_a_key_is_the_same_on_every_machine() -> None:
    assert tune_key(piece([60, 62, 64, 65, 67, 65, 64, 62, 60])) == {2900154830036301129}


def test_near_duplicates_form_groups() -> None:
    written = tune(1)
    otherwise = list(written)
    otherwise[5::20] = [61] * len(otherwise[5::20])  # ornaments here and there
    half = tune(1, 32)
    assert groups(piece(tune(9)), piece(written), piece(otherwise, shift=2), piece(half)) == [
        0, 1, 1, 1,
    ]  # fmt: skip


def test_groups_join_what_is_linked_by_a_third() -> None:
    first, second = tune(1), tune(2)
    medley = [*first, *second]
    assert groups(piece(first), piece(second), piece(medley)) == [0, 0, 0]
    assert groups(piece(first), piece(second)) == [0, 1]


def test_a_short_turn_of_phrase_makes_no_duplicates() -> None:
    turn = tune(3, 14)
    assert groups(piece([*turn, *tune(4)]), piece([*turn, *tune(5)])) == [0, 1]
    assert groups(piece(turn), piece(turn)) == [0, 1]  # too little to tell


def test_what_everybody_plays_says_nothing() -> None:
    scale = [60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62] * 3
    many = [piece([*scale, *tune(seed)]) for seed in range(10, 60)]
    assert groups(*many) == list(range(50))


def test_without_a_melody_the_top_of_the_harmony_counts_and_drums_never() -> None:
    assert tune_key(piece(tune(1), role=Role.HARMONY)) == tune_key(piece(tune(1)))
    assert tune_key(piece([36, 38] * 20, role=Role.DRUMS)) == frozenset()
    assert groups(piece([36] * 20, role=Role.DRUMS), piece([36] * 20, role=Role.DRUMS)) == [0, 1]
    assert tune_key(piece([])) == frozenset()


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        (("train", "test", "validation"), ("test", "test", "validation")),
        (("train", "validation", "train"), ("validation", "validation", "train")),
        (("train", "train", "test"), ("train", "train", "test")),
    ],
)
def test_a_group_shares_the_split_that_is_furthest_from_training(
    splits: Sequence[str], expected: Sequence[str]
) -> None:
    pieces = (piece(tune(1)), piece(tune(1), shift=3), piece(tune(2)))
    items = [
        SourcePiece(piece=p, source="s", song=str(i), licence="", style="", split=split)
        for i, (p, split) in enumerate(zip(pieces, splits, strict=True))
    ]
    shared = share_splits(items)
    assert tuple(item.split for item in shared) == tuple(expected)
    assert [item.song for item in shared] == ["0", "1", "2"]


def clip(**changes: object) -> Clip:
    notes = (
        Note(start=0, role=Role.MELODY, pitch=64, duration=12, velocity=3),
        Note(start=0, role=Role.BASS, pitch=48, duration=48),
        Note(start=12, role=Role.DRUMS, pitch=38, duration=3, velocity=5),
    )
    return replace(Clip(notes=tidy(notes)), **changes)  # type: ignore[arg-type]


def test_a_clip_is_itself_in_every_key_sound_and_loudness() -> None:
    moved = clip(notes=transpose(clip().notes, -7), key=Key.parse("G major"))
    soft = clip(notes=tuple(replace(note, velocity=None) for note in clip().notes))
    for other in (moved, soft, clip(tempo_qpm=60), clip(programs=(1, 2, 3, 4))):
        assert clip_key(other) == clip_key(clip())


def test_other_notes_bars_and_drums_are_another_clip() -> None:
    notes = clip().notes
    others = [
        clip(n_bars=3),
        clip(meter=Meter(numerator=3)),
        clip(notes=notes[:-1]),
        clip(notes=(*notes[:-1], replace(notes[-1], pitch=36))),
        clip(notes=(replace(notes[0], pitch=65), *notes[1:])),
        clip(notes=(replace(notes[0], duration=24), *notes[1:])),
        clip(notes=()),
    ]
    keys = {clip_key(other) for other in [*others, clip()]}
    assert len(keys) == len(others) + 1
