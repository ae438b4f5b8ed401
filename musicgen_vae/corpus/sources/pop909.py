"""POP909: 909 Chinese pop songs arranged for melody, second voice and piano.

Two releases of the same music are read together. POP909 (Wang et al., "POP909: A Pop-song Dataset
for Music Arrangement Generation", ISMIR 2020) tells melody, bridge and piano apart and has beats,
tempo and velocities. POP909-CL (Yao et al., "BACHI: Boundary-Aware Symbolic Chord Recognition
Through Masked Iterative Decoding on Pop and Classical Music", ICASSP 2026) has chords and keys
corrected by people, but one track, no tempo, and in one song of twelve no beat where the chords
change. In ticks the second is the first, moved as a whole; ``_alignment`` finds by how much.

Beats are POP909's. Bar lines are found from what both releases say (``barlines``), for neither can
be trusted alone. This module knows the two folder layouts; it does not know tokens or shards. The
MIT licence of both covers the encoding.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mido
import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicgen_vae.corpus.chords import Chord, parse_chord
from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.barlines import Witness, find_bars
from musicgen_vae.corpus.sources.modulations import find_scales
from musicgen_vae.errors import CorpusError, InputError
from musicgen_vae.music.clip import (
    STEPS_PER_BEAT,
    Bar,
    Key,
    Meter,
    Mode,
    Note,
    Piece,
    Role,
    snap_duration,
    tidy,
    transpose,
)
from musicgen_vae.music.key import estimate_key

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]

SOURCE = "pop909"
LICENCE = "MIT"
_ROLES = {"MELODY": Role.MELODY, "BRIDGE": Role.HARMONY, "PIANO": Role.HARMONY}
_CHORD_TRACKS = ("chords", "MIDI 01")
_PROGRAMS = (0, 0, 33, 0)

_BEAT = 480
"""Ticks in a quarter note, in everything that ``_load`` returns."""
_SAME = 20
"""Ticks by which two releases may differ about one note: POP909-CL has 24 ticks to a beat."""
_MIN_SHARED = 0.95
"""Share of a release's notes that the other must have for the two to be the same music."""
_STEP_COST = (0.0, 0.5, 0.4, 0.0, 0.2, 0.5, 0.0, 0.5, 0.2, 0.0, 0.4, 0.5)
"""How many steps further away each step of a beat may seem to a performed onset: of two
neighbours the simpler subdivision is meant."""
_SIMPLE = (0, 3, 4, 6, 8, 9, 12)
"""Sixteenths and eighth triplets, in steps of the beat."""
_OFF_GRID = 1.0
"""An onset more than this many steps from every sixteenth and eighth triplet is off the grid."""
_DETACHED = 0.6
"""A note that sounds for this share of the time to the next onset in its role is meant to reach it:
note-offs are early by no fixed amount (in 37 songs, given that time, the durations of the
melody hold 0.85 nats instead of 1.25)."""
_BASS = 52
"""Notes below this pitch (E3) are taken for the bass when bar lines are sought."""
_WITNESSES = {
    "chords": Witness(first=0.93, middle=0.44, other=0.08),
    "bass": Witness(first=0.81, middle=0.5, other=0.12, weight=0.5),
    "audio": Witness(first=0.88, middle=0.19, other=0.04, weight=0.3),
    "midi": Witness(first=0.75, middle=0.09, other=0.08, weight=0.15),
}
"""How often chord changes, bass notes and the downbeats tracked in the recording and in the MIDI
file fall on each beat: counted over all songs, in the bars that were found from guesses near these
numbers. The trackers' mistakes last for whole sections, hence the low weights."""
_FAR = 1e7
"""Ticks that no song reaches."""


@dataclass(frozen=True, kw_only=True)
class _Played:
    """A note as it stands in a file; times in ticks of 1/480 of a quarter note."""

    start: int
    end: int
    pitch: int
    velocity: int
    track: str


@dataclass(frozen=True, kw_only=True)
class _Score:
    """What a MIDI file of either release says, in ticks of 1/480 of a quarter note.

    Attributes:
        notes: by start.
        tempi: (tick, microseconds in a quarter note), by tick, the first at tick 0.
        keys: (tick, name such as "F#m"), by tick.
    """

    notes: tuple[_Played, ...]
    tempi: tuple[tuple[int, int], ...]
    keys: tuple[tuple[int, str], ...]

    def seconds(self, ticks: ArrayLike) -> Floats:
        """Times of ticks; the first and last tempo hold before and after."""
        return np.interp(np.asarray(ticks, dtype=np.float64), *self._times())

    def ticks(self, seconds: ArrayLike) -> Floats:
        """Ticks of times; inverse of ``seconds``."""
        ticks, times = self._times()
        return np.interp(np.asarray(seconds, dtype=np.float64), times, ticks)

    def _times(self) -> tuple[Floats, Floats]:
        """Ticks and seconds between which time runs evenly."""
        ticks = np.array([-_FAR, *(tick for tick, _ in self.tempi), _FAR])
        tempi = np.array([self.tempi[0][1], *(tempo for _, tempo in self.tempi)])
        times = np.cumsum(np.diff(ticks) * tempi) / _BEAT * 1e-6
        return ticks, np.concatenate([[0.0], times]) + ticks[0] * tempi[0] / _BEAT * 1e-6


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """Beats of a song; between two of them it runs evenly.

    Attributes:
        ticks: of the beats, increasing; shape (n_beats,).
    """

    ticks: Floats

    @classmethod
    def through(cls, ticks: Floats, first: int, last: int) -> _Grid:
        """The beats at ``ticks``, evenly continued to a bar before ``first`` and after ``last``."""
        n_before = max(0, math.ceil((ticks[0] - first) / _BEAT) + 4)
        n_after = max(0, math.ceil((last - ticks[-1]) / _BEAT) + 4)
        before = ticks[0] - _BEAT * np.arange(n_before, 0, -1)
        after = ticks[-1] + _BEAT * np.arange(1, n_after + 1)
        return cls(ticks=np.concatenate([before, ticks, after]))

    def beats(self, ticks: ArrayLike) -> Floats:
        """Positions of ticks in beats; those outside are taken to the nearest end."""
        at = np.asarray(ticks, dtype=np.float64)
        return np.interp(at, self.ticks, np.arange(len(self.ticks), dtype=np.float64))

    def seconds(self, beat: int, score: _Score) -> float:
        """Time of a beat, which may lie outside."""
        inside = min(max(beat, 0), len(self.ticks) - 1)
        return float(score.seconds(self.ticks[inside] + _BEAT * (beat - inside)))


@dataclass(frozen=True, kw_only=True)
class _Placing:
    """How a song was put on the grid.

    Attributes:
        score: the song's file.
        grid: its beats.
        zero: step of the grid at which the piece starts.
        shifts: semitones by which the notes of each bar were moved to the song's one key.
    """

    score: _Score
    grid: _Grid
    zero: int
    shifts: tuple[int, ...]


def list_songs(pop909_dir: Path) -> tuple[str, ...]:
    """Ids of the songs, "001" to "909".

    Raises:
        CorpusError: if there are none.
    """
    songs = (
        sorted(path.name for path in pop909_dir.iterdir() if path.name.isdigit())
        if pop909_dir.is_dir()
        else []
    )
    if not songs:
        raise CorpusError(f"{pop909_dir} holds no folders 001 to 909: give POP909's folder of them")
    return tuple(songs)


def read_pop909(pop909_dir: Path, pop909_cl_dir: Path) -> Iterator[SourcePiece | Failure]:
    """Every song, in the order of their numbers.

    Args:
        pop909_dir: POP909's folder of numbered folders.
        pop909_cl_dir: POP909-CL's folder ``POP909_processed``.

    Raises:
        CorpusError: if either folder is missing or empty.
    """
    songs = list_songs(pop909_dir)
    if not any(pop909_cl_dir.glob("*.mid")):
        raise CorpusError(f"{pop909_cl_dir} has no MIDI files: give POP909-CL's POP909_processed")
    for song in songs:
        yield read_song(pop909_dir, pop909_cl_dir, song)


def read_song(pop909_dir: Path, pop909_cl_dir: Path, song: str) -> SourcePiece | Failure:
    """One song; a ``Failure`` says why it cannot be used."""
    found = _read_placed(pop909_dir, pop909_cl_dir, song)
    return found if isinstance(found, Failure) else found[0]


def read_with_chords(
    pop909_dir: Path, pop909_cl_dir: Path, song: str
) -> tuple[SourcePiece, tuple[Chord, ...]] | Failure:
    """One song as ``read_song`` gives it, and the chords that were found in its MIDI file."""
    found = _read_placed(pop909_dir, pop909_cl_dir, song)
    if isinstance(found, Failure):
        return found
    try:
        text = (pop909_dir / song / "chord_midi.txt").read_text(encoding="utf-8")
        chords = _chords(text, *found)
    except (InputError, OSError, ValueError) as error:
        return Failure(source=SOURCE, song=song, reason=f"{type(error).__name__}: {error}")
    return found[0], chords


def _read_placed(
    pop909_dir: Path, pop909_cl_dir: Path, song: str
) -> tuple[SourcePiece, _Placing] | Failure:
    try:
        original = _load(pop909_dir / song / f"{song}.mid")
        corrected = _load(_find(pop909_cl_dir, song))
        piece, placing = _piece(original, corrected, pop909_dir / song, title=f"POP909 {song}")
    except (InputError, OSError, ValueError, EOFError, KeyError, IndexError) as error:
        return Failure(source=SOURCE, song=song, reason=f"{type(error).__name__}: {error}")
    item = SourcePiece(
        piece=piece,
        source=SOURCE,
        song=song,
        licence=LICENCE,
        style="pop",
        split={7: "test", 17: "validation"}.get(int(song) % 20, "train"),
    )
    return item, placing


def _chords(text: str, item: SourcePiece, placing: _Placing) -> tuple[Chord, ...]:
    """The lines "start, end, chord" (seconds) of ``chord_midi.txt`` on the grid of the piece."""
    bars = [bar.start for bar in item.piece.bars]
    chords: list[Chord] = []
    for line in text.splitlines():
        start, _, name = line.split()
        tick = float(placing.score.ticks(float(start)))
        step = round(STEPS_PER_BEAT * float(placing.grid.beats(tick))) - placing.zero
        if step >= item.piece.bars[-1].end:
            break
        step = max(0, step)
        chord = parse_chord(name, step)
        shift = placing.shifts[bisect_right(bars, step) - 1]
        chord = replace(
            chord,
            root=(chord.root + shift) % 12,
            bass=None if chord.bass is None else (chord.bass + shift) % 12,
        )
        if chords and chords[-1].start == step:
            chords.pop()
        chords.append(chord)
    return tuple(chords)


def _find(folder: Path, song: str) -> Path:
    """The song's file; one of them is named with a blank before its suffix."""
    for path in sorted(folder.glob(f"{song}*.mid")):
        if path.stem.strip() == song:
            return path
    raise CorpusError(f"{folder} has no file for song {song}")


def _load(path: Path) -> _Score:
    file = mido.MidiFile(path)
    scale = _BEAT / file.ticks_per_beat
    notes: list[_Played] = []
    tempi: dict[int, int] = {}
    keys: list[tuple[int, str]] = []
    for track in file.tracks:
        sounding: dict[int, list[tuple[int, int]]] = defaultdict(list)
        ticks = 0
        for event in track:
            ticks += event.time
            now = round(ticks * scale)
            if event.type == "set_tempo":
                tempi[now] = event.tempo
            elif event.type == "key_signature":
                keys.append((now, event.key))
            elif event.type == "note_on" and event.velocity:
                sounding[event.note].append((now, event.velocity))
            elif event.type in ("note_on", "note_off") and sounding[event.note]:
                start, velocity = sounding[event.note].pop(0)
                notes.append(
                    _Played(
                        start=start,
                        end=now,
                        pitch=event.note,
                        velocity=velocity,
                        track=track.name,
                    )
                )
    if not tempi:
        raise CorpusError(f"{path.name} has no tempo")
    first = tempi[min(tempi)]
    return _Score(
        notes=tuple(sorted(notes, key=lambda note: note.start)),
        tempi=((0, first), *sorted(item for item in tempi.items() if item[0] > 0)),
        keys=tuple(sorted(keys)),
    )


def _read_beats(folder: Path) -> tuple[Floats, Floats, Floats]:
    """Seconds of the beats, of the bars tracked in the MIDI file and in the recording."""
    midi = np.loadtxt(folder / "beat_midi.txt", ndmin=2)
    audio = np.loadtxt(folder / "beat_audio.txt", ndmin=2)
    if len(midi) < 2:
        raise CorpusError("beat_midi.txt names fewer than two beats")
    return midi[:, 0], midi[midi[:, 2] == 1, 0], audio[audio[:, 1] == 1, 0]


def _alignment(original: Sequence[_Played], corrected: Sequence[_Played]) -> tuple[int, float]:
    """Ticks from the original to the corrected release, and the smaller share of shared notes."""
    ours, theirs = _by_pitch(original), _by_pitch(corrected)
    shared = ours.keys() & theirs.keys()
    if not shared:
        return 0, 0.0
    shifts = np.concatenate(
        [(theirs[pitch][None, :] - ours[pitch][:, None]).ravel() for pitch in shared]
    )
    values, counts = np.unique(shifts, return_counts=True)
    # The corrected release is rounded to 20 ticks, so the votes for performed notes are spread.
    total = np.concatenate([[0], np.cumsum(counts)])
    votes = (
        total[np.searchsorted(values, values + _SAME // 2, side="right")]
        - total[np.searchsorted(values, values - _SAME // 2, side="left")]
    )
    best = values[votes.argmax()]
    shift = round(float(np.median(shifts[abs(shifts - best) <= _SAME])))
    return shift, min(_found(ours, theirs, shift), _found(theirs, ours, -shift))


def _by_pitch(notes: Iterable[_Played]) -> dict[int, Ints]:
    starts: dict[int, list[int]] = defaultdict(list)
    for note in notes:
        starts[note.pitch].append(note.start)
    return {pitch: np.array(ticks) for pitch, ticks in starts.items()}


def _found(ours: dict[int, Ints], theirs: dict[int, Ints], shift: int) -> float:
    """Share of our notes, moved by ``shift``, that they have too."""
    n_found = sum(
        int((abs(theirs[pitch][None, :] - starts[:, None] - shift) <= _SAME).any(axis=1).sum())
        for pitch, starts in ours.items()
        if pitch in theirs
    )
    return n_found / sum(map(len, ours.values()))


def _corrections(
    original: _Score, corrected: _Score
) -> tuple[tuple[int, ...], tuple[tuple[int, str], ...]]:
    """Starts of the chords, and the keys, of the corrected release in the original's ticks.

    Both are empty where the two releases are not the same music.
    """
    music = [note for note in corrected.notes if note.track not in _CHORD_TRACKS]
    shift, shared = _alignment(original.notes, music)
    if shared < _MIN_SHARED:
        return (), ()
    chords = sorted({note.start for note in corrected.notes if note.track in _CHORD_TRACKS})
    keys = tuple((tick - shift, name) for tick, name in corrected.keys)
    return tuple(tick - shift for tick in chords), keys


def _piece(original: _Score, corrected: _Score, folder: Path, title: str) -> tuple[Piece, _Placing]:
    played = tuple(note for note in original.notes if note.track in _ROLES)
    if not played:
        raise CorpusError("no notes in tracks called MELODY, BRIDGE or PIANO")
    chords, keys = _corrections(original, corrected)
    beats, midi_bars, audio_bars = _read_beats(folder)
    end = max(note.end for note in played)
    grid = _Grid.through(original.ticks(beats), played[0].start, end)
    notes, off_grid = _quantise(played, grid)
    spans = _find_bars(
        grid,
        {
            "chords": np.array(chords),
            "bass": np.array([note.start for note in played if note.pitch < _BASS]),
            "audio": original.ticks(audio_bars),
            "midi": original.ticks(midi_bars),
        },
    )
    meters = {2: Meter(numerator=2), 3: _triple_meter(notes, spans), 4: Meter()}
    last = max(note.end for note in notes)
    bars = [
        Bar(
            start=beat * STEPS_PER_BEAT,
            meter=meters[length],
            tempo_qpm=60
            * length
            / (grid.seconds(beat + length, original) - grid.seconds(beat, original)),
        )
        for beat, length in spans
        if (beat + length) * STEPS_PER_BEAT > notes[0].start and beat * STEPS_PER_BEAT < last
    ]
    notes, key, shifts = _in_one_key(
        notes, bars, [(STEPS_PER_BEAT * float(grid.beats(tick)), name) for tick, name in keys]
    )
    zero = bars[0].start
    piece = Piece(
        bars=tuple(replace(bar, start=bar.start - zero) for bar in bars),
        notes=tidy(replace(note, start=note.start - zero) for note in notes),
        key=key,
        programs=_PROGRAMS,
        title=title,
        off_grid=off_grid,
    )
    return piece, _Placing(score=original, grid=grid, zero=zero, shifts=shifts)


def _find_bars(grid: _Grid, heard: dict[str, NDArray[np.generic]]) -> tuple[tuple[int, int], ...]:
    """(first beat, beats) of each bar, from the ticks at which each witness was heard."""
    witnesses = []
    for name, witness in _WITNESSES.items():
        ticks = heard[name].astype(np.float64)
        at = grid.beats(ticks[(ticks >= grid.ticks[0]) & (ticks <= grid.ticks[-1])])
        # Chords are often anticipated, by an eighth at most; other witnesses count on beats only.
        nearest = np.floor(at + 0.5).astype(int)
        if name == "bass":
            nearest = nearest[abs(at - nearest) * STEPS_PER_BEAT < 1]
        if len(nearest):
            witnesses.append(replace(witness, beats=nearest.tolist()))
    return find_bars(len(grid.ticks), witnesses)


def _triple_meter(notes: Sequence[Note], spans: Sequence[tuple[int, int]]) -> Meter:
    """3/4 or 6/8 for the bars of three beats.

    It is 6/8 where they are most of the song and more notes start in their middle than on their
    second and third beats.
    """
    triple = {beat * STEPS_PER_BEAT for beat, length in spans if length == 3}
    starts = sorted(beat * STEPS_PER_BEAT for beat, _ in spans)
    halves = thirds = 0
    for note in notes:
        bar = starts[max(0, bisect_right(starts, note.start) - 1)]
        if bar in triple:
            halves += note.start - bar == 18
            thirds += note.start - bar in (12, 24)
    if 2 * len(triple) > len(spans) and 2 * halves > thirds:
        return Meter(numerator=6, denominator=8)
    return Meter(numerator=3)


def _in_one_key(
    notes: Sequence[Note], bars: Sequence[Bar], keys: Sequence[tuple[float, str]]
) -> tuple[tuple[Note, ...], Key, tuple[int, ...]]:
    """The notes with every section moved to the key of the longest, that key, and by how much.

    A piece has one key, and what follows a modulation would stand off its scale.

    Args:
        notes: at their own pitch.
        bars: without gaps, from the first note on.
        keys: (step, name such as "F#m") from where each holds, as the corrected release says.

    Returns:
        Notes; key; semitones (-5 to 6) by which each bar was moved.
    """
    said = [_parse_key(name) for _, name in keys]
    starts = [bar.start for bar in bars]
    hints: list[int | None] = [None] * len(bars)
    for i, start in enumerate(starts):
        # What holds at the middle of the bar; the first key holds from the beginning.
        now = bisect_right([step for step, _ in keys], start + bars[i].meter.steps / 2)
        if said:
            hints[i] = said[max(0, now - 1)].shift % 12
    bar_of = [bisect_right(starts, note.start) - 1 for note in notes]
    struck = np.zeros((len(bars), 12))
    beats = {
        (bar, note.start // STEPS_PER_BEAT, note.pitch % 12)
        for bar, note in zip(bar_of, notes, strict=True)
    }
    for bar, _, pitch_class in beats:
        struck[bar, pitch_class] += 1
    scales = find_scales(struck, hints)
    main = Counter(scales).most_common(1)[0][0]
    shifts = tuple((main - scale + 5) % 12 - 5 for scale in scales)
    moved = tidy(
        transposed
        for bar, note in zip(bar_of, notes, strict=True)
        for transposed in transpose([note], shifts[bar])
    )
    # Who names the key by ear knows its mode best; without a name, or with another, count notes.
    votes = Counter(key for key in said if key.shift % 12 == main)
    if votes:
        return moved, votes.most_common(1)[0][0], shifts
    guess = estimate_key(moved)
    return moved, guess if guess.shift % 12 == main else Key(tonic=main), shifts


def _parse_key(name: str) -> Key:
    """The key that a MIDI file calls "F#m" or "Ab"."""
    mode = Mode.MINOR if name.endswith("m") else Mode.MAJOR
    return Key.parse(f"{name.removesuffix('m')} {mode.value}")


def _quantise(played: Sequence[_Played], grid: _Grid) -> tuple[tuple[Note, ...], float]:
    """Notes on the grid, counted from its first beat, and the share of onsets that lay off it."""
    onsets = STEPS_PER_BEAT * grid.beats([note.start for note in played])
    ends = STEPS_PER_BEAT * grid.beats([note.end for note in played])
    part = onsets % STEPS_PER_BEAT
    off = abs(part[:, None] - np.array(_SIMPLE)).min(axis=1) > _OFF_GRID
    around = np.floor(onsets)[:, None] + np.arange(-1, 3)
    cost = np.array(_STEP_COST)[around.astype(int) % STEPS_PER_BEAT]
    nearest = (abs(around - onsets[:, None]) + cost).argmin(axis=1)
    starts = around[np.arange(len(played)), nearest].astype(int).tolist()
    roles = [_ROLES[note.track] for note in played]
    later = {
        role: sorted({start for start, other in zip(starts, roles, strict=True) if other is role})
        for role in set(roles)
    }
    notes = []
    for start, role, note, length in zip(starts, roles, played, ends - onsets, strict=True):
        after = bisect_right(later[role], start)
        gap = later[role][after] - start if after < len(later[role]) else None
        steps = max(1, round(float(length)))
        if gap is not None and _DETACHED * gap <= length < gap:
            steps = gap
        notes.append(
            Note(
                start=start,
                role=role,
                pitch=note.pitch,
                duration=snap_duration(steps, gap),
                velocity=note.velocity // 16,
            )
        )
    return tidy(notes), float(off.mean())
