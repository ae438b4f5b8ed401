"""The page about the corpus says what the build counted."""

from __future__ import annotations

from pathlib import Path

from musicgen_vae.corpus.report import ORIGINS, corpus_tables, table
from musicgen_vae.corpus.shards import load_info
from tests.training.corpora import build


def test_tables_hold_the_counts(tmp_path: Path) -> None:
    build(tmp_path)
    pieces, info = load_info(tmp_path)
    page = corpus_tables(pieces, info["report"])
    clips = info["report"]["clips"]
    counts = f"{clips['train']} | {clips['validation']} | {clips['test']}"
    assert f"| made up | {ORIGINS['folder'].what} |" in page
    assert f"| {len(pieces)} | 0 | {counts} |" in page
    assert f"| pop | {counts} | 0 |" in page


def test_cells() -> None:
    assert table(("a", "b"), [(12_345, "x|y")]) == ["| a | b |", "|---|---|", "| 12,345 | x/y |"]
