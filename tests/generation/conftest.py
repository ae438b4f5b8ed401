"""Two clips of different keys and meters from the example tunes."""

from __future__ import annotations

import pytest

from musicgen_vae.music.clip import Clip
from tests.generation.clips import clips_of


@pytest.fixture(scope="session")
def tune() -> Clip:
    return clips_of("brahms_lullaby")[1]


@pytest.fixture(scope="session")
def other() -> Clip:
    return clips_of("korobeiniki")[0]
