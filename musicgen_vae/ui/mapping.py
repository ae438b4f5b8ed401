"""Clips of the map, and where other music lies on it.

Nothing here knows Gradio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musicgen_vae.errors import CorpusError
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip
from musicgen_vae.music.emotion import ANY_STYLE, QUADRANTS, Emotion
from musicgen_vae.ui.takes import Recorder, Take, mood_name
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.uploads import Upload
from musicgen_vae.ui.zerogpu import lendable

if TYPE_CHECKING:
    from musicgen_vae.generation.atlas import Atlas, Placement
    from musicgen_vae.generation.composer import Composer

_N_TOLD = 3
"""Styles and moods that are named."""


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


@dataclass(frozen=True, kw_only=True)
class Inferred:
    """What the model makes of the notes of a clip, each with its probability, the likeliest first.

    Attributes:
        styles: names; empty where the checkpoint does not recognise any.
        quadrants: of mood, from ``QUADRANTS``; likewise.
    """

    styles: tuple[tuple[str, float], ...] = ()
    quadrants: tuple[tuple[str, float], ...] = ()

    def told(self) -> str:
        """The same in words, as Markdown."""
        moods = [(text(f"quadrant_{name}"), share) for name, share in self.quadrants]
        lines = [
            f"- {text(key, likely=_listed(likely))}"
            for key, likely in (("inferred_style", self.styles), ("inferred_mood", moods))
            if likely
        ]
        return "\n".join([text("inferred_intro"), "", *lines]) if lines else ""


def _listed(likely: Sequence[tuple[str, float]]) -> str:
    shown = [f"{name} {round(100 * share)} %" for name, share in likely[:_N_TOLD] if share >= 0.01]
    return " · ".join(shown)


def inferred(composer: Composer, clip: Clip) -> Inferred:
    """What the recognition head makes of ``clip``.

    Valence and arousal are recognised as classes among clips of a style: they become quadrants at
    the typical value of each class in the likeliest style, as if one were independent of the other.

    Raises:
        ClipError: if the model can read none of its notes.
    """
    (found,) = composer.recognise([clip])
    styles = tuple(found.get("style", {}).items())
    if not {"valence", "arousal"} <= found.keys():
        return Inferred(styles=styles)
    known = composer.spec.emotion_edges
    edges = known[styles[0][0] if styles and styles[0][0] in known else ANY_STYLE]
    shares = dict.fromkeys(QUADRANTS, 0.0)
    for valence, p_valence in found["valence"].items():
        for arousal, p_arousal in found["arousal"].items():
            mood = Emotion(
                valence=edges.middle("valence", int(valence)),
                arousal=edges.middle("arousal", int(arousal)),
            )
            shares[mood.quadrant] += p_valence * p_arousal
    likeliest = sorted(shares.items(), key=lambda pair: -pair[1])
    return Inferred(styles=styles, quadrants=tuple(likeliest))


@lendable
def place(
    composer: Composer, atlas: Atlas, recorder: Recorder, upload: Upload, index: int = 0
) -> tuple[Take, Placement, Inferred]:
    """A clip that is not on the map: as a take, where it lies, and what the model makes of it.

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
    return take, atlas.place(z), inferred(composer, clip)
