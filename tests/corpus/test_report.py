"""The page about the corpus says what the build counted."""

from __future__ import annotations

from pathlib import Path

from musicgen_vae.corpus.report import ORIGINS, corpus_tables, write_tables
from musicgen_vae.corpus.shards import load_info
from tests.training.corpora import build


def test_tables_hold_the_counts(tmp_path: Path) -> None:
    build(tmp_path)
    pieces, info = load_info(tmp_path)
    page = corpus_tables(pieces, info["report"])
    clips = info["report"]["clips"]
    counts = f"{clips['train']} | {clips['validation']} | {clips['test']}"
    assert f"| made up | {ORIGINS['folder'].what} |" in page
    assert f"| {len(pieces)} | 0 | 0 | {counts} |" in page
    assert f"| pop | {counts} | 0 |" in page


def test_tables_go_between_the_marks_of_a_page_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "data.md"
    write_tables(page, "alone\n")
    assert page.read_text() == "alone\n"
    begin, end = "<!-- counts: written by the build -->", "<!-- end of counts -->"
    page.write_text(f"# Data\n{begin}\nold\n{end}\nmore\n")
    write_tables(page, "new\n")
    write_tables(page, "newer\n")
    assert page.read_text() == f"# Data\n{begin}\n\nnewer\n\n{end}\nmore\n"


def test_reasons_of_one_kind_count_together(tmp_path: Path) -> None:
    build(tmp_path)
    pieces, info = load_info(tmp_path)
    reasons = ["2.1% of the onsets lie off the grid", "11% of the onsets lie off the grid"]
    failures = [{"source": "x", "song": "y", "reason": reason} for reason in reasons]
    page = corpus_tables(pieces, {**info["report"], "pieces_left_out": failures})
    assert "| x | 2 | N% of the onsets lie off the grid |" in page
