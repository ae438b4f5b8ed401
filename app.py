"""Starts the page: ``python app.py``, then open the address that it prints."""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
from functools import partial
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
_PREFIX = "musicgen-vae-"
"""Of temporary folders."""


def main() -> None:
    """Parse arguments, build, launch; the model is loaded once the page can be looked at."""
    parser = argparse.ArgumentParser(description="Start the MusicGen-VAE page.")
    parser.add_argument("--checkpoint", type=Path, metavar="DIR", help="another model")
    parser.add_argument("--map", type=Path, metavar="DIR", help="another map of clips")
    parser.add_argument("--keep-s", type=int, metavar="N", help="delete visitors' files sooner")
    arguments = parser.parse_args()
    # As Ctrl-C does it: nothing of visitors may be left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        os.environ.setdefault("GRADIO_TEMP_DIR", folder)
        from musicgen_vae.ui.cleaning import KEEP_S, keep_clean, sweep
        from musicgen_vae.ui.landing import load_landing
        from musicgen_vae.ui.stubs import no_stub_files
        from musicgen_vae.ui.studio import Studio
        from musicgen_vae.ui.zerogpu import find_lender

        with no_stub_files():
            from musicgen_vae.ui.page import (
                build_page,
                delete_uploads,
                launch_options,
                takes_folder,
            )

        keep_s = min(arguments.keep_s or KEEP_S, KEEP_S)
        lender = find_lender()  # before anything uses CUDA
        studio = Studio.open(takes_folder(), arguments.checkpoint, arguments.map, lender)
        landing = load_landing()
        page = build_page(studio, landing)
        page.launch(**launch_options(studio, landing), prevent_thread_lock=True)
        studio.start()
        for left in Path(folder).parent.glob(f"{_PREFIX}*"):  # by one that was killed
            sweep(left, KEEP_S)
        takes = takes_folder()
        keep_clean(takes.parent, takes, keep_s, partial(delete_uploads, page))
        page.block_thread()


if __name__ == "__main__":
    main()
