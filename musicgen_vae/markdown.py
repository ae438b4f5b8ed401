"""Tables for pages that are written by programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a Markdown table; whole numbers get separators."""

    def cells(values: Sequence[object]) -> str:
        shown = [f"{v:,}" if isinstance(v, int) else str(v).replace("|", "/") for v in values]
        return "| " + " | ".join(shown) + " |"

    return [cells(heads), "|" + "---|" * len(heads), *(cells(row) for row in rows)]
