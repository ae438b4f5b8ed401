"""Roles: names first, then programs, then where a track lies."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given

from musicgen_vae.music.clip import (
    DEFAULT_PROGRAMS,
    DRUM_PITCHES,
    DURATIONS,
    Note,
    Role,
    tidy,
)
from musicgen_vae.music.roles import Track, assign_roles, is_line, split_roles
from tests.music.strategies import notes

MELODY, HARMONY, BASS, DRUMS = Role


def line(pitches: Iterable[int], *, length: int = 12, start: int = 0) -> tuple[Note, ...]:
    return tuple(
        Note(start=start + length * i, role=HARMONY, pitch=pitch, duration=length)
        for i, pitch in enumerate(pitches)
    )


def chords(*roots: int, length: int = 24) -> tuple[Note, ...]:
    return tuple(
        Note(start=length * i, role=HARMONY, pitch=root + third, duration=length)
        for i, root in enumerate(roots)
        for third in (0, 4, 7)
    )


HIGH = line([72, 74, 76, 77, 79, 77, 76, 74])
LOW = line([36, 43, 36, 43, 41, 43, 36, 36])
CHORDS = chords(60, 65, 67, 60)


def roles_of(*tracks: Track) -> list[Role | None]:
    """The role of each track; None where its notes are split."""
    notes, _ = assign_roles(tracks)
    found = {(note.start, note.pitch): note.role for note in notes}
    result: list[Role | None] = []
    for track in tracks:
        own = {found[note.start, note.pitch] for note in track.notes}
        result.append(own.pop() if len(own) == 1 else None)
    return result


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("MELODY", MELODY),
        ("Lead Vocals", MELODY),
        ("voice_1", MELODY),
        ("Soprano", MELODY),
        ("Synth Bass", BASS),
        ("E.Bass 2", BASS),
        ("BRIDGE", HARMONY),
        ("Chords", HARMONY),
        ("warm pad", HARMONY),
        ("Alto", HARMONY),
    ],
)
def test_words_in_names_settle_roles(name: str, role: Role) -> None:
    other = Track(notes=line([100] * 8), name="melody" if role is not MELODY else "harmony")
    assert roles_of(Track(notes=line([60, 62, 64, 65]), name=name), other)[0] is role


@pytest.mark.parametrize("name", ["Bassoon", "Leader", "Padre", "Unchorded", "\x00\xff"])
def test_parts_of_words_settle_nothing(name: str) -> None:
    middle = Track(notes=CHORDS, name=name, program=70)
    assert roles_of(middle, Track(notes=HIGH), Track(notes=LOW)) == [HARMONY, MELODY, BASS]


def test_piano_is_harmony_beside_a_named_melody() -> None:
    tracks = [Track(notes=CHORDS, name="MELODY"), Track(notes=HIGH, name="PIANO")]
    assert roles_of(*tracks) == [MELODY, HARMONY]


def test_a_lead_sound_far_down_is_no_melody() -> None:
    saw = Track(notes=LOW, name="Sawtooth Lead", program=81)
    assert roles_of(saw, Track(notes=HIGH, name="Square Lead", program=80)) == [BASS, MELODY]


def test_names_of_sounds_are_no_names_of_roles() -> None:
    names = ("Square Lead", "Lead 2 (sawtooth)", "Synth Voice", "Bass Lead")
    echo = [Track(notes=line([67, 69, 71, 67], start=6), name=name) for name in names]
    assert roles_of(Track(notes=HIGH, name="Square Lead"), Track(notes=LOW), *echo) == [
        MELODY,
        BASS,
        *[HARMONY] * 4,
    ]
    guitar = Track(notes=line([60, 62, 64, 65]), name="Lead Guitar")
    assert roles_of(guitar, Track(notes=HIGH)) == [MELODY, HARMONY]


def _solo(track: Track, role: Role, *others: Track) -> list[int]:
    """Starts of the notes of a track that have a role."""
    notes, _ = assign_roles([track, *others])
    return [n.start for n in notes if n.role is role and n.pitch in {x.pitch for x in track.notes}]


def test_while_the_melody_rests_the_next_line_has_it() -> None:
    singer = Track(notes=(*line([76] * 8), *line([76] * 8, start=12 * 24)))
    flute = Track(notes=line([65] * 32))
    low = Track(notes=line([36, 38] * 16))
    rest = [12 * i for i in range(8, 24)]
    assert _solo(flute, MELODY, singer, low) == rest
    assert _solo(flute, HARMONY, singer, low) == [12 * i for i in (*range(8), *range(24, 32))]
    # Not in a short rest, not beside a melody that is named so, not by chords or a few notes.
    short = Track(notes=(*line([76] * 8), *line([76] * 8, start=12 * 15)))
    assert _solo(flute, MELODY, short, low)[0] == 12 * 23  # after its end only
    named = Track(notes=singer.notes, name="melody")
    assert _solo(flute, MELODY, named, low) == []
    organ = Track(notes=(*flute.notes, *line([62] * 32)))
    assert _solo(organ, MELODY, singer, low) == []
    bell = Track(notes=(*line([65] * 8), *line([65] * 3, start=12 * 10)))
    assert _solo(bell, MELODY, singer, low) == []


def test_gm_bass_programs_are_bass() -> None:
    tracks = [Track(notes=chords(40, 45), program=33), Track(notes=LOW), Track(notes=HIGH)]
    assert roles_of(*tracks) == [BASS, HARMONY, MELODY]


def test_lowest_and_highest_lines_are_bass_and_melody() -> None:
    inner = Track(notes=line([65, 67, 69, 65]))
    assert roles_of(Track(notes=LOW), inner, Track(notes=HIGH), Track(notes=CHORDS)) == [
        BASS,
        HARMONY,
        MELODY,
        HARMONY,
    ]


def test_two_high_voices_have_no_bass() -> None:
    assert roles_of(Track(notes=line([67, 69, 71])), Track(notes=line([74, 76, 77]))) == [
        HARMONY,
        MELODY,
    ]


def test_a_line_heard_once_is_no_melody() -> None:
    bell = Track(notes=line([96]), name="bell", program=14)
    band = [Track(notes=HIGH), Track(notes=LOW), bell]
    assert roles_of(*band) == [MELODY, BASS, HARMONY]


def test_one_voice_is_melody_whatever_its_height() -> None:
    assert roles_of(Track(notes=LOW)) == [MELODY]
    assert roles_of(Track(notes=LOW, name="Piano")) == [MELODY]


@pytest.mark.parametrize("role", [MELODY, HARMONY, BASS])
def test_a_track_named_by_its_role_keeps_it(role: Role) -> None:
    assert roles_of(Track(notes=CHORDS, name=role.label)) == [role]


@pytest.mark.parametrize("name", ["", "Piano", "piano solo", "Piano Melody"])
def test_a_piano_file_is_split(name: str) -> None:
    inner = tuple(note for note in CHORDS if note.pitch % 12 not in (7,))
    notes, programs = assign_roles([Track(notes=(*HIGH, *inner, *LOW), name=name, program=1)])
    found = {role: {n.pitch for n in notes if n.role is role} for role in Role}
    assert found[MELODY] == {n.pitch for n in HIGH}
    assert found[BASS] == {n.pitch for n in LOW}
    assert found[HARMONY] == {n.pitch for n in inner}
    assert programs == (1, 1, 1, DEFAULT_PROGRAMS[DRUMS])


def test_two_hands_of_a_piano_are_split_as_one() -> None:
    right = Track(notes=(*HIGH, *CHORDS), name="Piano right")
    left = Track(notes=(*LOW, *line([48, 55, 48, 55, 53, 55, 48, 48])), name="Piano left")
    notes, _ = assign_roles([left, right])
    found = {role: {n.pitch for n in notes if n.role is role} for role in Role}
    assert found[MELODY] == {n.pitch for n in HIGH}
    assert found[BASS] == {n.pitch for n in LOW}


def test_hands_with_one_line_each_are_melody_and_bass() -> None:
    assert roles_of(Track(notes=HIGH, name="RH"), Track(notes=LOW, name="LH")) == [MELODY, BASS]


def test_a_band_without_a_lead_sings_with_its_highest_chords() -> None:
    guitar = Track(notes=chords(64, 67, 69, 64), program=27)
    organ = Track(notes=chords(48, 52, 53, 48), program=16)
    bass = Track(notes=LOW, program=33)
    notes, _ = assign_roles([organ, guitar, bass])
    assert {n.pitch for n in notes if n.role is MELODY} == {71, 74, 76}
    assert {n.pitch for n in notes if n.role is BASS} == {n.pitch for n in LOW}


def test_chords_named_as_such_do_not_sing() -> None:
    chord_track = Track(notes=CHORDS, name="chords")
    assert roles_of(chord_track, Track(notes=LOW, name="bass")) == [HARMONY, BASS]


def test_every_drum_of_general_midi_has_a_class() -> None:
    kit = tuple(
        Note(start=3 * i, role=HARMONY, pitch=pitch, duration=1)
        for i, pitch in enumerate(range(35, 82))
    )
    notes, _ = assign_roles([Track(notes=kit, is_drum=True)])
    assert len(notes) == len(kit)
    classes = {35 + note.start // 3: note.pitch for note in notes}
    assert {pitch: classes[pitch] for pitch in DRUM_PITCHES} == {p: p for p in DRUM_PITCHES}
    expected = {35: 36, 40: 38, 39: 38, 44: 42, 41: 43, 48: 50, 57: 49, 59: 51, 53: 51, 70: 42}
    assert {pitch: classes[pitch] for pitch in expected} == expected


def test_drum_sounds_outside_general_midi_are_left_out() -> None:
    kit = line([36, 3, 100])
    assert [n.pitch for n in assign_roles([Track(notes=kit, is_drum=True)])[0]] == [36]


def test_programs_are_the_most_used() -> None:
    tracks = [
        Track(notes=line([72, 74]), name="voice", program=52),
        Track(notes=line([76] * 3, start=24), name="voice", program=53),
        Track(notes=line([36, 38]), is_drum=True, program=8),
    ]
    assert assign_roles(tracks)[1] == (53, DEFAULT_PROGRAMS[HARMONY], DEFAULT_PROGRAMS[BASS], 8)


def test_nothing_gives_nothing() -> None:
    assert assign_roles([]) == ((), DEFAULT_PROGRAMS)
    assert assign_roles([Track(notes=(), name="melody")]) == ((), DEFAULT_PROGRAMS)


def test_durations_are_snapped_against_the_next_onset_of_the_role() -> None:
    # 13 of 14 steps until the voice goes on: legato. The chord below knows nothing of it.
    voice = Track(
        name="voice",
        notes=(
            Note(start=0, role=HARMONY, pitch=72, duration=20),
            Note(start=20, role=HARMONY, pitch=74, duration=22),
        ),
    )
    notes, _ = assign_roles([voice, Track(notes=line([60], length=22), name="pad")])
    assert [(n.start, n.duration) for n in notes if n.role is MELODY] == [(0, 18), (20, 24)]
    assert all(note.duration in DURATIONS for note in notes)


# split_roles


def test_an_inner_note_does_not_replace_a_melody_note_that_sounds() -> None:
    long = Note(start=0, role=HARMONY, pitch=76, duration=48)
    inner = line([60, 64, 67, 64])
    low = Note(start=0, role=HARMONY, pitch=40, duration=48)
    found = {n.pitch: n.role for n in split_roles([long, *inner, low])}
    assert found == {76: MELODY, 60: HARMONY, 64: HARMONY, 67: HARMONY, 40: BASS}


def test_accompaniment_in_a_rest_is_no_melody() -> None:
    tune = (*line([76, 77, 79, 77]), *line([76, 77, 79, 77], start=144))
    under = line([48, 55] * 8)
    roles = {(n.start, n.pitch): n.role for n in split_roles([*tune, *under])}
    assert {role for (_, pitch), role in roles.items() if pitch > 70} == {MELODY}
    assert MELODY not in {role for (_, pitch), role in roles.items() if pitch < 70}


def test_a_jumping_left_hand_has_its_bass_on_the_beat() -> None:
    tune = line([76, 77, 79, 77, 76, 74, 72, 74])
    stride = line([36, 60, 43, 60, 36, 60, 43, 60])
    found = split_roles([*tune, *stride])
    assert {n.pitch for n in found if n.role is BASS} == {36, 43}
    assert {n.pitch for n in found if n.role is HARMONY} == {60}


def test_legato_is_not_chords() -> None:
    legato = tuple(Note(start=12 * i, role=HARMONY, pitch=60 + i, duration=14) for i in range(8))
    assert is_line(legato)
    assert not is_line(CHORDS)
    assert {n.role for n in split_roles(legato)} == {MELODY}


def sounds_of(made: Iterable[Note]) -> list[tuple[int, int, int]]:
    return sorted((note.start, note.pitch, note.duration) for note in made)


@given(notes(192))
def test_splitting_changes_roles_alone(made: tuple[Note, ...]) -> None:
    pitched = [note for note in made if note.role is not DRUMS]
    split = split_roles(pitched)
    assert sounds_of(split) == sounds_of(pitched)
    assert DRUMS not in {n.role for n in split}
    assert not pitched or MELODY in {n.role for n in split}


@given(notes(192), notes(192))
def test_assigned_notes_are_tidy(first: tuple[Note, ...], second: tuple[Note, ...]) -> None:
    tracks = [Track(notes=first), Track(notes=second, is_drum=True)]
    found, programs = assign_roles(tracks)
    assert tidy(found) == found
    assert len(programs) == 4
