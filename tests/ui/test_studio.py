from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from musicgen_vae.errors import CheckpointError
from musicgen_vae.generation.composer import Composer
from musicgen_vae.ui.studio import Studio, Tools
from musicgen_vae.ui.takes import Recorder

TINY = Path(__file__).resolve().parents[1] / "data" / "tiny"


def test_tools_are_waited_for(tiny_composer: Composer, recorder: Recorder) -> None:
    go = Event()
    tools = Tools(composer=tiny_composer, recorder=recorder, atlas=None)

    def load() -> Tools:
        assert go.wait(60)
        return tools

    studio = Studio(load, tiny_composer.spec)
    assert studio.state == "warming"
    studio.start()
    assert studio.state == "warming" and studio.failure == ""
    go.set()
    assert studio.tools() is tools
    assert studio.state == "ready"


@pytest.mark.parametrize("error", [CheckpointError("no weights"), MemoryError("secret")])
def test_why_there_is_no_model_is_said(error: Exception) -> None:
    def load() -> Tools:
        raise error

    studio = Studio(load, None)
    with pytest.raises(CheckpointError) as raised:
        studio.tools()
    assert studio.state == "failed"
    assert str(raised.value) == studio.failure
    assert "secret" not in studio.failure


def test_what_a_checkpoint_is_like_is_known_before_it_is_loaded(
    tiny_composer: Composer, tmp_path: Path
) -> None:
    studio = Studio.open(tmp_path, TINY)
    assert studio.spec == tiny_composer.spec
    assert studio.checkpoint == tiny_composer.checkpoint.hash
    assert not studio.has_flow
    nothing = Studio.open(tmp_path, tmp_path)
    assert nothing.spec is None and nothing.checkpoint == ""


def test_the_page_can_be_laid_out_without_pytorch() -> None:
    code = "import sys, musicgen_vae.ui.page; print({'torch', 'scipy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
