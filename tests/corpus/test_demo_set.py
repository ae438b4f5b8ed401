"""Choosing clips to show, from made-up pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from musicgen_vae.corpus.demo_set import PER_SONG, demo_clips
from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.music.clip import Bar, Key, Meter, Note, Piece, Role, tidy


def quarters(n_bars: int, seed: int, *, start: int = 0) -> list[Note]:
    """A melody in quarter notes, from step ``start``, that is another one for every seed."""
    return [
        Note(
            start=step,
            role=Role.MELODY,
            pitch=60 + (seed // 7 ** (step // 12 % 5) + step // 48 * 3) % 7,
            duration=12,
        )
        for step in range(start, 48 * n_bars, 12)
    ]


def piece(
    seed: int,
    *,
    n_bars: int = 8,
    style: str = "chorale",
    notes: Iterable[Note] | None = None,
    key: Key = Key(),  # noqa: B008
    meters: Sequence[Meter] = (),
    off_grid: float = 0.0,
) -> SourcePiece:
    bars: list[Bar] = []
    for meter in meters or [Meter()] * n_bars:
        bars.append(Bar(start=bars[-1].end if bars else 0, meter=meter, tempo_qpm=90))
    return SourcePiece(
        piece=Piece(
            bars=tuple(bars),
            notes=tidy(quarters(n_bars, seed) if notes is None else notes),
            key=key,
            title=f"{style} {seed}",
            off_grid=off_grid,
        ),
        source="made up",
        song=f"{style}{seed}",
        licence="free",
        style=style,
        split="train",
        labels={"seed": str(seed)},
    )


def many(n: int, style: str, **options: int) -> list[SourcePiece]:
    first = 1000 * len(style)  # so that no two styles share a melody
    return [piece(seed, style=style, **options) for seed in range(first, first + n)]


def test_styles_share_equally_and_songs_come_before_second_clips() -> None:
    chosen = demo_clips([*many(40, "chorale"), *many(30, "dance")], n=60)
    assert Counter(one.style for one in chosen) == {"chorale": 30, "dance": 30}
    assert len({one.song for one in chosen}) == 60


def test_where_a_style_runs_out_another_fills_its_place() -> None:
    chosen = demo_clips([*many(30, "chorale"), piece(1, style="dance")], n=40)
    assert len(chosen) == 40
    assert Counter(one.style for one in chosen)["dance"] == 2


def test_a_song_gives_few_clips() -> None:
    chosen = demo_clips(many(3, "chorale", n_bars=40), n=1000)
    assert list(Counter(one.song for one in chosen).values()) == [PER_SONG] * 3


def test_nothing_is_shown_twice_whatever_its_key() -> None:
    notes = quarters(4, 11)
    higher = [Note(start=n.start, role=n.role, pitch=n.pitch + 2, duration=12) for n in notes]
    same = [
        piece(1, n_bars=4, notes=notes),
        piece(2, n_bars=4, notes=higher, key=Key(tonic=2)),
    ]
    assert len(demo_clips(same)) == 1
    assert len(demo_clips([same[0], piece(3, n_bars=4, notes=higher)])) == 2


def test_the_choice_depends_on_the_seed_alone() -> None:
    pieces = many(30, "chorale", n_bars=20)
    assert demo_clips(pieces, n=20, seed=1) == demo_clips(pieces, n=20, seed=1)
    assert demo_clips(pieces, n=20, seed=1) != demo_clips(pieces, n=20, seed=2)


def test_clips_start_after_the_pickup() -> None:
    (chosen,) = demo_clips([piece(5, n_bars=6, notes=quarters(6, 5, start=36))])
    assert [note.start for note in chosen.clip.notes] == list(range(0, 192, 12))


def test_a_clip_says_where_it_is_from() -> None:
    source = piece(7, n_bars=4)
    (chosen,) = demo_clips([source])
    assert chosen.clip == source.piece.clip(0)
    assert (chosen.title, chosen.source, chosen.song, chosen.style, chosen.licence) == (
        "chorale 7", "made up", "chorale7", "chorale", "free",
    )  # fmt: skip
    assert chosen.labels == {"seed": "7"}


def test_what_is_not_fit_to_be_shown_is_left_out() -> None:
    gap = [note for note in quarters(4, 3) if not 96 <= note.start < 144]
    sparse = [note for note in quarters(4, 3) if note.start % 48 == 0]
    waltz_inside = [Meter(), Meter(), Meter(numerator=3), Meter()]
    assert not demo_clips(
        [
            Failure(source="made up", song="x", reason="broken"),
            piece(1, n_bars=4, notes=gap),
            piece(2, n_bars=4, notes=sparse),
            piece(3, n_bars=3),
            piece(4, n_bars=3, meters=waltz_inside),
            piece(5, n_bars=4, off_grid=0.03),
        ]
    )
