"""The Groove MIDI Dataset, imitated by performances written here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mido
import pytest

from musicgen_vae.corpus.sources import Failure, SourcePiece
from musicgen_vae.corpus.sources.groove import list_songs, read_groove
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Meter, Role

Hit = tuple[float, int, int]  # beat, pitch, velocity
HEADER = "drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,split"
ROCK: tuple[Hit, ...] = tuple(
    (float(beat), (36, 38)[beat % 2], 90 + beat % 5) for beat in range(16)
)


def write(
    folder: Path,
    hits: Sequence[Hit],
    *,
    style: str = "rock/indie",
    meter: str = "4-4",
    number: str = "1",
    split: str = "train",
) -> None:
    events = [(beat, 1, pitch, velocity) for beat, pitch, velocity in hits]
    events += [(beat + 0.1, 0, pitch, 0) for beat, pitch, _ in hits]
    track, now = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000)]), 0
    for beat, _, pitch, velocity in sorted(events):
        tick = round(480 * beat)
        message = mido.Message("note_on", channel=9, note=pitch, velocity=velocity)
        track.append(message.copy(time=tick - now))
        now = tick
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    (folder / "drummer3").mkdir(exist_ok=True)
    file.save(folder / "drummer3" / f"{number}.mid")
    table = folder / "info.csv"
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else [HEADER]
    name = f"drummer3/{number}"
    lines.append(f"drummer3,drummer3/s,{name},{style},120,beat,{meter},{name}.mid,{split}")
    table.write_text("\n".join(lines), encoding="utf-8")


def read(folder: Path) -> SourcePiece:
    (item,) = read_groove(folder)
    assert isinstance(item, SourcePiece), item.reason
    return item


def steps(item: SourcePiece) -> list[int]:
    return [note.start for note in item.piece.notes]


def test_hits_are_drums_on_the_grid(tmp_path: Path) -> None:
    late = [(beat + 0.03 * (-1) ** (int(beat) % 3), p, v) for beat, p, v in ROCK[1:]]
    write(tmp_path, [(0.01, 36, 90), *late], split="validation")
    item = read(tmp_path)
    assert steps(item) == [12 * beat for beat in range(16)]
    assert {note.role for note in item.piece.notes} == {Role.DRUMS}
    assert [note.pitch for note in item.piece.notes[:2]] == [36, 38]
    assert item.piece.notes[0].velocity == 90 // 16
    assert [bar.start for bar in item.piece.bars] == [0, 48, 96, 144]
    assert item.piece.bars[0].tempo_qpm == 120
    assert item.piece.title == "rock, indie by drummer3"
    assert (item.source, item.song, item.licence) == ("groove", "drummer3/1", "CC-BY-4.0")
    assert (item.style, item.split, item.labels) == (
        "drum groove",
        "validation",
        {"played as": "rock/indie"},
    )


def test_rims_and_edges_of_the_kit_are_their_drums(tmp_path: Path) -> None:
    kit = {40: 38, 22: 42, 26: 46, 58: 43, 47: 47, 48: 50, 55: 49, 59: 51, 53: 51}
    write(tmp_path, [*((float(i), pitch, 80) for i, pitch in enumerate(kit)), (15.0, 36, 80)])
    assert [note.pitch for note in read(tmp_path).piece.notes[:-1]] == list(kit.values())


def test_empty_bars_before_the_music_go(tmp_path: Path) -> None:
    write(tmp_path, [(beat + 9, pitch, velocity) for beat, pitch, velocity in ROCK])
    assert steps(read(tmp_path))[0] == 12
    assert len(read(tmp_path).piece.bars) == 5


def test_triplets_are_heard_and_a_shuffle_is_one_throughout(tmp_path: Path) -> None:
    triplets = [(float(beat) + part / 3, 42, 60) for beat in range(16) for part in range(3)]
    write(tmp_path, triplets)
    assert steps(read(tmp_path)) == list(range(0, 192, 4))
    # Long and short eighths, some of them nearer to a dotted eighth and a sixteenth.
    shuffle = [
        (beat + off, 42, 60) for beat in range(16) for off in (0, 0.72 if beat % 4 == 3 else 0.65)
    ]
    write(tmp_path, shuffle, number="2")
    straight = [(beat + off, 42, 60) for beat in range(16) for off in (0, 0.25, 0.5, 0.72)]
    write(tmp_path, straight, number="3")
    _, swung, even = read_groove(tmp_path)
    assert isinstance(swung, SourcePiece) and isinstance(even, SourcePiece)
    assert {step % 12 for step in steps(swung)} == {0, 8}
    assert {step % 12 for step in steps(even)} == {0, 3, 6, 9}


@pytest.mark.parametrize(("meter", "n_bars"), [("4-4", 4), ("3-4", 6), ("6-8", 6), ("5-4", 4)])
def test_bars_have_the_meter_of_the_table(tmp_path: Path, meter: str, n_bars: int) -> None:
    write(tmp_path, ROCK, meter=meter)
    bars = read(tmp_path).piece.bars
    assert {bar.meter for bar in bars} == {Meter.parse(meter.replace("-", "/"))}
    assert len(bars) == n_bars


def test_fills_free_playing_and_missing_files_are_failures(tmp_path: Path) -> None:
    write(tmp_path, ROCK[:12])
    write(tmp_path, [(beat * 1.123, p, v) for beat, p, v in ROCK], number="2")
    write(tmp_path, ROCK, number="3", meter="9-4")
    write(tmp_path, ROCK, number="4")
    (tmp_path / "drummer3" / "4.mid").unlink()
    reasons = [item.reason for item in read_groove(tmp_path) if isinstance(item, Failure)]
    assert reasons[0] == "shorter than 4 bars"
    assert "do not keep to sixteenths" in reasons[1]
    assert "meter 9/4" in reasons[2]
    assert "4.mid" in reasons[3]


def test_songs_are_listed_by_id_and_a_wrong_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="info.csv cannot be read"):
        list_songs(tmp_path)
    write(tmp_path, ROCK, number="2")
    write(tmp_path, ROCK, number="1")
    assert [row["id"] for row in list_songs(tmp_path)] == ["drummer3/1", "drummer3/2"]
    (tmp_path / "info.csv").write_text("id,style\n1,rock\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="columns"):
        list_songs(tmp_path)
