from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from musicgen_vae.audio.synthesis import BuiltInRenderer
from musicgen_vae.corpus.shards import PieceInfo
from musicgen_vae.generation.atlas import Atlas, encode_atlas, save_clips
from musicgen_vae.generation.composer import Composer
from musicgen_vae.music.clip import Clip, Key, Note, Piece, Role, join, tidy
from musicgen_vae.music.midi import write_midi
from musicgen_vae.ui.takes import Recorder

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
        renderer=BuiltInRenderer(), folder=tmp_path / "takes", edges=tiny_composer.spec.edges
    )


@pytest.fixture(scope="session")
def atlas(tiny_composer: Composer, tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    """Twelve clips of three pieces, one of them with a hostile title."""
    folder = tmp_path_factory.mktemp("map")
    pieces = [
        PieceInfo(title=title, source=source, song=str(i), licence="CC0", style="pop", labels={})
        for i, (title, source) in enumerate(
            [("First", "one"), (HOSTILE, "one"), (TEMPLATED, "other")]
        )
    ]
    clips = [(made_up_clip(i), i % 3, 4 * (i // 3)) for i in range(12)]
    save_clips(folder, clips, pieces)
    return encode_atlas(folder, tiny_composer)


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., object]:
    """A context manager that serves the page on a free port and yields its address."""
    pytest.importorskip("gradio")
    from musicgen_vae.ui.page import build_page, launch_options

    @contextmanager
    def run(composer: Composer, atlas: Atlas | None) -> Iterator[str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
            page = build_page(composer, BuiltInRenderer(), atlas)
            _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_options())
            try:
                yield url
            finally:
                page.close(verbose=False)

    return run
