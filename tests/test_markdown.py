from __future__ import annotations

from musicgen_vae.markdown import table


def test_a_table_has_a_head_and_its_rows() -> None:
    lines = table(("a", "b"), [(12_345, "x|y"), (0.5, "")])
    assert lines == ["| a | b |", "|---|---|", "| 12,345 | x/y |", "| 0.5 |  |"]
