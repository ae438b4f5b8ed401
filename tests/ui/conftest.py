from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
import torch
from playwright.sync_api import Browser, Page, expect, sync_playwright

from musicgen_vae.audio.torch_renderer import TorchRenderer
from musicgen_vae.corpus.shards import PieceInfo
from musicgen_vae.generation.atlas import Atlas, encode_atlas, save_clips
from musicgen_vae.generation.composer import Composer
from musicgen_vae.model.checkpoint import save_checkpoint, save_flow
from musicgen_vae.model.controls import CLIP_CONTROLS
from musicgen_vae.model.flow import FlowConfig, FlowPrior
from musicgen_vae.model.vae import ConditionalVAE
from musicgen_vae.music.attributes import Edges
from musicgen_vae.music.clip import Clip, Key, Note, Piece, Role, join, tidy
from musicgen_vae.music.emotion import ANY_STYLE
from musicgen_vae.music.midi import write_midi
from musicgen_vae.ui.takes import Recorder
from tests.ui.browsing import TIMEOUT_MS, OpenPage, launch_chromium
from tests.ui.running import ROOT, running

TINY = ROOT / "tests" / "data" / "tiny"

_EMOTION_EDGES = Edges(
    values={name: tuple(i / 4 for i in range(-3, 4)) for name in ("valence", "arousal")}
)
HOSTILE = "<img src=x onerror=alert(1)>"
TEMPLATED = "${alert(1)}"
"""What would run if it were taken for markup or for a template."""

_MELODY = (64, 67, 72, 71, 69, 65, 62, 67)


def made_up_clip(variant: int = 0, *, key: str = "C major", tempo_qpm: float = 120.0) -> Clip:
    """Four bars of a melody in quarters over a chord and a bass note in each bar."""
    notes = []
    for bar in range(4):
        for beat in range(4):
            pitch = _MELODY[(bar * 3 + beat + variant) % len(_MELODY)]
            at = 48 * bar + 12 * beat
            notes.append(Note(start=at, role=Role.MELODY, pitch=pitch, duration=12, velocity=5))
        root = 48 + (0, 5, 7, 0)[(bar + variant) % 4]
        for pitch in (root, root + 4, root + 7):
            notes.append(
                Note(start=48 * bar, role=Role.HARMONY, pitch=pitch, duration=48, velocity=4)
            )
        notes.append(Note(start=48 * bar, role=Role.BASS, pitch=root - 12, duration=48, velocity=4))
    return Clip(notes=tidy(notes), key=Key.parse(key), tempo_qpm=tempo_qpm)


def made_up_piece(n_clips: int = 2, *, title: str = "Made up", variant: int = 0) -> Piece:
    return join([made_up_clip(variant + i) for i in range(n_clips)], title=title)


@pytest.fixture
def clip_of() -> Callable[..., Clip]:
    return made_up_clip


@pytest.fixture
def midi_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a made-up piece, as ``made_up_piece`` takes it, to a file called ``name``."""

    def make(name: str = "tune.mid", **options: object) -> Path:
        path = tmp_path / name
        path.write_bytes(write_midi(made_up_piece(**options)))  # type: ignore[arg-type]
        return path

    return make


@pytest.fixture
def recorder(tiny_composer: Composer, tmp_path: Path) -> Recorder:
    return Recorder(
        renderer=TorchRenderer(),
        folder=tmp_path / "takes",
        edges=tiny_composer.spec.edges,
        checkpoint=tiny_composer.checkpoint.hash,
    )


def _zeros(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: torch.zeros_like(tensor) for name, tensor in weights.items()}


@pytest.fixture(scope="session")
def emotional_checkpoint(tiny_composer: Composer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with two styles and all controls; it has not learnt the added ones."""
    folder = tmp_path_factory.mktemp("emotional")
    known = tiny_composer.spec
    spec = replace(
        known,
        styles=("folk", "rock"),
        clip_controls=CLIP_CONTROLS,
        edges=Edges(values={**known.edges.values, "repetition": tuple(i / 8 for i in range(1, 8))}),
        emotion_edges=dict.fromkeys((ANY_STYLE, "folk", "rock"), _EMOTION_EDGES),
    )
    config = tiny_composer.model.config
    # What was not learnt is zero, and a flow that says zero leaves its noise as it is.
    weights = _zeros(ConditionalVAE(config, spec).state_dict())
    for name, trained in tiny_composer.model.state_dict().items():
        if name in weights and weights[name].shape == trained.shape:
            weights[name] = trained
    save_checkpoint(folder, config, spec, weights, {})
    flow = FlowPrior(FlowConfig(), config)
    torch.nn.init.zeros_(flow.out.weight)
    torch.nn.init.zeros_(flow.out.bias)
    model_hash = Composer.load(folder, device="cpu").checkpoint.hash
    save_flow(folder, FlowConfig(), flow, model_hash, {})
    return folder


@pytest.fixture(scope="session")
def emotional_composer(emotional_checkpoint: Path) -> Composer:
    return Composer.load(emotional_checkpoint, device="cpu")


@pytest.fixture(scope="session")
def map_folder(tiny_composer: Composer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An atlas of twelve clips of three pieces, two of them with hostile titles."""
    return _made_up_map(tmp_path_factory.mktemp("map"), tiny_composer)


@pytest.fixture(scope="session")
def emotional_map_folder(
    emotional_composer: Composer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same, encoded by the model with all controls."""
    return _made_up_map(tmp_path_factory.mktemp("emotional_map"), emotional_composer)


def _made_up_map(folder: Path, composer: Composer) -> Path:
    titles = [("First", "one"), (HOSTILE, "one"), (TEMPLATED, "other")]
    pieces = [
        PieceInfo(title=title, source=source, song=str(i), licence="CC0", style="pop", labels={})
        for i, (title, source) in enumerate(titles)
    ]
    clips = [(made_up_clip(i), i % 3, 4 * (i // 3)) for i in range(12)]
    save_clips(folder, clips, pieces)
    encode_atlas(folder, composer)
    return folder


@pytest.fixture(scope="session")
def atlas(map_folder: Path) -> Atlas:
    return Atlas.load(map_folder)


@contextmanager
def running_app(log: Path, *arguments: str, **environment: str) -> Iterator[str]:
    """The address of ``app.py`` in a process of its own."""
    with running(log, *arguments, **environment) as app:
        yield app.url


@pytest.fixture(scope="session")
def app_url(
    emotional_checkpoint: Path, emotional_map_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The app with the small model that has all controls, and the small map."""
    log = tmp_path_factory.mktemp("app") / "log.txt"
    arguments = ["--checkpoint", str(emotional_checkpoint), "--map", str(emotional_map_folder)]
    with running_app(log, *arguments) as url:
        yield url


@pytest.fixture(scope="session")
def modelless_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app without weights."""
    nothing = tmp_path_factory.mktemp("nothing")
    with running_app(nothing / "log.txt", "--checkpoint", str(nothing)) as url:
        yield url


@pytest.fixture
def run_app() -> Callable[..., Any]:
    return running_app


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        yield launch_chromium(playwright)


@pytest.fixture
def open_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Opens the page in a context of its own and, at the end, checks what it did."""
    wrong: list[str] = []
    contexts = []

    def make(app: str = "app_url", query: str = "", **options: object) -> Page:
        url = request.getfixturevalue(app)

        def on_request(asked: str) -> None:
            if urlparse(asked).scheme in ("http", "https", "ws") and not asked.startswith(url):
                wrong.append(f"request to {asked}")

        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("request", lambda request: on_request(request.url))
        page.on("pageerror", lambda error: wrong.append(f"script error {error}"))
        page.on("dialog", lambda dialog: (wrong.append("a dialog opened"), dialog.dismiss()))
        page.goto(url + query)
        expect(page.get_by_role("tab").first).to_be_visible()
        return page

    yield make
    for context in contexts:
        context.close()
    assert wrong == []
