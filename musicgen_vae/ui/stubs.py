"""Gradio imported without writing files for editors.

Whenever Gradio is imported it parses the source of each of its components and renders a ``.pyi``
stub of it, to be written beside the component if it differs. That is more than half of the time
that the import takes. It leaves out classes that have no file; this module lets components pass for
such.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def no_stub_files() -> Iterator[None]:
    """Import Gradio, and modules that define components of it, within this."""
    find = inspect.getfile

    def getfile(thing: Any) -> str:
        if type(thing).__name__ == "ComponentMeta":
            raise OSError("no stub for this component")
        return find(thing)

    inspect.getfile = getfile  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getfile = find
