"""The model, the renderer and the map, loaded while the page is already being looked at.

The page is laid out from the checkpoint's description alone; PyTorch is imported and the weights
are read by a thread of their own. Whoever needs the model waits for it. Nothing here knows Gradio.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Literal

from musicgen_vae.errors import CheckpointError, CorpusError, MusicGenError
from musicgen_vae.model.controls import ControlSpec
from musicgen_vae.music.clip import join
from musicgen_vae.ui.takes import Recorder

if TYPE_CHECKING:
    from musicgen_vae.generation.atlas import Atlas
    from musicgen_vae.generation.composer import Composer
    from musicgen_vae.ui.zerogpu import GpuLender

_CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What handlers work with.

    Attributes:
        composer: the model.
        recorder: makes takes.
        atlas: the map, if there is one.
    """

    composer: Composer
    recorder: Recorder
    atlas: Atlas | None


class Studio:
    """Tools that are made in the background.

    Attributes:
        spec: the controls of the model to come; None where not even its description can be read.
        checkpoint: hash of its weights, as in ``Checkpoint``; empty where there are none.
        has_flow: whether it has a sampling prior.
    """

    def __init__(
        self,
        load: Callable[[], Tools],
        spec: ControlSpec | None,
        *,
        checkpoint: str = "",
        has_flow: bool = False,
    ) -> None:
        self.spec = spec
        self.checkpoint = checkpoint
        self.has_flow = has_flow
        self._load = load
        self._tools: Future[Tools] = Future()
        self._started = False

    @classmethod
    def open(
        cls,
        folder: Path,
        checkpoint: Path | None = None,
        map_: Path | None = None,
        lender: GpuLender | None = None,
    ) -> Studio:
        """The shipped model and map, or those in other folders; takes go to ``folder``.

        Where a ``lender`` lends a GPU to requests, the model itself stays on the CPU.
        """
        device = None if lender is None else "cpu"

        def load() -> Tools:
            from musicgen_vae.audio import default_renderer
            from musicgen_vae.generation.composer import Composer
            from musicgen_vae.threads import limit_threads

            limit_threads()
            composer = Composer.load(checkpoint, device)
            recorder = Recorder(
                renderer=default_renderer(device=device),
                folder=folder,
                edges=composer.spec.edges,
                checkpoint=composer.checkpoint.hash,
                lender=lender,
            )
            atlas = _find_atlas(map_)
            if lender is not None:
                lender.know(composer=composer, recorder=recorder, atlas=atlas)
            tools = Tools(composer=composer, recorder=recorder, atlas=atlas)
            if lender is None:
                _warm(tools)
            return tools

        source = checkpoint or _CHECKPOINTS
        return cls(
            load,
            _read_spec(source),
            checkpoint=_read_hash(source),
            has_flow=(source / "flow.safetensors").is_file(),
        )

    def start(self) -> None:
        """Begin to load; does nothing when that was done."""
        if not self._started:
            self._started = True
            Thread(target=self._run, name="studio", daemon=True).start()

    def _run(self) -> None:
        try:
            self._tools.set_result(self._load())
        except MusicGenError as error:
            self._tools.set_exception(error)
        except Exception:
            logging.getLogger(__name__).exception("the model could not be loaded")
            message = "the model could not be loaded; the server's log says why"
            self._tools.set_exception(CheckpointError(message))

    @property
    def state(self) -> Literal["warming", "ready", "failed"]:
        """Whether the tools are there."""
        if not self._tools.done():
            return "warming"
        return "failed" if self._tools.exception() else "ready"

    @property
    def failure(self) -> str:
        """Why the tools are not there, in one line; empty unless loading failed."""
        return str(self._tools.exception()) if self.state == "failed" else ""

    def tools(self) -> Tools:
        """The tools, waited for.

        Raises:
            MusicGenError: if they could not be made.
        """
        self.start()
        return self._tools.result()


def _warm(tools: Tools) -> None:
    """Use each tool once: what first uses cost, up to two seconds, no visitor waits for."""
    (clip,) = tools.composer.sample()
    tools.recorder.renderer.render(join([clip]))
    if tools.atlas is not None:
        tools.atlas.nearest_notes(clip)


def _read_spec(folder: Path) -> ControlSpec | None:
    try:
        info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        return ControlSpec.from_dict(info["controls"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read_hash(folder: Path) -> str:
    try:
        return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:12]
    except OSError:
        return ""


def _find_atlas(folder: Path | None) -> Atlas | None:
    """The map in ``folder``, which must be there, or the one that ships, if it is readable."""
    from musicgen_vae.generation.atlas import ATLAS_FOLDER, Atlas

    if folder is not None:
        return Atlas.load(folder)
    try:
        return Atlas.load(ATLAS_FOLDER)
    except (CorpusError, CheckpointError):
        return None
