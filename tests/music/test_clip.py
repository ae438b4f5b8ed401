"""Notes, clips and pieces: cutting and joining lose nothing, and what is stored is exact."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen_vae.errors import ClipError
from musicgen_vae.music.clip import (
    BARS_PER_CLIP,
    DURATIONS,
    Bar,
    Clip,
    Key,
    Meter,
    Mode,
    Note,
    Piece,
    Place,
    Role,
    join,
    longest_duration,
    snap_duration,
    tidy,
    transpose,
)
from tests.music.strategies import clips, keys, notes, pieces


def note(start: int = 0, pitch: int = 60, duration: int = 12, **more: object) -> Note:
    return Note(
        **{  # type: ignore[arg-type]
            "start": start,
            "pitch": pitch,
            "duration": duration,
            "role": Role.MELODY,
            **more,
        }
    )


def piece(meters: str, *made: Note, tempo_qpm: float = 120.0) -> Piece:
    bars: list[Bar] = []
    for text in meters.split():
        start = bars[-1].end if bars else 0
        bars.append(Bar(start=start, meter=Meter.parse(text), tempo_qpm=tempo_qpm))
    return Piece(bars=tuple(bars), notes=tidy(made))


# Values


@pytest.mark.parametrize(
    ("text", "steps"), [("4/4", 48), ("3/4", 36), ("6/8", 36), ("7/16", 21), ("2/2", 48)]
)
def test_meter_counts_steps(text: str, steps: int) -> None:
    meter = Meter.parse(text)
    assert meter.steps == steps
    assert str(meter) == text


@pytest.mark.parametrize("text", ["", "4", "4/", "x/4", "4/3", "0/4", "7/4", "1/32", "-4/4"])
def test_meters_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(ClipError):
        Meter.parse(text)


@given(keys)
def test_key_is_read_as_written(key: Key) -> None:
    assert Key.parse(str(key)) == key


@given(keys)
def test_relatives_share_a_frame(key: Key) -> None:
    third = 3 if key.mode is Mode.MINOR else -3
    other = Mode.MAJOR if key.mode is Mode.MINOR else Mode.MINOR
    assert -5 <= key.shift <= 6
    assert Key(tonic=(key.tonic + third) % 12, mode=other).shift == key.shift


@pytest.mark.parametrize("text", ["", "H major", "C", "C dur", "C## major"])
def test_texts_that_are_no_key_are_refused(text: str) -> None:
    with pytest.raises(ClipError):
        Key.parse(text)


def test_roles_are_read_as_labelled() -> None:
    assert [Role.parse(role.label) for role in Role] == list(Role)
    with pytest.raises(ClipError, match="choir"):
        Role.parse("choir")


# Durations


@given(st.integers(1, 400), st.none() | st.integers(1, 400))
def test_snapped_durations_are_in_the_representation(steps: int, gap: int | None) -> None:
    assert snap_duration(steps, gap) in DURATIONS


@given(st.sampled_from(DURATIONS), st.none() | st.integers(1, 400))
def test_exact_durations_stay_whatever_follows(duration: int, gap: int | None) -> None:
    assert snap_duration(duration, gap) == duration


def test_a_note_that_almost_reaches_the_next_one_does() -> None:
    assert snap_duration(22) == 24
    assert snap_duration(21, gap=20) == 18  # 20 is as near as 18 or 24 would be: it means the next
    assert snap_duration(45, gap=46) == 48


@given(st.integers(1, 400))
def test_longest_duration_fits(limit: int) -> None:
    longest = longest_duration(limit)
    assert longest <= limit
    assert not any(longest < duration <= limit for duration in DURATIONS)


# tidy


@given(notes(96, held=True))
def test_tidy_is_idempotent(made: tuple[Note, ...]) -> None:
    assert tidy(made) == made
    assert tidy(reversed(made)) == made


def test_tidy_cuts_a_note_that_is_struck_again() -> None:
    assert tidy([note(0, duration=48), note(20)]) == (note(0, duration=18), note(20))


def test_tidy_keeps_the_longest_of_equals() -> None:
    assert tidy([note(duration=12), note(duration=24), note(duration=6)]) == (note(duration=24),)


def test_drum_hits_share_duration_and_loudest_velocity() -> None:
    kick = note(pitch=36, role=Role.DRUMS, velocity=3)
    snare = note(pitch=38, role=Role.DRUMS, velocity=6, duration=1)
    assert tidy([kick, snare]) == (
        replace(kick, duration=3, velocity=6),
        replace(snare, duration=3, velocity=6),
    )


# Clips


@given(clips())
def test_dictionaries_are_exact(clip: Clip) -> None:
    assert Clip.from_dict(json.loads(json.dumps(clip.to_dict()))) == clip


@pytest.mark.parametrize(
    "change",
    [
        {"meter": "4"},
        {"key": "H major"},
        {"programs": [0, 0]},
        {"n_bars": 5},
        {"tempo_qpm": 0},
        {"place": "nowhere"},
        {"notes": [[0, 0, 60]]},
        {"notes": [[0, 9, 60, 12, None, False]]},
        {"notes": [[0, 0, 60, 13, None, False]]},
        {"notes": [[500, 0, 60, 12, None, False]]},
        {"notes": None},
    ],
)
def test_what_is_no_clip_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ClipError):
        Clip.from_dict(Clip().to_dict() | change)


@pytest.mark.parametrize(
    "wrong",
    [
        note(-1),
        note(192),
        note(pitch=128),
        note(duration=5),
        note(velocity=8),
        note(3, held=True),
        note(pitch=60, role=Role.DRUMS, duration=3),
    ],
)
def test_notes_outside_the_representation_are_refused(wrong: Note) -> None:
    with pytest.raises(ClipError):
        Clip(notes=(wrong,))


def test_untidy_notes_are_refused() -> None:
    with pytest.raises(ClipError, match="tidy"):
        Clip(notes=(note(12), note(0)))


def test_keep_leaves_the_other_roles_out() -> None:
    clip = Clip(notes=tidy([note(), note(role=Role.BASS)]))
    assert clip.keep([Role.BASS]).roles == (Role.BASS,)
    assert clip.roles == (Role.MELODY, Role.BASS)


def test_duration_follows_tempo() -> None:
    assert Clip(tempo_qpm=60).duration_s == 16.0


# Pieces


@given(pieces())
def test_spans_cover_all_bars_in_one_meter_each(made: Piece) -> None:
    covered = []
    for first, n_bars in made.spans():
        assert 1 <= n_bars <= BARS_PER_CLIP
        covered += range(first, first + n_bars)
    assert covered == list(range(len(made.bars)))
    assert all(
        clip.meter == made.bars[first].meter
        for clip, (first, _) in zip(made.clips(), made.spans(), strict=True)
    )


@given(pieces())
def test_joining_the_clips_gives_the_piece(made: Piece) -> None:
    again = join(made.clips())
    assert again.notes == made.notes
    assert [bar.meter for bar in again.bars] == [bar.meter for bar in made.bars]
    assert again.key == made.key


@given(pieces(lowest=0, highest=127))
def test_extreme_pitches_fold_by_octaves(made: Piece) -> None:
    for clip in made.clips():
        for moved in transpose(clip.notes, clip.key.shift):
            assert 0 <= moved.pitch < 128
    names = {(n.start, n.role, n.pitch % 12) for n in made.notes if n.role is not Role.DRUMS}
    again = join(made.clips()).notes
    assert {(n.start, n.role, n.pitch % 12) for n in again if n.role is not Role.DRUMS} <= names


def test_a_long_note_is_held_through_short_clips() -> None:
    made = piece("3/8 3/8 3/8 3/8 3/8 4/4 3/8 3/8", note(6, duration=192))
    held = [clip.notes[0] for clip in made.clips()[1:]]
    assert [(n.start, n.duration, n.held) for n in held] == [
        (0, 144, True),
        (0, 96, True),
        (0, 48, True),
    ]
    assert join(made.clips()).notes == made.notes


def test_a_held_note_struck_again_soon_is_not_cut_by_joining() -> None:
    # Eleven steps are left, which round to 12, but the pitch is struck again after 11.
    made = piece("4/4 4/4 4/4 4/4 4/4", note(191), note(203))
    assert made.clips()[1].notes[0].duration == 9
    assert join(made.clips()).notes == made.notes


def test_a_held_note_without_a_beginning_is_struck() -> None:
    clip = Clip(notes=(note(held=True),))
    assert join([clip]).notes == (note(),)


def test_clips_know_their_place_and_tempo() -> None:
    made = piece("4/4 " * 12, note(), tempo_qpm=90)
    assert [clip.place for clip in made.clips()] == [Place.START, Place.MIDDLE, Place.END]
    assert made.clip(1, 2).tempo_qpm == pytest.approx(90)


def test_clips_that_are_not_there_are_refused() -> None:
    made = piece("4/4 4/4 3/4", note())
    with pytest.raises(ClipError, match="bars"):
        made.clip(2, 4)
    with pytest.raises(ClipError, match="meter"):
        made.clip(1, 2)
    with pytest.raises(ClipError):
        join([])


def test_pieces_with_gaps_or_held_notes_are_refused() -> None:
    bar = Bar(start=0, meter=Meter(), tempo_qpm=120)
    with pytest.raises(ClipError, match="follow"):
        Piece(bars=(bar, replace(bar, start=50)), notes=())
    with pytest.raises(ClipError, match="held"):
        Piece(bars=(bar,), notes=(note(held=True),))
    with pytest.raises(ClipError, match="outside"):
        Piece(bars=(bar,), notes=(note(48),))
