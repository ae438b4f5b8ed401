"""From a piece to sound: renderers behind one interface, and sound files.

``default_renderer`` chooses among them. Nothing here knows the model or the page.
"""

from __future__ import annotations

from typing import Literal

from musicgen_vae.audio.renderer import Renderer

RendererChoice = Literal["torch", "fluidsynth"]

__all__ = ["Renderer", "RendererChoice", "default_renderer"]


def default_renderer(choice: RendererChoice = "torch", *, device: str | None = None) -> Renderer:
    """The renderer that ``choice`` names.

    Args:
        choice: "torch" or "fluidsynth".
        device: where the one in PyTorch computes; by default on the GPU, where there is one.

    Raises:
        RenderError: if there is no SoundFont, or ``fluidsynth`` is asked for and not installed.
    """
    # Imported when they are needed: the page is looked at before PyTorch is there.
    import torch

    from musicgen_vae.audio.fluidsynth import FluidSynthRenderer
    from musicgen_vae.audio.torch_renderer import TorchRenderer

    if choice == "fluidsynth":
        return FluidSynthRenderer()
    return TorchRenderer(device=device or ("cuda" if torch.cuda.is_available() else "cpu"))
