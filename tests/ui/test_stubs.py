from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

from musicgen_vae.ui.stubs import no_stub_files

_COMPONENT = """
import gradio as gr

class Plain(gr.HTML):
    pass
"""
_TRY = """
from contextlib import nullcontext
from musicgen_vae.ui.stubs import no_stub_files
with {context}():
    import component
"""


def stubs_after(folder: Path, context: str) -> list[str]:
    (folder / "component.py").write_text(_COMPONENT)
    paths = [str(folder), str(Path(__file__).parents[2])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    code = _TRY.format(context=context)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return [path.name for path in folder.glob("*.pyi")]


def test_gradio_writes_no_stubs(tmp_path: Path) -> None:
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    assert stubs_after(tmp_path / "with", "nullcontext") == ["component.pyi"]
    assert stubs_after(tmp_path / "without", "no_stub_files") == []


def test_afterwards_all_is_as_before() -> None:
    before = inspect.getfile
    with no_stub_files():
        assert inspect.getfile(Path) == before(Path)
    assert inspect.getfile is before
