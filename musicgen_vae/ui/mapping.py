"""Clips of the map, and where other music lies on it.

Nothing here knows Gradio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import BARS_PER_CLIP
from musicgen_vae.ui.takes import Recorder, Take, mood_name
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.uploads import Upload
from musicgen_vae.ui.zerogpu import lendable

if TYPE_CHECKING:
    from musicgen_vae.generation.atlas import Atlas, Placement
    from musicgen_vae.generation.composer import Composer


def map_label(atlas: Atlas, index: int) -> str:
    """Title and bars of a clip of the map."""
    first = int(atlas.shard.first_bar[index]) + 1
    last = first + BARS_PER_CLIP - 1
    return text("clip_title", title=atlas.info(index).title, first=first, last=last)


@lendable
def map_clip(
    composer: Composer, atlas: Atlas, recorder: Recorder, index: int
) -> tuple[Take, Take, dict[str, Any]]:
    """Clip ``index`` of the map: as it is, reconstructed, and as plain values.

    Raises:
        ControlError: if it is not on the map.
    """
    clip = atlas.clip(index)
    label = map_label(atlas, index)
    (made,) = composer.reconstruct([clip])
    info = atlas.info(index)
    parameters = {
        "index": index,
        "title": info.title,
        "source": info.source,
        "licence": info.licence,
        "first_bar": int(atlas.shard.first_bar[index]) + 1,
        "xy": [round(float(value), 4) for value in atlas.xy[index]],
    }
    original = recorder.take(
        [clip], title=text("original", label=label), name=f"map{index}-original", beside=[made]
    )
    reconstruction = recorder.take(
        [made],
        title=text("reconstruction", label=label),
        name=f"map{index}-reconstruction",
        parameters={"reconstruct": label},
        beside=[clip],
    )
    return original, reconstruction, recorder.information(parameters, [clip, made])


@lendable
def place(
    composer: Composer, atlas: Atlas, recorder: Recorder, upload: Upload, index: int = 0
) -> tuple[Take, Placement]:
    """A clip that is not on the map: as a take, and where it lies.

    Raises:
        ClipError: if the model can read none of its notes.
        CorpusError: if the map was encoded by another model, or without latent vectors.
    """
    if atlas.checkpoint != composer.checkpoint.hash:
        raise CorpusError(text("map_stale"))
    clip = upload.clip(index)
    z = composer.encode([clip]).posterior.mode()[0].cpu().numpy()
    take = recorder.take(
        [clip],
        title=text("placed", title=upload.clip_title(index)),
        name="placed",
        remark=text("placed_remark", mood=mood_name(clip)),
    )
    return take, atlas.place(z)
