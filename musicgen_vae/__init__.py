"""MusicGen-VAE: steer, morph and see music made by a conditional variational autoencoder.

``Composer`` is the public face. It is imported when it is first asked for, so that
``import musicgen_vae`` costs no PyTorch; the sub-packages are described in the README.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from musicgen_vae.generation.composer import Composer

__version__ = "0.1.0"
__all__ = ["Composer", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Composer":
        from musicgen_vae.generation.composer import Composer

        return Composer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
