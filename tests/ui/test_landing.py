from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import soundfile

from musicgen_vae.audio.renderer import TAIL_S, duration_s
from musicgen_vae.audio.torch_renderer import TorchRenderer
from musicgen_vae.generation.composer import Composer
from musicgen_vae.music.midi import read_midi
from musicgen_vae.ui.landing import LANDING_FOLDER, N_STEPS, load_landing, prepare_landing
from musicgen_vae.ui.studio import Studio
from musicgen_vae.ui.texts import speaking

MAX_BYTES = 1_500_000


def test_the_shipped_morph_was_made_by_the_shipped_checkpoint(tmp_path: Path) -> None:
    landing = load_landing()
    assert landing is not None
    hint = "the checkpoint has changed: run make assets"
    assert landing.checkpoint == Studio.open(tmp_path).checkpoint, hint


def test_the_shipped_morph_is_small_and_sounds_as_it_is_drawn() -> None:
    landing = load_landing()
    assert landing is not None
    assert sum(file.stat().st_size for file in LANDING_FOLDER.iterdir()) <= MAX_BYTES
    takes = landing.takes(None)
    assert len({take.id for take in takes}) == N_STEPS
    for take in takes:
        assert soundfile.info(take.audio).duration == pytest.approx(
            duration_s(take.piece) + TAIL_S, abs=0.15
        )
        written = read_midi(take.midi.read_bytes())
        assert len(written.notes) == len(take.piece.notes)


def test_a_morph_is_prepared_and_replaced(tiny_composer: Composer, tmp_path: Path) -> None:
    folder = tmp_path / "landing"
    folder.mkdir()
    (folder / "old").touch()
    made = prepare_landing(tiny_composer, TorchRenderer(), folder)
    assert made == load_landing(folder)
    assert made.checkpoint == tiny_composer.checkpoint.hash
    assert not (folder / "old").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["landing"]
    request = made.request()
    again = tiny_composer.interpolate(request.a.clip(0), request.b.clip(0), steps=N_STEPS)
    assert tuple(again) == made.clips


@pytest.mark.parametrize("damage", ["no file", "no json", "no notes", "no clips"])
def test_a_damaged_morph_is_none(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "landing"
    shutil.copytree(LANDING_FOLDER, folder)
    info = json.loads((folder / "landing.json").read_text())
    if damage == "no file":
        (folder / "step4.mp3").unlink()
    elif damage == "no notes":
        info["clips"][3]["notes"] = "x"
    elif damage == "no clips":
        info["clips"] = info["clips"][:3]
    said = "" if damage == "no json" else json.dumps(info)
    (folder / "landing.json").write_text(said)
    assert load_landing(folder) is None


def test_a_prepared_morph_speaks_the_visitors_language() -> None:
    landing = load_landing()
    assert landing is not None
    with speaking("zh-CN"):
        assert "checkpoint" not in landing.takes(None)[0].remark


def test_a_prepared_morph_says_how_it_was_made() -> None:
    landing = load_landing()
    assert landing is not None
    remark = landing.takes(None)[0].remark
    request = landing.request()
    assert (request.key, request.path, request.steps) == ("a", "line", N_STEPS)
    assert "Prepared in advance: 9 steps along a line" in remark
    assert "in the key of Ode to Joy" in remark and "no seed" in remark
    assert landing.checkpoint in remark
