"""The README's examples for programs run as they are printed, and show every endpoint."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ui.running import ROOT

ADDRESS = "http://127.0.0.1:7860"


@pytest.fixture
def examples(app_url: str) -> str:
    """The code under "From a program", asking the app of the tests."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    part = readme.split("\n## From a program\n")[1].split("\n## ")[0]
    code = "".join(re.findall(r"```python\n(.*?)```", part, re.DOTALL))
    assert code.count(ADDRESS) == 1
    return code.replace(ADDRESS, app_url)


def test_every_endpoint_is_shown_and_answers(
    examples: str,
    midi_file: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    midi_file("a.mid")
    midi_file("b.mid", variant=3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "answers"))
    names: dict[str, Any] = {}
    exec(examples, names)
    published = names["client"].view_api(print_info=False, return_format="dict")
    assert set(re.findall(r'api_name="(/\w+)"', examples)) == set(published["named_endpoints"])
    files = [names[name] for name in ("midi", "wav", "original_midi", "original_wav")]
    assert all(Path(file).stat().st_size > 0 for file in files)
    assert len(names["latent"]["clips"]) == 2
    assert names["info"]["parameters"]["index"] == 5
