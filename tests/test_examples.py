"""The example tunes: as written down, readable, on the grid, in the key that they claim."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from musicgen_vae.errors import ClipError
from musicgen_vae.music.clip import Key, Piece, Role
from musicgen_vae.music.midi import read_midi

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "assets" / "examples"
FILES = sorted(FOLDER.glob("*.mid"))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_examples", ROOT / "scripts" / "make_examples.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def documented() -> dict[str, list[str]]:
    """The cells of the README's table by file name: title, origin, key, meter, tempo, bars."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| \[([\w.]+)\]\(\1\) \| (.*) \|$", text)
    return {name: rest.split(" | ") for name, rest in rows}


def in_scale(piece: Piece, role: Role) -> float:
    """Share of a role's notes in the major scale of the key's frame."""
    notes = [note for note in piece.notes if note.role is role]
    scale = {(step + piece.key.shift) % 12 for step in (0, 2, 4, 5, 7, 9, 11)}
    return sum(note.pitch % 12 in scale for note in notes) / len(notes)


def test_files_are_what_the_script_writes(script: ModuleType, tmp_path: Path) -> None:
    script.write_examples(tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in FOLDER.iterdir()}


def test_every_file_is_documented() -> None:
    assert sorted(documented()) == [path.name for path in FILES]
    assert len(FILES) >= 8


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_reads_as_documented(path: Path) -> None:
    title, _, key, meter, tempo, n_bars = documented()[path.name]
    piece = read_midi(path.read_bytes())
    assert piece.title == title
    assert piece.key == Key.parse(key)
    assert {str(bar.meter) for bar in piece.bars} == {meter}
    assert piece.bars[0].tempo_qpm == pytest.approx(float(tempo), abs=0.01)
    assert len(piece.bars) == int(n_bars)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_is_music_that_the_model_can_take(path: Path) -> None:
    piece = read_midi(path.read_bytes())
    assert len(piece.bars) >= 8
    assert len(piece.notes) >= 80
    assert piece.off_grid == 0
    assert not piece.beats_estimated
    assert {bar.meter.steps for bar in piece.bars} <= {48, 36}
    assert {Role.MELODY, Role.HARMONY} <= {note.role for note in piece.notes}
    assert len({note.velocity for note in piece.notes}) > 1
    assert in_scale(piece, Role.MELODY) >= 0.85
    assert in_scale(piece, Role.HARMONY) >= 0.85


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_melody_lies_above_its_accompaniment(path: Path) -> None:
    piece = read_midi(path.read_bytes())
    melody = [note for note in piece.notes if note.role is Role.MELODY]
    for note in piece.notes:
        above = [m.pitch for m in melody if m.start <= note.start < m.end]
        assert note.role is Role.MELODY or all(note.pitch <= pitch for pitch in above)


def test_tunes_differ_in_character() -> None:
    pieces = [read_midi(path.read_bytes()) for path in FILES]
    assert len({piece.key for piece in pieces}) >= 8
    assert {str(piece.bars[0].meter) for piece in pieces} == {"4/4", "3/4", "6/8"}
    assert len({piece.programs for piece in pieces}) >= 8


def tune(script: ModuleType, **changes: object) -> Piece:
    fields = {
        "slug": "t", "title": "T", "origin": "made up", "key": "D major", "meter": "2/4",
        "tempo_qpm": 100, "programs": (1, 2, 3), "melody": "f4 |", "harmony": "z4 |",
    }  # fmt: skip
    piece = script.tune_to_piece(script.Tune(**{**fields, **changes}))
    assert isinstance(piece, Piece)
    return piece


def rows(piece: Piece, role: Role) -> list[tuple[int, int, int]]:
    return [(n.start, n.pitch, n.duration) for n in piece.notes if n.role is role]


def test_notation_knows_the_key_signature_octaves_and_accidentals(script: ModuleType) -> None:
    piece = tune(script, melody="C, C c c' | F =F ^G _B |", harmony="z4 | z4 |")
    assert [pitch for _, pitch, _ in rows(piece, Role.MELODY)] == [49, 61, 73, 85, 66, 65, 68, 70]
    flats = tune(script, key="Eb major", melody="E A B d |")
    assert [pitch for _, pitch, _ in rows(flats, Role.MELODY)] == [63, 68, 70, 74]


def test_notation_knows_lengths_rests_chords_and_ties(script: ModuleType) -> None:
    piece = tune(script, melody="c3/2 c/ z [ce]- | [ce]4 |", harmony="z4 | z4 |")
    assert rows(piece, Role.MELODY) == [(0, 73, 9), (9, 73, 3), (18, 73, 30), (18, 76, 30)]


def test_a_figure_plays_the_chord_written_at_the_moment(script: ModuleType) -> None:
    piece = tune(script, melody="z4 | z4 |", harmony="{a [bc] a [bc]} [CEG]2 [DFA]2 | {} [CE]4 |")
    assert rows(piece, Role.HARMONY) == [
        (0, 61, 6), (6, 64, 6), (6, 67, 6), (12, 62, 6), (18, 66, 6), (18, 69, 6),
        (24, 61, 24), (24, 64, 24),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"melody": "c4 | c3 |", "harmony": "z4 | z4 |"}, "t, melody: bar 1 has 3 eighths: c3"),
        ({"melody": "c4 | ?4 |", "harmony": "z4 | z4 |"}, r"cannot read '\?4'"),
        ({"harmony": "z4 | z4 |"}, r"the voices have \[1, 2\] bars"),
        ({"harmony": "{a2 d2} [CEG]4 |"}, "needs more notes"),
        ({"harmony": "{a2} [CEG]4 |"}, "does not fill the bar"),
    ],
)
def test_mistakes_in_the_notation_are_named(
    script: ModuleType, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        tune(script, **changes)


def test_lengths_outside_the_representation_are_refused(script: ModuleType) -> None:
    with pytest.raises(ClipError):
        tune(script, melody="c4- | c4- | c2 z2 |", harmony="z4 | z4 | z4 |")
