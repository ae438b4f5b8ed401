"""Starts the page: ``python app.py``, then open the address that it prints."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"


def main() -> None:
    """Parse arguments, load, build, launch."""
    parser = argparse.ArgumentParser(description="Start the MusicGen-VAE page.")
    parser.add_argument("--checkpoint", type=Path, metavar="DIR", help="another model")
    parser.add_argument("--map", type=Path, metavar="DIR", help="another map of clips")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="musicgen-vae-") as folder:
        os.environ.setdefault("GRADIO_TEMP_DIR", folder)
        from musicgen_vae.audio import default_renderer
        from musicgen_vae.errors import MusicGenError
        from musicgen_vae.generation.atlas import Atlas
        from musicgen_vae.generation.composer import Composer
        from musicgen_vae.threads import limit_threads
        from musicgen_vae.ui.page import build_page, find_atlas, launch_options
        from musicgen_vae.ui.zerogpu import find_lender

        device = "cpu" if (lender := find_lender()) else None  # asked before CUDA is used
        limit_threads()
        try:
            composer = Composer.load(arguments.checkpoint, device)
            atlas = Atlas.load(arguments.map) if arguments.map else find_atlas()
        except MusicGenError as error:
            sys.exit(f"error: {error}")
        page = build_page(composer, default_renderer(device=device), atlas, lender)
        page.launch(**launch_options())


if __name__ == "__main__":
    main()
