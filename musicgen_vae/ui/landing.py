"""The morph on which the page opens: prepared in advance, so that it needs no model to be played.

``prepare_landing`` writes it (``make assets``), ``load_landing`` reads it. The folder holds
``landing.json`` with the clips and the checkpoint's hash, and a MIDI and an MP3 file for each step.
Nothing here knows Gradio.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen_vae.errors import MusicGenError
from musicgen_vae.music.attributes import Edges
from musicgen_vae.music.clip import Clip, join
from musicgen_vae.music.midi import write_midi
from musicgen_vae.ui.morphing import MorphRequest, step_title
from musicgen_vae.ui.takes import Take, facts
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.uploads import Upload, read_upload

if TYPE_CHECKING:
    from musicgen_vae.audio import Renderer
    from musicgen_vae.generation.composer import Composer

_ASSETS = Path(__file__).resolve().parents[2] / "assets"
LANDING_FOLDER = _ASSETS / "landing"
TUNES = ("ode_to_joy", "korobeiniki")
"""Example tunes whose first four bars are the ends: a calm one in major, a driven one in minor."""
N_STEPS = 9
_INFO = "landing.json"
_COMPRESSION = 0.75
"""Of the MP3 files: about 90 kbit/s, so that all steps together are under 1.5 MB."""


@dataclass(frozen=True, kw_only=True)
class Landing:
    """A finished morph.

    Attributes:
        titles: of the two tunes.
        ends: the four bars of each as they were written.
        clips: the steps, from the first tune to the second.
        checkpoint: hash of the model that made them.
        folder: where their files are.
    """

    titles: tuple[str, str]
    ends: tuple[Clip, Clip]
    clips: tuple[Clip, ...]
    checkpoint: str
    folder: Path

    def request(self) -> MorphRequest:
        """What was asked of the model."""
        a, b = (
            Upload(piece=join([clip]), title=title)
            for clip, title in zip(self.ends, self.titles, strict=True)
        )
        return MorphRequest(a=a, b=b, steps=N_STEPS)

    def takes(self, edges: Edges | None) -> list[Take]:
        """The steps as takes, in the language being spoken; without ``edges`` nothing is said."""
        remark = text(
            "landing_remark", steps=len(self.clips), a=self.titles[0], checkpoint=self.checkpoint
        )
        return [
            Take(
                id=f"landing-{step}",
                title=step_title(step, len(self.clips), self.titles),
                clips=(clip,),
                piece=join([clip]),
                midi=self.folder / f"step{step}.mid",
                audio=self.folder / f"step{step}.mp3",
                parameters=self.folder / _INFO,
                facts=facts([clip], edges) if edges else (),
                remark=remark,
            )
            for step, clip in enumerate(self.clips, start=1)
        ]


def prepare_landing(
    composer: Composer, renderer: Renderer, folder: Path = LANDING_FOLDER
) -> Landing:
    """Make the morph and write it to ``folder``, which is replaced when all of it is there."""
    from musicgen_vae.audio.export import Tags, write_audio

    tunes = [read_upload(_ASSETS / "examples" / f"{name}.mid") for name in TUNES]
    ends = tuple(tune.clip(0) for tune in tunes)
    clips = composer.interpolate(ends[0], ends[1], steps=N_STEPS)
    titles = [tune.title for tune in tunes]
    info: dict[str, Any] = {
        "checkpoint": composer.checkpoint.hash,
        "titles": titles,
        "ends": [clip.to_dict() for clip in ends],
        "clips": [clip.to_dict() for clip in clips],
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        made.mkdir(mode=0o755)
        for step, clip in enumerate(clips, start=1):
            title = step_title(step, N_STEPS, titles)
            piece = join([clip], title=title)
            (made / f"step{step}.mid").write_bytes(write_midi(piece))
            write_audio(
                made / f"step{step}.mp3",
                renderer.render_chunks(piece),
                renderer.sample_rate,
                tags=Tags(title=title, checkpoint=composer.checkpoint.hash),
                compression=_COMPRESSION,
            )
        said = json.dumps(info, ensure_ascii=False, separators=(",", ":"))
        (made / _INFO).write_text(said + "\n", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    landing = load_landing(folder)
    assert landing is not None
    return landing


def load_landing(folder: Path = LANDING_FOLDER) -> Landing | None:
    """The morph in ``folder``; None if it or one of its files is missing or damaged."""
    try:
        info = json.loads((folder / _INFO).read_text(encoding="utf-8"))
        a, b = info["titles"]
        start, end = (Clip.from_dict(clip) for clip in info["ends"])
        landing = Landing(
            titles=(str(a), str(b)),
            ends=(start, end),
            clips=tuple(Clip.from_dict(clip) for clip in info["clips"]),
            checkpoint=str(info["checkpoint"]),
            folder=folder,
        )
    except (OSError, ValueError, KeyError, TypeError, MusicGenError):
        return None
    files = [folder / f"step{i}{end}" for i in range(1, N_STEPS + 1) for end in (".mid", ".mp3")]
    complete = len(landing.clips) == N_STEPS and all(file.is_file() for file in files)
    return landing if complete else None
