"""From a melody with chords to a full band, by MMA.

MMA (Bob van der Poel, "Musical MIDI Accompaniment", https://www.mellowood.ca/mma) plays chords in
the manner of a *groove*: drums, bass and chordal instruments in the style of a swing band, a tango
orchestra and so on. It is a program of its own under the GPL, used when a corpus is built and never
by the model or the page; only notes that it played are kept.

This module knows what MMA reads and writes. It does not know where melodies and chords are from.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musicgen_vae.corpus.chords import Chord
from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.errors import CorpusError, MidiError
from musicgen_vae.music.clip import STEPS_PER_BEAT, Meter, Note, Piece, Role
from musicgen_vae.music.midi import Event, MidiScan, scan_midi
from musicgen_vae.music.roles import Track, assign_roles

COMMAND = "mma"
_TIMEOUT_S = 60.0
_MAX_BARS = 2000
_TICKS_PER_BEAT = 192
"""In MMA's files, whatever a beat is."""
_STRUM = 1.0
"""Steps within which the strings of one strummed chord follow each other."""
_OFF_GRID = 0.4
"""An onset further (steps) than this from the grid is counted as off it."""
_DRUM_CHANNEL = 9

_SUFFIXES = {
    "maj": "",
    "min": "m",
    "dim": "dim3",
    "aug": "aug",
    "sus2": "sus2",
    "sus4": "sus4",
    "7": "7",
    "maj7": "M7",
    "min7": "m7",
    "minmaj7": "mM7",
    "dim7": "dim7",
    "hdim7": "m7b5",
    "aug7": "aug7",
    "7sus4": "7sus",
    "maj6": "6",
    "min6": "m6",
    "9": "9",
    "maj9": "M9",
    "min9": "m9",
    "7b9": "7b9",
}
"""MMA's names of the qualities."""
_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_NO_CHORD, _SILENCE = "z", "z!"
"""No chord, but drums go on; nothing at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Groove:
    """A manner of playing.

    Attributes:
        style: name that a visitor understands.
        variants: MMA's grooves to choose from, all in one style.
        meter: of its bars.
        n_beats: MMA's beats in a bar.
        tempo_qpm: slowest and fastest fitting tempo, in quarter notes a minute.
        program: General MIDI program (0 to 127) for the melody.
        swing: pairs of eighths in the melody are played long and short, as the band plays them.
        tweaks: lines for MMA after the groove is chosen.
    """

    style: str
    variants: tuple[str, ...]
    meter: Meter = Meter()
    n_beats: int = 4
    tempo_qpm: tuple[float, float]
    program: int
    swing: bool = False
    tweaks: tuple[str, ...] = ()


_THREE_FOUR, _SIX_EIGHT = Meter(numerator=3), Meter(numerator=6, denominator=8)

GROOVES = (
    Groove(
        style="swing",
        variants=("Swing", "SwingWalk", "Swing1", "EasySwing"),
        tempo_qpm=(100, 200),
        program=66,
        swing=True,
    ),
    Groove(
        style="bossa nova",
        variants=("BossaNova", "BossaNovaPlus", "BossaNova1Sus"),
        tempo_qpm=(100, 150),
        program=73,
    ),
    Groove(
        style="rock",
        variants=("BasicRock", "BasicRock4", "BubbleRock"),
        tempo_qpm=(90, 150),
        program=29,
        tweaks=("Chord-Clean2 Off",),  # it only doubles Chord-Clean
    ),
    Groove(
        style="country",
        variants=("CountrySwing", "SlowCountry"),
        tempo_qpm=(90, 150),
        program=25,
    ),
    Groove(
        style="bluegrass",
        variants=("BlueGrass",),
        tempo_qpm=(120, 200),
        program=40,
        tweaks=("Chord-Banjo Strum 32",),  # a sixth of a beat, where 30 is next to it
    ),
    Groove(style="ska", variants=("Ska", "Ska1"), tempo_qpm=(80, 130), program=56),
    Groove(style="funk", variants=("BVFunk", "BVFunkHorns"), tempo_qpm=(85, 120), program=65),
    Groove(
        style="march",
        variants=("March", "March1", "March2", "BWMarch"),
        tempo_qpm=(100, 130),
        program=56,
    ),
    Groove(
        style="tango",
        variants=("TangoClean", "Tango1", "LightTango"),
        tempo_qpm=(100, 135),
        program=40,
    ),
    Groove(style="samba", variants=("Samba", "SambaPlus"), tempo_qpm=(90, 130), program=73),
    Groove(style="polka", variants=("Polka", "Polka1"), tempo_qpm=(100, 140), program=21),
    Groove(
        style="ballad",
        variants=("Ballad", "PopBallad", "PopBallad1"),
        tempo_qpm=(60, 90),
        program=0,
    ),
    Groove(
        style="blues",
        variants=("Blues", "Blues1"),
        tempo_qpm=(70, 120),
        program=22,
        swing=True,
    ),
    Groove(
        style="waltz",
        variants=("Waltz", "Waltz1", "VieneseWaltz", "CountryWaltz"),
        meter=_THREE_FOUR,
        n_beats=3,
        tempo_qpm=(90, 180),
        program=40,
    ),
    Groove(
        style="jazz waltz",
        variants=("JazzWaltz", "JazzWaltz1"),
        meter=_THREE_FOUR,
        n_beats=3,
        tempo_qpm=(100, 180),
        program=11,
    ),
    Groove(
        style="blues",
        variants=("Blues68",),
        meter=_SIX_EIGHT,
        n_beats=6,
        tempo_qpm=(70, 120),
        program=66,
    ),
)


def grooves_for(piece: Piece) -> tuple[Groove, ...]:
    """The grooves in the meter that most bars of a piece have; may be none."""
    meters = [bar.meter for bar in piece.bars]
    usual = max(set(meters), key=lambda meter: (meters.count(meter), str(meter)))
    return tuple(groove for groove in GROOVES if groove.meter == usual)


def arrange_song(
    item: SourcePiece, chords: Sequence[Chord], groove: Groove, *, seed: int
) -> SourcePiece | Failure:
    """A song's melody with a band, in the split of the song and marked as synthetic.

    Args:
        item: the song; of its notes only the melody is used.
        chords: of the song, by start.
        groove: what to play.
        seed: equal seeds give equal notes.
    """
    try:
        piece = arrange(item.piece, chords, groove, seed=seed)
    except CorpusError as error:
        return Failure(source=item.source, song=item.song, reason=f"{groove.style}: {error}")
    return replace(
        item,
        piece=piece,
        style=groove.style,
        labels={**item.labels, "synthetic": f"arranged by MMA as {groove.style}"},
    )


def arrange(piece: Piece, chords: Sequence[Chord], groove: Groove, *, seed: int) -> Piece:
    """The melody of a piece with drums, bass and harmony that MMA plays to the chords.

    Bars keep their places. A bar that is shorter than the groove's is played in part. Before the
    first chord the melody is alone. The tempo is the piece's, brought into the groove's range.

    Args:
        piece: with a melody, in the groove's meter but for some shorter bars.
        chords: by start; each is taken from the nearest beat.
        groove: what to play; the seed chooses one of its variants.
        seed: equal seeds give equal notes.

    Raises:
        CorpusError: if there is no melody or no chord, a bar does not suit the groove, or MMA is
            not installed or fails.
    """
    melody = [note for note in piece.notes if note.role is Role.MELODY]
    if not melody:
        raise CorpusError("there is no melody to arrange")
    if not any(chord.quality for chord in chords):
        raise CorpusError("there are no chords to arrange")
    variant = random.Random(seed).choice(groove.variants)
    mean_qpm = float(np.median([bar.tempo_qpm for bar in piece.bars]))
    slowest, fastest = groove.tempo_qpm
    tempo = min(max(mean_qpm, slowest), fastest)
    score = write_score(piece, chords, groove, variant=variant, tempo_qpm=tempo, seed=seed)
    scan = _play(score)
    tracks, off_grid = _band(scan, groove)
    voice = _swung(melody) if groove.swing else melody
    tracks.append(Track(name=Role.MELODY.label, program=groove.program, notes=tuple(voice)))
    end = piece.bars[-1].end
    inside = [
        replace(track, notes=tuple(note for note in track.notes if note.start < end))
        for track in tracks
    ]
    notes, programs = assign_roles(inside)
    return replace(
        piece,
        bars=tuple(replace(bar, tempo_qpm=tempo) for bar in piece.bars),
        notes=notes,
        programs=programs,
        off_grid=off_grid,
    )


def write_score(
    piece: Piece,
    chords: Sequence[Chord],
    groove: Groove,
    *,
    variant: str,
    tempo_qpm: float,
    seed: int,
) -> str:
    """What MMA reads: one line of chords for each bar.

    Raises:
        CorpusError: if a bar is longer than the groove's or does not end on one of its beats.
    """
    beat = groove.meter.steps // groove.n_beats
    lines = [
        f"RndSeed {seed}",
        f"Tempo {tempo_qpm:.2f}",
        f"Time {groove.n_beats}",
        f"Groove {variant}",
        "AllTracks RTime 0",  # humanised onsets would only have to be put back on the grid
        *groove.tweaks,
    ]
    starts = [beat * round(chord.start / beat) for chord in chords]
    first = next(i for i, chord in enumerate(chords) if chord.quality)
    for bar in piece.bars:
        n_beats, rest = divmod(bar.meter.steps, beat)
        if rest or n_beats > groove.n_beats:
            raise CorpusError(f"a bar of {bar.meter} does not suit {variant}")
        if n_beats < groove.n_beats:
            lines.append(f"Truncate {n_beats}")
        names: list[str] = []
        for at in range(bar.start, bar.end, beat):
            i = bisect_right(starts, at) - 1
            names.append(_SILENCE if i < first else _chord_name(chords[i]))
        lines.append(" ".join(_shortened(names)))
    return "\n".join(lines) + "\n"


def _chord_name(chord: Chord) -> str:
    if not chord.quality:
        return _NO_CHORD
    name = _NAMES[chord.root] + _SUFFIXES[chord.quality]
    return name if chord.bass in (None, chord.root) else f"{name}/{_NAMES[chord.bass or 0]}"


def _shortened(names: Sequence[str]) -> Iterator[str]:
    """A stroke where the chord of the beat before goes on."""
    for i, name in enumerate(names):
        yield "/" if i and name == names[i - 1] else name


def _play(score: str) -> MidiScan:
    """What MMA plays.

    Raises:
        CorpusError: if MMA is not there or refuses the score.
    """
    if shutil.which(COMMAND) is None:
        raise CorpusError("MMA is not installed: run apt-get install mma")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "song.mma").write_text(score, encoding="ascii")
        command = [COMMAND, "-w", "-m", str(_MAX_BARS), "-f", "song.mid", "song.mma"]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
            if done.returncode:
                said = " ".join(done.stdout.split())
                raise CorpusError(f"MMA refuses the song: {said[-200:]}")
            return scan_midi((Path(folder) / "song.mid").read_bytes())
        except (OSError, subprocess.TimeoutExpired, MidiError) as error:
            raise CorpusError(f"MMA cannot play the song: {error}") from error


def _band(scan: MidiScan, groove: Groove) -> tuple[list[Track], float]:
    """MMA's tracks on the grid, named by their roles, and the share of onsets off the grid."""
    scale = groove.meter.steps / groove.n_beats / _TICKS_PER_BEAT
    names = [name for name, _ in scan.tracks]
    # "Bass-Fill" and the like are guitars beside a bass.
    basses = {"Bass", "Walk"} & set(names) or {n for n in names if n.startswith(("Bass", "Walk"))}
    tracks, off_grid = [], []
    for name, events in scan.tracks:
        is_drum = any(status & 0x0F == _DRUM_CHANNEL for _, status, _, _ in events)
        played = _notes(events)
        starts = _together([scale * note.start for note in played])
        steps = np.floor(np.array(starts) + 0.5).astype(int)
        off_grid += (np.abs(steps - starts) > _OFF_GRID).tolist()
        role = Role.BASS if name in basses else Role.HARMONY
        tracks.append(
            Track(
                name=role.label,
                program=next((data for _, status, data, _ in events if status >= 0xC0), 0),
                is_drum=is_drum,
                notes=tuple(
                    Note(
                        start=int(step),
                        role=role,
                        pitch=note.pitch,
                        duration=max(1, round(scale * note.end - start)),
                        velocity=note.velocity // 16,
                    )
                    for note, step, start in zip(played, steps, starts, strict=True)
                ),
            )
        )
    return tracks, float(np.mean(off_grid)) if off_grid else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Played:
    """A note as MMA plays it: start and end in ticks, pitch, velocity 1 to 127."""

    start: int
    end: int
    pitch: int
    velocity: int


def _notes(events: Sequence[Event]) -> list[_Played]:
    """The notes of one track, by start."""
    sounding: dict[int, tuple[int, int]] = {}
    notes = []
    for tick, status, pitch, velocity in events:
        if status >= 0xA0:
            continue
        if pitch in sounding:
            start, struck = sounding.pop(pitch)
            notes.append(_Played(start=start, end=tick, pitch=pitch, velocity=struck))
        if status >= 0x90 and velocity:
            sounding[pitch] = (tick, velocity)
    return sorted(notes, key=lambda note: (note.start, note.pitch))


def _together(starts: Sequence[float]) -> list[float]:
    """Sorted starts with the strings of a strummed chord set to the first of them."""
    result: list[float] = []
    before = -1.0
    for start in starts:
        result.append(result[-1] if result and start - before <= _STRUM else start)
        before = start
    return result


def _swung(melody: Sequence[Note]) -> list[Note]:
    """Off-beat eighths moved to the last third of their beats, where a beat has no other parts."""
    half, late = STEPS_PER_BEAT // 2, STEPS_PER_BEAT * 2 // 3
    parts: dict[int, set[int]] = {}
    for note in melody:
        parts.setdefault(note.start // STEPS_PER_BEAT, set()).add(note.start % STEPS_PER_BEAT)
    moved: Mapping[int, int] = {
        beat * STEPS_PER_BEAT + half: beat * STEPS_PER_BEAT + late
        for beat, places in parts.items()
        if places <= {0, half}
    }
    result = []
    for note in melody:
        start, end = moved.get(note.start, note.start), moved.get(note.end, note.end)
        result.append(replace(note, start=start, duration=max(1, end - start)))
    return result
