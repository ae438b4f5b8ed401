"""The map on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musicgen_vae.corpus.shards import PieceInfo
from musicgen_vae.errors import CheckpointError, ControlError, CorpusError
from musicgen_vae.generation.atlas import Atlas, describe_atlas, encode_atlas, save_clips
from musicgen_vae.generation.composer import Composer
from musicgen_vae.music.clip import Clip
from tests.training.corpora import song

CLIPS = [song(i).clip(4) for i in range(12)]


def info(i: int) -> PieceInfo:
    return PieceInfo(
        title=f"Tune {i}", source="made up", song=str(i), licence="CC0", style="dance", labels={}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_clips(
        tmp_path, [(clip, i, 4) for i, clip in enumerate(CLIPS)], [info(i) for i in range(12)]
    )
    return tmp_path


def test_clips_come_back(folder: Path, tiny_composer: Composer) -> None:
    atlas = encode_atlas(folder, tiny_composer)
    assert len(atlas) == 12

    def content(clip: Clip) -> tuple[object, ...]:
        return clip.notes, clip.meter, clip.key, clip.programs

    assert [content(atlas.clip(i)) for i in range(12)] == [content(clip) for clip in CLIPS]
    assert atlas.label(3) == "Tune 3, bars 5 to 8"
    assert atlas.checkpoint == tiny_composer.checkpoint.hash
    assert atlas.xy.shape == (12, 2)
    assert np.abs(atlas.xy).max() <= 1.0 + 1e-6
    for wrong in (-1, 12):
        with pytest.raises(ControlError, match="not on the map"):
            atlas.clip(wrong)


def test_description_counts(folder: Path) -> None:
    described = describe_atlas(folder)
    assert described["n_clips"] == 12
    assert described["styles"] == {"dance": 12}
    assert described["roles"] == {"melody": 12, "harmony": 12}


def test_a_map_without_points(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(CheckpointError, match="musicgen_vae assets"):
        Atlas.load(folder)
    with pytest.raises(CorpusError):
        Atlas.load(tmp_path_factory.mktemp("empty"))


def test_music_is_placed_among_its_neighbours(folder: Path, tiny_composer: Composer) -> None:
    atlas = encode_atlas(folder, tiny_composer)
    assert set(atlas.layouts) == set(atlas.trust) == {"tsne", "pca"}
    assert all(0 <= value <= 1 for value in atlas.trust.values())
    assert atlas.z is not None
    placed = atlas.place(atlas.z[5])
    assert placed.neighbours[0] == 5 and placed.distances[0] == 0
    assert list(placed.distances) == sorted(placed.distances)
    # Exactly where it is already, by either layout.
    for name, xy in atlas.layouts.items():
        assert placed.places[name] == pytest.approx(xy[5].tolist(), abs=1e-5)
    far = atlas.place(atlas.z[5] + 100)
    nearest = atlas.xy[list(far.neighbours)]
    x, y = far.places["tsne"]
    assert nearest[:, 0].min() <= x <= nearest[:, 0].max()
    assert nearest[:, 1].min() <= y <= nearest[:, 1].max()


def test_an_atlas_of_old_has_one_layout(folder: Path, tiny_composer: Composer) -> None:
    atlas = replace(encode_atlas(folder, tiny_composer), pca=None, z=None)
    assert set(atlas.layouts) == {"tsne"}
    with pytest.raises(CorpusError, match="make assets"):
        atlas.place(np.zeros((4, 64), dtype=np.float32))
