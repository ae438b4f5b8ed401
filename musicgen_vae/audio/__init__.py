"""From a piece to sound: renderers behind one interface, and sound files.

``default_renderer`` chooses among them. Nothing here knows the model or the page.
"""

from __future__ import annotations

from typing import Literal

from musicgen_vae.audio.fluidsynth import FluidSynthRenderer, available
from musicgen_vae.audio.renderer import Renderer
from musicgen_vae.audio.synthesis import BuiltInRenderer
from musicgen_vae.errors import RenderError
from musicgen_vae.music.clip import Bar, Meter, Note, Piece, Role

RendererChoice = Literal["auto", "built-in", "fluidsynth"]

__all__ = ["Renderer", "RendererChoice", "default_renderer"]


def default_renderer(choice: RendererChoice = "auto") -> Renderer:
    """The renderer that ``choice`` names.

    ``auto`` is FluidSynth where it is installed and plays a test note, else the built-in synthesis.

    Raises:
        RenderError: if ``fluidsynth`` is asked for and is not installed.
    """
    if choice == "fluidsynth":
        return FluidSynthRenderer()
    if choice == "auto" and available():
        renderer = FluidSynthRenderer()
        bar = Bar(start=0, meter=Meter(numerator=1), tempo_qpm=120.0)
        note = Note(start=0, role=Role.MELODY, pitch=60, duration=12)
        try:
            renderer.render(Piece(bars=(bar,), notes=(note,)))
        except RenderError:
            return BuiltInRenderer()
        return renderer
    return BuiltInRenderer()
