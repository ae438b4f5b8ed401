"""A melody with chords becomes a full band."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace

import pytest

from musicgen_vae.corpus import arrange as arranging
from musicgen_vae.corpus.arrange import GROOVES, Groove, arrange, arrange_song, grooves_for
from musicgen_vae.corpus.arrange import write_score as write
from musicgen_vae.corpus.chords import QUALITIES, Chord
from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Bar, Meter, Note, Piece, Role, tidy

needs_mma = pytest.mark.skipif(shutil.which("mma") is None, reason="MMA is not installed")
SWING = next(groove for groove in GROOVES if groove.style == "swing")
PLAIN = Groove(style="plain", variants=("BasicRock",), tempo_qpm=(100, 120), program=73)
CHORDS = (
    Chord(start=0, root=0, quality="maj"),
    Chord(start=48, root=9, quality="min7"),
    Chord(start=72, root=5, quality="maj", bass=9),
    Chord(start=96, root=7, quality="7"),
)


def song(meters: Sequence[str] = ("4/4",) * 4, starts: Sequence[int] = (0, 12, 24, 36)) -> Piece:
    bars: list[Bar] = []
    for meter in meters:
        start = bars[-1].end if bars else 0
        bars.append(Bar(start=start, meter=Meter.parse(meter), tempo_qpm=80))
    notes = [
        Note(start=bar.start + start, role=Role.MELODY, pitch=72, duration=6)
        for bar in bars
        for start in starts
        if start < bar.meter.steps
    ]
    return Piece(bars=tuple(bars), notes=tidy(notes), title="Song")


def score_of(piece: Piece, chords: Sequence[Chord], groove: Groove = PLAIN) -> list[str]:
    lines = write(piece, chords, groove, variant="BasicRock", tempo_qpm=100, seed=1).splitlines()
    return lines[5:]


def of(piece: Piece, role: Role) -> list[Note]:
    return [note for note in piece.notes if note.role is role]


def test_each_bar_is_a_line_of_chords() -> None:
    lines = score_of(song(), CHORDS)
    assert lines == ["C / / /", "Am7 / F/A /", "G7 / / /", "G7 / / /"]


def test_chords_are_taken_from_the_nearest_beat() -> None:
    late = [Chord(start=2, root=0, quality="maj"), Chord(start=45, root=2, quality="min")]
    assert score_of(song(), late)[:2] == ["C / / /", "Dm / / /"]


def test_all_is_silent_before_the_first_chord_and_drums_go_on_where_there_is_none() -> None:
    chords = [Chord(start=0), Chord(start=48, root=0, quality="maj"), Chord(start=96)]
    assert score_of(song(), chords) == ["z! / / /", "C / / /", "z / / /", "z / / /"]


def test_a_short_bar_is_played_in_part() -> None:
    lines = score_of(song(["4/4", "2/4", "4/4"]), CHORDS)
    assert lines == ["C / / /", "Truncate 2", "Am7 /", "F/A / G7 /"]


@pytest.mark.parametrize("meter", ["5/4", "7/8"])
def test_a_bar_that_does_not_suit_the_groove_is_refused(meter: str) -> None:
    with pytest.raises(CorpusError, match=f"a bar of {meter} does not suit BasicRock"):
        score_of(song(["4/4", meter]), CHORDS)


def test_grooves_have_the_meter_of_most_bars() -> None:
    assert {groove.style for groove in grooves_for(song(["3/4", "3/4", "4/4"]))} == {
        "waltz",
        "jazz waltz",
    }
    assert SWING in grooves_for(song(["3/4", "4/4", "4/4"]))
    assert grooves_for(song(["5/4"])) == ()


@pytest.mark.parametrize(
    ("piece", "chords", "reason"),
    [
        (replace(song(), notes=()), CHORDS, "no melody"),
        (song(), (Chord(start=0),), "no chords"),
        (song(), (), "no chords"),
    ],
)
def test_nothing_to_arrange_is_said(piece: Piece, chords: Sequence[Chord], reason: str) -> None:
    with pytest.raises(CorpusError, match=reason):
        arrange(piece, chords, PLAIN, seed=1)


def test_a_missing_program_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arranging, "COMMAND", "no-such-program")
    with pytest.raises(CorpusError, match="apt-get install mma"):
        arrange(song(), CHORDS, PLAIN, seed=1)


@needs_mma
def test_a_band_plays_the_chords_under_the_melody() -> None:
    piece = arrange(song(), CHORDS, PLAIN, seed=1)
    assert [bar.start for bar in piece.bars] == [0, 48, 96, 144]
    assert [(n.start, n.pitch) for n in of(piece, Role.MELODY)] == [(12 * i, 72) for i in range(16)]
    assert piece.bars[0].tempo_qpm == 100  # the slowest that suits
    assert piece.programs[Role.MELODY] == 73
    assert piece.title == "Song"
    assert piece.off_grid <= 0.02
    # Roots, and the third under the F chord, in the bass on the first beat of each chord.
    bass = {note.start: note.pitch % 12 for note in of(piece, Role.BASS)}
    assert [bass[start] for start in (0, 48, 72, 96)] == [0, 9, 9, 7]
    for start, end, classes in [(0, 48, {0, 4, 7}), (96, 144, {7, 11, 2, 5})]:
        heard = {n.pitch % 12 for n in of(piece, Role.HARMONY) if start <= n.start < end}
        assert heard and heard <= classes
    assert {note.pitch for note in of(piece, Role.DRUMS)} >= {36, 38}


@needs_mma
def test_equal_seeds_give_equal_notes_and_others_other_notes() -> None:
    first, again, other = (arrange(song(), CHORDS, SWING, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@needs_mma
def test_the_melody_swings_with_the_band() -> None:
    piece = arrange(song(starts=(0, 6, 12, 15, 18)), CHORDS, SWING, seed=1)
    starts = [note.start for note in of(piece, Role.MELODY)][:5]
    assert starts == [0, 8, 12, 15, 18]  # eighths alone; sixteenths stay
    assert of(piece, Role.MELODY)[0].duration == 8
    straight = {note.start % 12 for note in piece.notes if note.role is not Role.MELODY}
    assert 8 in straight and 6 not in straight


@needs_mma
@pytest.mark.slow
@pytest.mark.parametrize("groove", GROOVES, ids=lambda groove: f"{groove.style} {groove.meter}")
def test_every_groove_plays_every_chord(groove: Groove) -> None:
    piece = song([str(groove.meter)] * len(QUALITIES))
    chords = [
        Chord(start=bar.start, root=i % 12, quality=quality)
        for i, (bar, quality) in enumerate(zip(piece.bars, QUALITIES, strict=True))
    ]
    for variant in groove.variants:
        played = arrange(piece, chords, replace(groove, variants=(variant,)), seed=1)
        assert {note.role for note in played.notes} == set(Role)
        assert played.off_grid <= 0.02
        assert max(note.start for note in of(played, Role.BASS)) >= played.bars[-1].start


@needs_mma
def test_an_arranged_song_is_marked_and_stays_in_its_split() -> None:
    item = SourcePiece(piece=song(), source="s", song="1", licence="MIT", style="pop", split="test")
    made = arrange_song(item, CHORDS, SWING, seed=1)
    assert isinstance(made, SourcePiece)
    assert (made.song, made.split, made.style) == ("1", "test", "swing")
    assert made.labels["synthetic"] == "arranged by MMA as swing"


def test_a_song_that_cannot_be_arranged_is_a_failure() -> None:
    item = SourcePiece(
        piece=song(), source="s", song="1", licence="MIT", style="pop", split="train"
    )
    made = arrange_song(item, (), SWING, seed=1)
    assert made == Failure(source="s", song="1", reason="swing: there are no chords to arrange")
