"""``python -m musicgen_vae``."""

import sys

from musicgen_vae.cli import main

if __name__ == "__main__":
    sys.exit(main())
