from __future__ import annotations

import subprocess
import sys

import pytest

from musicgen_vae.errors import ControlError
from musicgen_vae.ui.creating import Levels
from musicgen_vae.ui.fields import COLUMNS, read_levels, read_tempo, write_levels
from tests.ui.running import ROOT


def test_the_table_of_levels_is_read_as_it_is_written() -> None:
    asked: dict[str, Levels] = {
        "density": (0, None, 7, 3),
        "polyphony": None,
        "register": (4, 4, 4, 4),
    }
    rows = write_levels(asked)
    assert rows[0] == ["Density", "0", "", "7", "3"]
    assert rows[1] == ["Polyphony", "", "", "", ""]
    assert read_levels(rows) == asked
    assert write_levels(asked | {"register": 4}) == rows
    assert tuple(asked) == COLUMNS


@pytest.mark.parametrize("cell", ["8", "-1", "1.5", "x", "²", "<b>", 9, 1.5, "1" * 1000])
def test_a_cell_is_a_level_or_empty(cell: object) -> None:
    rows = write_levels(dict.fromkeys(COLUMNS))
    rows[1][2] = cell  # type: ignore[call-overload]
    with pytest.raises(ControlError, match="neither empty nor") as raised:
        read_levels(rows)
    assert len(str(raised.value)) < 100


def test_a_table_of_another_shape_is_refused() -> None:
    for rows in ([], [[""] * 5] * 2, [[""] * 4] * 3):
        with pytest.raises(ControlError):
            read_levels(rows)


_FIELDS = """
from pathlib import Path
import gradio as gr
from musicgen_vae.ui.fields import build_fields, write_levels
from musicgen_vae.ui.studio import Studio

with gr.Blocks():
    fields = build_fields(Studio.open(Path("nowhere"), Path("tests/data/tiny")))
shown = {one: one.value for one in fields.inputs.values()}
shown[fields.levels] = write_levels({"density": 1, "polyphony": None, "register": None})
free = fields.request(shown)
assert (free.key, free.mode, free.tempo_qpm) == (None, None, None)
assert free.density == (1, 1, 1, 1)
asked = fields.request(shown | {fields.inputs["form"]: "any", fields.inputs["key"]: "D"})
assert (asked.form, asked.key) == ("any", "D")
assert fields.updates(asked)[fields.inputs["form"]] == "any"
assert fields.updates(free)[fields.inputs["key"]] == "any"
"""


def test_any_is_a_choice_of_some_fields_and_three_letters_of_a_form() -> None:
    # In a process of its own: building a page leaves event loops open.
    subprocess.run([sys.executable, "-c", _FIELDS], cwd=ROOT, check=True)


def test_a_tempo_is_chosen_or_typed() -> None:
    assert (read_tempo(None), read_tempo(""), read_tempo(96), read_tempo(" 96.5 ")) == (
        None, None, 96, 96.5,
    )  # fmt: skip
    with pytest.raises(ControlError, match="not a number"):
        read_tempo("fast")
