"""POP909 and POP909-CL, imitated by songs of a few bars written here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import mido
import pytest

from musicgen_vae.corpus.chords import Chord
from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.pop909 import list_songs, read_pop909, read_song, read_with_chords
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import STEPS_PER_BEAT, Key, Meter, Mode, Note, Piece, Role

BEAT = 480
C_MAJOR = (0, 2, 4, 5, 7, 9, 11)
CHORDS = ((48, 52, 55), (53, 57, 60), (55, 59, 62), (48, 52, 55))
MELODY = (72, 74, 76, 77, 79, 77, 76, 74)

Event = tuple[int, int, int, int]  # start tick, end tick, pitch, velocity
Warp = Callable[[int], int]


@dataclass(frozen=True, kw_only=True)
class Song:
    """What is written to both layouts; ticks from the first bar line on."""

    n_bars: int = 16
    beats_per_bar: int = 4
    transpositions: tuple[int, ...] = ()
    """Semitones by which successive equal parts of the song are moved."""
    melody_eighths: bool = False

    def events(self, track: str) -> list[Event]:
        bar_ticks = self.beats_per_bar * BEAT
        events = []
        for bar in range(self.n_bars):
            at, chord = bar * bar_ticks, CHORDS[bar % 4]
            if track == "PIANO":
                events.append((at, at + bar_ticks, chord[0] - 12, 70))
                events += [(at, at + bar_ticks, pitch, 60) for pitch in chord]
            elif track == "BRIDGE":
                events.append((at + BEAT, at + 2 * BEAT, chord[1] + 24, 50))
            elif track == "MELODY":
                step = BEAT // 2 if self.melody_eighths else BEAT
                for i, start in enumerate(range(0, bar_ticks, step)):
                    pitch = MELODY[(bar + i) % len(MELODY)]
                    events.append((at + start, at + start + step, pitch, 100))
            else:
                events += [(at, at + bar_ticks, pitch, 90) for pitch in chord]
        return [
            (start, end, pitch + self._transposition(start), velocity)
            for start, end, pitch, velocity in events
        ]

    def _transposition(self, tick: int) -> int:
        parts = self.transpositions or (0,)
        return parts[tick * len(parts) // (self.n_bars * self.beats_per_bar * BEAT)]


def _track(name: str, events: Sequence[Event]) -> mido.MidiTrack:
    messages = []
    for start, end, pitch, velocity in events:
        messages.append((start, 1, mido.Message("note_on", note=pitch, velocity=velocity)))
        messages.append((end, 0, mido.Message("note_off", note=pitch)))
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    now = 0
    for tick, _, message in sorted(messages, key=lambda item: item[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def _meta(events: Sequence[tuple[int, mido.MetaMessage]]) -> mido.MidiTrack:
    track, now = mido.MidiTrack(), 0
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    return track


@dataclass(frozen=True, kw_only=True)
class Folders:
    """The two data sets, and ways of writing songs into them."""

    pop909: Path
    corrected: Path

    def write(
        self,
        number: str,
        song: Song | None = None,
        *,
        first_bar: int = 3 * BEAT + 40,
        shift: int = 200,
        keys: Sequence[tuple[int, str]] = ((0, "C"),),
        tempi: Sequence[tuple[int, int]] = ((0, 600_000),),
        warp: Warp = lambda tick: tick,
        other_music: bool = False,
        name: str = "{}.mid",
    ) -> None:
        """Write a song whose first bar line is at tick ``first_bar``.

        Args:
            number: its three digits.
            song: the music.
            first_bar: where it starts in POP909; its beats lie at that tick and every 480 from it.
            shift: by how many ticks POP909-CL is moved against POP909.
            keys: (tick from the first bar line, name) in POP909-CL.
            tempi: (tick, microseconds per beat) in POP909.
            warp: what the performer made of each tick.
            other_music: POP909-CL has another song under this number.
            name: of POP909-CL's file.
        """
        song = song or Song()
        folder = self.pop909 / number
        folder.mkdir(parents=True)
        file = mido.MidiFile(ticks_per_beat=BEAT)
        file.tracks.append(
            _meta([(tick, mido.MetaMessage("set_tempo", tempo=tempo)) for tick, tempo in tempi])
        )
        for track in ("MELODY", "BRIDGE", "PIANO"):
            events = [
                (first_bar + warp(start), first_bar + warp(end), pitch, velocity)
                for start, end, pitch, velocity in song.events(track)
            ]
            file.tracks.append(_track(track, events))
        file.save(folder / f"{number}.mid")

        def seconds(tick: int) -> float:
            total = 0.0
            for i, (start, tempo) in enumerate(tempi):
                end = tempi[i + 1][0] if i + 1 < len(tempi) else tick
                total += max(0, min(tick, end) - start) * tempo / BEAT * 1e-6
            return total

        places = range(-3, song.n_bars * song.beats_per_bar + 4)
        midi, audio = [], []
        for place in places:
            at, number_in_bar = seconds(first_bar + place * BEAT), place % song.beats_per_bar + 1
            downbeat = float(number_in_bar == 1)
            midi.append(f"{at} {downbeat} {downbeat}")
            audio.append(f"{at + 0.02:.2f}\t{float(number_in_bar)}")
        (folder / "beat_midi.txt").write_text("\n".join(midi), encoding="utf-8")
        (folder / "beat_audio.txt").write_text("\n".join(audio), encoding="utf-8")

        moved = first_bar + shift
        rounded = [
            tuple(20 * round((moved + warp(tick)) / 20) for tick in event[:2]) + event[2:]
            for track in ("MELODY", "BRIDGE", "PIANO")
            for event in song.events(track)
        ]
        if other_music:
            rounded = [(0, BEAT, 61, 80), (BEAT, 2 * BEAT, 63, 80)]
        copy = mido.MidiFile(ticks_per_beat=BEAT)
        copy.tracks.append(
            _meta(
                [
                    (0, mido.MetaMessage("set_tempo", tempo=500_000)),
                    (0, mido.MetaMessage("time_signature", numerator=4, denominator=4)),
                    *(
                        (max(0, moved + tick), mido.MetaMessage("key_signature", key=key))
                        for tick, key in keys
                    ),
                ]
            )
        )
        copy.tracks.append(_track("piano", rounded))
        chords = [
            (moved + start, moved + end, pitch, velocity)
            for start, end, pitch, velocity in song.events("chords")
        ]
        copy.tracks.append(_track("chords", chords))
        copy.save(self.corrected / name.format(number))

    def read(self, number: str) -> SourcePiece:
        item = read_song(self.pop909, self.corrected, number)
        assert isinstance(item, SourcePiece), item
        return item


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    result = Folders(pop909=tmp_path / "POP909", corrected=tmp_path / "POP909_processed")
    result.pop909.mkdir()
    result.corrected.mkdir()
    return result


def _of(piece: Piece, role: Role) -> list[Note]:
    return [note for note in piece.notes if note.role is role]


def _off_scale(piece: Piece) -> int:
    return sum((note.pitch - piece.key.shift) % 12 not in C_MAJOR for note in piece.notes)


@pytest.mark.parametrize("first_bar", [40, 2 * BEAT + 15, 5 * BEAT])
@pytest.mark.parametrize("shift", [0, 200, -40, 240 + 960])
def test_notes_and_bars_are_where_they_were_written(
    folders: Folders, first_bar: int, shift: int
) -> None:
    folders.write("001", first_bar=first_bar, shift=max(shift, -first_bar))
    item = folders.read("001")
    piece = item.piece
    assert [bar.start for bar in piece.bars] == [48 * bar for bar in range(16)]
    assert {bar.meter for bar in piece.bars} == {Meter()}
    melody = _of(piece, Role.MELODY)
    assert [note.start for note in melody] == [12 * i for i in range(64)]
    assert {(note.duration, note.velocity) for note in melody} == {(12, 100 // 16)}
    assert [note.pitch for note in melody[:4]] == [72, 74, 76, 77]
    harmony = _of(piece, Role.HARMONY)
    assert [(n.start, n.pitch) for n in harmony[:5]] == [
        (0, 36),
        (0, 48),
        (0, 52),
        (0, 55),
        (12, 76),
    ]
    assert piece.key == Key()
    assert piece.off_grid == 0
    assert piece.title == "POP909 001"
    assert (item.source, item.style, item.licence) == ("pop909", "pop", "MIT")


def test_tempo_is_the_originals(folders: Folders) -> None:
    change = 4 * 4 * BEAT
    folders.write("001", first_bar=0, shift=0, tempi=[(0, 600_000), (change, 750_000)])
    tempi = [bar.tempo_qpm for bar in folders.read("001").piece.bars]
    assert tempi == pytest.approx([100.0] * 4 + [80.0] * 12)


def test_a_song_that_modulates_is_moved_to_one_key(folders: Folders) -> None:
    folders.write("001", Song(n_bars=18), keys=[(0, "C")])
    folders.write(
        "002",
        Song(n_bars=18, transpositions=(0, 0, 2)),
        keys=[(0, "C"), (12 * 4 * BEAT, "D")],
    )
    assert folders.read("002").piece.notes == folders.read("001").piece.notes
    assert folders.read("002").piece.key == Key()


def test_a_modulation_is_found_where_no_one_noted_it(folders: Folders) -> None:
    folders.write("001", Song(n_bars=32, transpositions=(0, 0, 0, 1)), keys=[(0, "C")])
    piece = folders.read("001").piece
    assert piece.key == Key()
    assert _off_scale(piece) == 0


def test_the_mode_is_the_annotators(folders: Folders) -> None:
    folders.write("001", keys=[(0, "Am")])
    assert folders.read("001").piece.key == Key(tonic=9, mode=Mode.MINOR)


def test_without_corrections_the_song_is_read_all_the_same(folders: Folders) -> None:
    folders.write("001", Song(transpositions=(5,)), other_music=True, keys=[(0, "Dm")])
    piece = folders.read("001").piece
    assert [bar.start for bar in piece.bars] == [48 * bar for bar in range(16)]
    assert piece.key == Key(tonic=5)
    assert _off_scale(piece) == 0


def test_triple_meter(folders: Folders) -> None:
    folders.write("001", Song(beats_per_bar=3))
    piece = folders.read("001").piece
    assert {str(bar.meter) for bar in piece.bars} == {"3/4"}
    assert len(piece.bars) == 16


def test_compound_meter_is_told_by_notes_in_the_middle_of_the_bar(folders: Folders) -> None:
    def lilt(tick: int) -> int:
        """Quarter notes 0, 1, 2 of three become dotted quarters: 0, 1.5 and again 2.5."""
        bar, place = divmod(tick, 3 * BEAT)
        return bar * 3 * BEAT + {BEAT: 3 * BEAT // 2, 2 * BEAT: 5 * BEAT // 2}.get(place, place)

    folders.write("001", Song(beats_per_bar=3), warp=lilt)
    assert {str(bar.meter) for bar in folders.read("001").piece.bars} == {"6/8"}


def test_performed_onsets_go_to_the_simple_step_nearby(folders: Folders) -> None:
    folders.write("001", Song(melody_eighths=True), warp=lambda tick: tick + tick // 240 % 3 * 12)
    piece = folders.read("001").piece
    assert [note.start for note in _of(piece, Role.MELODY)] == [6 * i for i in range(128)]
    assert piece.off_grid == 0


def test_share_of_onsets_off_the_grid(folders: Folders) -> None:
    # Every fourth quarter note of the melody 60 ticks late: between a beat and its sixteenth.
    folders.write("001", warp=lambda tick: tick + 60 * (tick % (4 * BEAT) == 3 * BEAT))
    piece = folders.read("001").piece
    assert piece.off_grid == pytest.approx(16 / (16 * (4 + 4 + 1)))


def test_early_note_offs_reach_to_the_next_onset(folders: Folders) -> None:
    folders.write("001")
    path = folders.pop909 / "001" / "001.mid"
    file = mido.MidiFile(path)
    melody = next(track for track in file.tracks if track.name == "MELODY")
    late = 0
    for message in melody:  # note-offs a third of a beat early
        if message.type == "note_off":
            message.time -= 160
            late = 160
        elif message.type == "note_on":
            message.time += late
            late = 0
    file.save(path)
    notes = _of(folders.read("001").piece, Role.MELODY)
    assert {note.duration for note in notes[:-1]} == {STEPS_PER_BEAT}
    assert notes[-1].duration == 8


def test_splits_follow_the_number(folders: Folders) -> None:
    for number in ("007", "017", "027", "057", "108"):
        folders.write(number, Song(n_bars=4))
    items = list(read_pop909(folders.pop909, folders.corrected))
    assert [(item.song, item.split) for item in items if isinstance(item, SourcePiece)] == [
        ("007", "test"),
        ("017", "validation"),
        ("027", "test"),
        ("057", "validation"),
        ("108", "train"),
    ]


def test_a_blank_before_the_suffix(folders: Folders) -> None:
    folders.write("043", name="{} .mid")
    assert folders.read("043").song == "043"


def test_what_cannot_be_read_is_named(folders: Folders) -> None:
    for number in ("001", "002", "003", "004", "005", "006"):
        folders.write(number, Song(n_bars=4))
    (folders.corrected / "001.mid").unlink()
    (folders.pop909 / "002" / "002.mid").write_bytes(b"no MIDI at all")
    (folders.pop909 / "003" / "beat_midi.txt").unlink()
    (folders.pop909 / "004" / "beat_audio.txt").write_text("not numbers", encoding="utf-8")
    path = folders.pop909 / "005" / "005.mid"
    file = mido.MidiFile(path)
    file.tracks = file.tracks[:1]
    file.save(path)
    items = list(read_pop909(folders.pop909, folders.corrected))
    failures = [item for item in items if isinstance(item, Failure)]
    assert [failure.song for failure in failures] == ["001", "002", "003", "004", "005"]
    assert "no file for song 001" in failures[0].reason
    assert all(failure.source == "pop909" and failure.reason for failure in failures)
    assert [item.song for item in items if isinstance(item, SourcePiece)] == ["006"]


def test_missing_folders(folders: Folders) -> None:
    with pytest.raises(CorpusError, match="001 to 909"):
        list_songs(folders.pop909 / "nowhere")
    with pytest.raises(CorpusError, match="001 to 909"):
        list_songs(folders.pop909)
    (folders.pop909 / "001").mkdir()
    with pytest.raises(CorpusError, match="POP909_processed"):
        list(read_pop909(folders.pop909, folders.corrected))


def test_chords_are_on_the_grid_and_move_with_their_notes(folders: Folders) -> None:
    second = 12 * 4 * BEAT  # where the song goes up by two semitones
    folders.write("002", Song(n_bars=18, transpositions=(0, 0, 2)), keys=[(0, "C"), (second, "D")])
    beat_s, first = 0.6, (3 * BEAT + 40) / BEAT * 0.6
    lines = [
        f"0.0\t{first}\tN",
        f"{first}\t{first + 4 * beat_s}\tC:maj",
        f"{first + 4 * beat_s}\t{first + 6 * beat_s}\tF:maj/3",
        f"{first + 48 * beat_s}\t{first + 52 * beat_s}\tD:maj/5",
        f"{first + 500 * beat_s}\t{first + 600 * beat_s}\tD:maj",
    ]
    path = folders.pop909 / "002" / "chord_midi.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    found = read_with_chords(folders.pop909, folders.corrected, "002")
    assert not isinstance(found, Failure)
    item, chords = found
    assert item == folders.read("002")
    assert chords == (
        Chord(start=0, root=0, quality="maj"),
        Chord(start=48, root=5, quality="maj", bass=9),
        Chord(start=576, root=0, quality="maj", bass=7),
    )


@pytest.mark.parametrize("text", ["0.0\t1.0\tC:maj\textra", "0.0\t1.0\tC:what", None])
def test_chords_that_cannot_be_read_are_a_failure(folders: Folders, text: str | None) -> None:
    folders.write("001")
    if text is not None:
        (folders.pop909 / "001" / "chord_midi.txt").write_text(text, encoding="utf-8")
    found = read_with_chords(folders.pop909, folders.corrected, "001")
    assert isinstance(found, Failure) and found.song == "001"
