"""Freedoom's folder, imitated by a few bars written here."""

from __future__ import annotations

from pathlib import Path

import pretty_midi
import pytest

from musicgen_vae.corpus.sources import SPLITS, Failure, SourcePiece
from musicgen_vae.corpus.sources.freedoom import list_songs, read_freedoom, read_song
from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import Role

CREDITS = """--Phase 1--
Title: "Fight for Freedom" by Korp

Episode 1
\tE1M1: "Steel and Brass" by J.Astartes and Mr795
\t\tMAP09: "A "Quoted" One" by Somebody
"""


def write(folder: Path, song: str) -> None:
    midi = pretty_midi.PrettyMIDI(initial_tempo=120)
    parts = (("", 80, 72, False), ("", 34, 36, False), ("", 0, 38, True))
    for name, program, pitch, is_drum in parts:
        track = pretty_midi.Instrument(program=program, is_drum=is_drum, name=name)
        for i in range(16):
            at = i / 2
            track.notes.append(pretty_midi.Note(velocity=80, pitch=pitch, start=at, end=at + 0.25))
        midi.instruments.append(track)
    (folder / "musics").mkdir(exist_ok=True)
    midi.write(str(folder / "musics" / f"{song}.mid"))


@pytest.fixture
def freedoom(tmp_path: Path) -> Path:
    for song in ("d_e1m1", "d_map09", "d_runnin", "dummy"):
        write(tmp_path, song)
    (tmp_path / "CREDITS-MUSIC").write_text(CREDITS, encoding="utf-8")
    return tmp_path


def test_every_tune_is_read_with_its_credit(freedoom: Path) -> None:
    first, quoted, unknown = read_freedoom(freedoom)
    assert isinstance(first, SourcePiece) and isinstance(quoted, SourcePiece)
    assert first.piece.title == "Steel and Brass"
    assert first.labels == {"composer": "J.Astartes and Mr795"}
    assert (first.source, first.song, first.style) == ("freedoom", "d_e1m1", "game rock")
    assert first.licence == "BSD-3-Clause"
    assert first.split in SPLITS
    assert quoted.piece.title == 'A "Quoted" One'
    assert isinstance(unknown, SourcePiece)
    assert (unknown.piece.title, unknown.labels) == ("runnin", {})


def test_bands_have_their_roles(freedoom: Path) -> None:
    item = read_song(freedoom, "d_e1m1")
    assert isinstance(item, SourcePiece)
    assert {note.role for note in item.piece.notes} == {Role.MELODY, Role.BASS, Role.DRUMS}


def test_what_cannot_be_read_is_a_failure(freedoom: Path) -> None:
    (freedoom / "musics" / "d_runnin.mid").write_bytes(b"no music")
    *_, last = read_freedoom(freedoom)
    assert isinstance(last, Failure)
    assert (last.song, "MThd" in last.reason) == ("d_runnin", True)


def test_a_folder_without_music_is_said(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has no .mid files"):
        list_songs(tmp_path)
