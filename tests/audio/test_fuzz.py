from __future__ import annotations

import pytest

from tests.audio.fuzz import fuzz


@pytest.mark.slow
def test_mutated_fonts_and_files_neither_crash_nor_sound_wrong():
    became = fuzz(300, seed=1)
    assert sum(became.values()) == 300
    assert became["font played"] > 30 and became["font refused"] > 30
    assert became["file played"] > 5 and became["file refused"] > 30
