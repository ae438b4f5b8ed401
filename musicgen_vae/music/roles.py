"""From tracks to roles: which notes are melody, harmony, bass and drums.

Knows track names, General MIDI programs and pitches on the grid; does not know files. What it
decides where names say nothing is a guess that suits most songs, not analysis: the highest line is
taken for the melody, the lowest for the bass ("skyline", Uitdenbogerd and Zobel, "Manipulation of
Music for Melody Matching", 1998).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from musicgen_vae.music.clip import (
    DEFAULT_PROGRAMS,
    STEPS_PER_BEAT,
    Note,
    Role,
    snap_duration,
    tidy,
)

Programs = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """One instrument of a file, on the grid.

    Attributes:
        notes: at absolute pitch, in any order; ``duration`` may be any number of steps from 1,
            ``role`` is not looked at, and drum pitches are those of General MIDI.
        name: as the file gives it.
        program: General MIDI program, 0 to 127.
        is_drum: it is a drum kit (General MIDI channel 10).
    """

    notes: tuple[Note, ...]
    name: str = ""
    program: int = 0
    is_drum: bool = False


_SURE_NAMES = (
    (Role.BASS, "bass|basse|basso|bassline|contrabass|bajo"),
    (
        Role.MELODY,
        "melody|melodie|melodia|mel|vocal|vocals|vox|voice|voce|voix|singer|singing|lead|leadline"
        "|soprano|solo|tune|theme|gesang|canto|chant",
    ),
    (
        Role.HARMONY,
        "harmony|harmonies|bridge|chord|chords|comp|comping|accomp|accompaniment|backing|pad|pads"
        "|rhythm|alto|tenor",
    ),
)
"""Words in a track's name that settle its role, tried in this order."""
_OPEN_NAMES = "piano|keys|keyboard|organ|strings|guitar|harp|left|right|lh|rh"
"""Words that mean harmony beside a melody, but may hold the melody themselves."""

_SOUND_NAMES = re.compile(
    r"(square|saw|sawtooth|calliope|chiff|charang|voice|fifths?|bass) lead|lead \d"
    r"|synth(etic)? (voice|vox)|(voice|vox) oohs",
    re.IGNORECASE,
)
"""General MIDI sounds whose names are not meant as roles."""
_GM_BASSES = range(32, 40)
_MIDDLE_C, _LOWEST_MELODY = 60, 48
_MONOPHONIC = 0.15
"""A track is a line if at most this share of its notes start while another of them sounds."""
_OVERLAP = 2
"""Steps by which notes of a line may overlap: playing legato is not playing chords."""
_ACTIVE = 0.15
"""A track that strikes in fewer beats than this share of the busiest track's holds no melody."""
_LONG_REST = 96
"""Steps (two bars of 4/4) without melody after which another instrument may have taken it over."""
_MIN_TAKEN = 4
"""Notes that it plays there at least."""
_NEIGHBOURS = 8
"""Notes to either side that show where a line lies just now."""
_MELODY_DROP, _BASS_RISE = 12, 7
"""Semitones from there beyond which a note is not of the line."""

# Nearest of the 9 classes for each General MIDI drum sound (35 to 81), and for two hi-hat edges
# (22, 26) and a tom rim (58) of electronic kits: drums by size, shakers and scrapers as hats, wood
# as the snare's rim, bells and metal as the ride.
_DRUM_CLASSES = {
    36: (35, 36),
    38: (37, 38, 39, 40, 75, 76, 77),
    42: (22, 42, 44, 54, 69, 70, 73),
    46: (26, 46, 71, 72, 74),
    43: (41, 43, 58, 64, 79),
    47: (45, 47, 61, 63, 66, 78),
    50: (48, 50, 60, 62, 65),
    49: (49, 52, 55, 57),
    51: (51, 53, 56, 59, 67, 68, 80, 81),
}
DRUM_CLASS_OF = {pitch: drum for drum, pitches in _DRUM_CLASSES.items() for pitch in pitches}
"""General MIDI's drums to those that a clip knows; a click, which is not there, is left out."""


def assign_roles(tracks: Sequence[Track]) -> tuple[tuple[Note, ...], Programs]:
    """Notes with roles, and the program of each role.

    The first rule that fits a track decides:

    1. Drum kits are drums, each sound as the nearest of ``DRUM_PITCHES``; sounds outside General
       MIDI are left out.
    2. A whole word in the name: bass; melody, vocal, voice, lead, soprano and their like; harmony,
       bridge, chord, pad and their like. Sounds of General MIDI such as "square lead" and "synth
       voice" are no names. Piano, organ, strings and guitar are harmony beside a track that is
       named as melody. A name does not make a melody below C3, and if there is only one pitched
       track its name must be the role's and nothing else ("piano solo" has more in it than a
       melody).
    3. A General MIDI bass program is bass.
    4. If there is no bass yet and there are two pitched tracks or more: the lowest one, if it is a
       line and lies below middle C.
    5. If there is no melody yet: the highest track that is a line and plays throughout. While it
       rests for two bars or more, what the highest other line plays is melody.
    6. If there is still none, it is inside a track: the highest one whose name settles nothing is
       split by ``split_roles``, but its lowest line is bass only if there is no other pitched
       track. Two tracks of a piano are its hands and are split as one.
    7. All else is harmony.

    Args:
        tracks: in any order.

    Returns:
        Notes as ``tidy`` leaves them, each duration one of ``DURATIONS``; and for each role the
        program most of its notes have, or the default where it has none.
    """
    pitched = [track for track in tracks if track.notes and not track.is_drum]
    parts = [(track, _drum_notes(track)) for track in tracks if track.is_drum]
    roles = _roles_of_tracks(pitched)
    hidden = _melody_inside(pitched, roles)
    if hidden:
        inside = [pitched[i] for i in hidden]
        parts.append((inside[0], _split(inside, with_bass=len(hidden) == len(pitched))))
    taken = _taken_over(pitched, roles)
    for i, (track, role) in enumerate(zip(pitched, roles, strict=True)):
        if i in hidden:
            continue
        part = _with_role(track.notes, Role.HARMONY if role is None else role)
        for start, end in taken.get(i, ()):
            part = tuple(
                replace(note, role=Role.MELODY) if start <= note.start < end else note
                for note in part
            )
        parts.append((track, part))
    notes = [note for _, part in parts for note in part]
    return tidy(_snap(notes)), _programs(parts)


def split_roles(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Melody, harmony and bass of music in one track, such as a piano file.

    The melody is the line of highest notes. A note below a melody note that still sounds is not of
    it, nor is one far below where the melody lies just now: that is the accompaniment going on in
    a rest. The bass is the line of lowest notes likewise, and the rest is harmony. Music for one
    voice is all melody.

    Args:
        notes: pitched notes in any order; their roles are not looked at.

    Returns:
        The same notes with other roles, sorted.
    """
    notes = sorted(notes, key=lambda note: (note.start, note.pitch))
    if is_line(notes):
        return _with_role(notes, Role.MELODY)
    melody = _outer_line(notes, 1, _MELODY_DROP)
    rest = [note for i, note in enumerate(notes) if i not in melody]
    bass = _outer_line(rest, -1, _BASS_RISE)
    result = [replace(notes[i], role=Role.MELODY) for i in melody]
    for i, note in enumerate(rest):
        result.append(replace(note, role=Role.BASS if i in bass else Role.HARMONY))
    return tuple(sorted(result, key=lambda note: note.sort_key))


def is_line(notes: Sequence[Note]) -> bool:
    """Whether the notes are mostly one after another, as a voice or a bass plays."""
    ordered = sorted(notes, key=lambda note: note.start)
    end, n_overlaps = 0, 0
    for note in ordered:
        n_overlaps += note.start < end - min(_OVERLAP, note.duration - 1)
        end = max(end, note.end)
    return n_overlaps <= _MONOPHONIC * len(ordered)


def _roles_of_tracks(tracks: Sequence[Track]) -> list[Role | None]:
    """Rules 2 to 5; None where they do not decide."""
    roles = [_role_by_name(track, alone=len(tracks) == 1) for track in tracks]
    if Role.MELODY in roles:
        for i, track in enumerate(tracks):
            if roles[i] is None and _has_word(track.name, _OPEN_NAMES):
                roles[i] = Role.HARMONY
    for i, track in enumerate(tracks):
        if roles[i] is None and track.program in _GM_BASSES:
            roles[i] = Role.BASS
    heights = [_height(track.notes) for track in tracks]
    if Role.BASS not in roles and len(tracks) > 1:
        lowest = min(range(len(tracks)), key=lambda i: heights[i])
        if roles[lowest] is None and heights[lowest] < _MIDDLE_C and is_line(tracks[lowest].notes):
            roles[lowest] = Role.BASS
    if Role.MELODY not in roles:
        lines = [i for i in _active(tracks) if roles[i] is None and is_line(tracks[i].notes)]
        if lines:
            roles[max(lines, key=lambda i: heights[i])] = Role.MELODY
    return roles


def _taken_over(
    tracks: Sequence[Track], roles: Sequence[Role | None]
) -> dict[int, list[tuple[int, int]]]:
    """Spans of steps in which a track has the melody: that which has it by rule 5 rests there."""
    leads = [i for i, role in enumerate(roles) if role is Role.MELODY]
    if len(leads) != 1 or _role_by_name(tracks[leads[0]], alone=len(tracks) == 1) is not None:
        return {}
    lines = [
        i
        for i in _active(tracks)
        if roles[i] is None and _height(tracks[i].notes) >= _LOWEST_MELODY
    ]
    lines = [i for i in lines if is_line(tracks[i].notes)]
    in_time = {i: sorted(tracks[i].notes, key=lambda note: note.start) for i in lines}
    result: dict[int, list[tuple[int, int]]] = {}
    for start, end in _rests(tracks[leads[0]].notes, max(n.end for t in tracks for n in t.notes)):
        heard = {i: _begun(notes, start, end) for i, notes in in_time.items()}
        heard = {i: notes for i, notes in heard.items() if len(notes) >= _MIN_TAKEN}
        if heard:
            best = max(heard, key=lambda i: _height(heard[i]))
            result.setdefault(best, []).append((start, end))
    return result


def _begun(notes: Sequence[Note], start: int, end: int) -> Sequence[Note]:
    """Those of ``notes``, sorted by start, that begin from ``start`` on and before ``end``."""
    first, last = (bisect_left(notes, at, key=lambda note: note.start) for at in (start, end))
    return notes[first:last]


def _rests(notes: Sequence[Note], end: int) -> list[tuple[int, int]]:
    """Spans of at least ``_LONG_REST`` steps, up to step ``end``, in which none of them sounds."""
    result, silent_from = [], 0
    for note in sorted(notes, key=lambda note: note.start):
        if note.start - silent_from >= _LONG_REST:
            result.append((silent_from, note.start))
        silent_from = max(silent_from, note.end)
    if end - silent_from >= _LONG_REST:
        result.append((silent_from, end))
    return result


def _active(tracks: Sequence[Track]) -> list[int]:
    """Indices of the tracks that play throughout, not just here and there."""
    beats = [len({note.start // STEPS_PER_BEAT for note in track.notes}) for track in tracks]
    return [i for i, n in enumerate(beats) if n >= _ACTIVE * max(beats)]


def _melody_inside(tracks: Sequence[Track], roles: Sequence[Role | None]) -> list[int]:
    """Indices of the track, or of the two hands of a piano, in which the melody lies; or none."""
    undecided = [i for i in range(len(tracks)) if roles[i] is None]
    if Role.MELODY in roles or not undecided:
        return []
    if len(undecided) == len(tracks) == 2 and all(track.program < 8 for track in tracks):
        return undecided
    active = [i for i in _active(tracks) if i in undecided] or undecided
    return [max(active, key=lambda i: _height(tracks[i].notes))]


def _split(tracks: Iterable[Track], *, with_bass: bool) -> tuple[Note, ...]:
    notes = split_roles(note for track in tracks for note in track.notes)
    if with_bass:
        return notes
    return tuple(replace(n, role=Role.HARMONY) if n.role is Role.BASS else n for n in notes)


def _role_by_name(track: Track, *, alone: bool) -> Role | None:
    name = track.name.lower()
    labels = {role.label: role for role in Role if role is not Role.DRUMS}
    if alone or name in labels:
        return labels.get(name)
    name = _SOUND_NAMES.sub("", name)
    role = next((role for role, words in _SURE_NAMES if _has_word(name, words)), None)
    return None if role is Role.MELODY and _height(track.notes) < _LOWEST_MELODY else role


def _has_word(name: str, words: str) -> bool:
    return re.search(rf"(?<![^\W\d_])({words})(?![^\W\d_])", name, re.IGNORECASE) is not None


def _height(notes: Sequence[Note]) -> float:
    """Median pitch."""
    return sorted(note.pitch for note in notes)[len(notes) // 2]


def _with_role(notes: Iterable[Note], role: Role) -> tuple[Note, ...]:
    return tuple(replace(note, role=role) for note in notes)


def _drum_notes(track: Track) -> tuple[Note, ...]:
    return tuple(
        replace(note, role=Role.DRUMS, pitch=DRUM_CLASS_OF[note.pitch])
        for note in track.notes
        if note.pitch in DRUM_CLASS_OF
    )


def _outer_line(notes: Sequence[Note], sign: int, reach: int) -> set[int]:
    """Indices of the highest (``sign`` 1) or lowest (-1) line of notes sorted by start."""
    line: list[int] = []
    ends: dict[int, int] = {}  # of the line's notes, the last at each pitch
    for start, group in groupby(range(len(notes)), key=lambda i: notes[i].start):
        best = notes[i := max(group, key=lambda i: sign * notes[i].pitch)]
        sounding = [pitch for pitch, end in ends.items() if end > start + _OVERLAP]
        if all(sign * pitch <= sign * best.pitch for pitch in sounding):
            line.append(i)
            ends[best.pitch] = max(best.end, ends.get(best.pitch, 0))
    heights = [sign * notes[i].pitch for i in line]
    result = set()
    for place, i in enumerate(line):
        near = sorted(heights[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1])
        # The upper third: where the accompaniment fills rests, half the line may be its notes.
        if heights[place] >= near[2 * len(near) // 3] - reach:
            result.add(i)
    return result


def _snap(notes: Sequence[Note]) -> list[Note]:
    """Each duration as one of ``DURATIONS``, seen against the next onset of its role."""
    onsets = {role: sorted({n.start for n in notes if n.role is role}) for role in Role}
    snapped: dict[tuple[int, int | None], int] = {}
    result = []
    for note in notes:
        later = bisect_right(onsets[note.role], note.start)
        gap = None
        if later < len(onsets[note.role]):
            gap = onsets[note.role][later] - note.start
        if (note.duration, gap) not in snapped:
            snapped[note.duration, gap] = snap_duration(note.duration, gap)
        result.append(replace(note, duration=snapped[note.duration, gap]))
    return result


def _programs(parts: Iterable[tuple[Track, Sequence[Note]]]) -> Programs:
    used: dict[Role, Counter[int]] = {role: Counter() for role in Role}
    for track, notes in parts:
        for note in notes:
            used[note.role][track.program] += 1
    melody, harmony, bass, drums = (
        used[role].most_common(1)[0][0] if used[role] else DEFAULT_PROGRAMS[role] for role in Role
    )
    return melody, harmony, bass, drums
