"""Music made audible for the page: a take is a piece with its files and what there is to say of it.

This module knows clips, renderers and files; it knows neither the model nor Gradio.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from musicgen_vae.music.attributes import ORDINAL, Edges, chord_name, measure, summary
from musicgen_vae.music.clip import Clip, Key, Piece, join
from musicgen_vae.music.emotion import estimate_emotion
from musicgen_vae.music.midi import write_midi
from musicgen_vae.ui.texts import spoken, text

if TYPE_CHECKING:
    from musicgen_vae.audio import Renderer
    from musicgen_vae.audio.export import Tags
    from musicgen_vae.audio.loudness import Level
    from musicgen_vae.ui.zerogpu import GpuLender

_LEVELS = 256
"""Pieces whose loudness is remembered, since they may be compared again."""
_NOTE_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True, kw_only=True)
class Take:
    """A piece, seen and heard.

    Attributes:
        id: by which the page asks for it again; nobody can guess it. Empty where it cannot.
        title: plain text, perhaps a visitor's; never markup.
        clips: the music, in parts that the model can read.
        piece: the same in one.
        midi, audio, parameters: its files, in a folder of their own.
        facts: short texts about it.
        remark: what a listener ought to know; may be empty.
        language: in which all that is said.
    """

    id: str
    title: str
    clips: tuple[Clip, ...]
    piece: Piece
    midi: Path
    audio: Path
    parameters: Path
    facts: tuple[str, ...]
    remark: str = ""
    language: str = field(default_factory=spoken)


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """Makes takes.

    Attributes:
        renderer: makes the sound.
        folder: where files go; what is in it may be deleted at any later time.
        edges: of the ordinal classes, for the facts.
        checkpoint: hash of the weights, for the files.
        anonymous: sound files say nothing of the music, and their names do not either.
        human_seed: play a little inexactly, the same way for the same seed.
        lender: lends a GPU to handlers; see ``zerogpu``.
    """

    renderer: Renderer
    folder: Path
    edges: Edges
    checkpoint: str = ""
    anonymous: bool = False
    human_seed: int | None = None
    lender: GpuLender | None = None

    def take(
        self,
        clips: Sequence[Clip],
        *,
        title: str,
        name: str,
        remark: str = "",
        more_facts: Sequence[str] = (),
        parameters: Mapping[str, Any] | None = None,
        beside: Sequence[Clip] = (),
    ) -> Take:
        """``clips``, one after another, as one take.

        Args:
            clips: at least one.
            title: plain text.
            name: of the files, without extension; never a visitor's text.
            remark: see ``Take``.
            more_facts: put before those that are measured here.
            parameters: what was asked of the model, with the seed if there was one, as plain
                values; None for music that it did not write.
            beside: clips that a listener will compare it with. It is then no louder than each of
                them can be, so that nobody prefers the louder.

        Raises:
            InputError: if the music is too long to be rendered.
            RenderError: if sound could not be made.
        """
        # Imported here: the page is looked at before SciPy is there.
        from musicgen_vae.audio.export import write_audio
        from musicgen_vae.audio.loudness import TARGET_LUFS, matched

        piece = join(clips, title=title)
        take_id = uuid4().hex
        folder = self.folder / take_id
        folder.mkdir(parents=True)
        midi = folder / f"{name}.mid"
        midi.write_bytes(write_midi(piece))
        audio = folder / ("music.wav" if self.anonymous else f"{name}.wav")
        target = TARGET_LUFS
        if beside:
            target = matched(self._level(tuple(group)) for group in (clips, *zip(beside)))
        write_audio(
            audio,
            self.renderer.render_chunks(piece, human_seed=self.human_seed),
            self.renderer.sample_rate,
            target=target,
            tags=None if self.anonymous else self._tags(title, parameters),
        )
        asked = dict(parameters or {})
        known = {"title": title, "checkpoint": self.checkpoint, "parameters": asked}
        said = folder / f"{name}.json"
        said.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return Take(
            id=take_id,
            title=title,
            clips=tuple(clips),
            piece=piece,
            midi=midi,
            audio=audio,
            parameters=said,
            facts=(*more_facts, *facts(clips, self.edges)),
            remark=remark,
        )

    def information(self, parameters: Mapping[str, Any], clips: Sequence[Clip]) -> dict[str, Any]:
        """Checkpoint, parameters and what ``clips`` are like, as plain values."""
        return {
            "checkpoint": self.checkpoint,
            "parameters": parameters,
            "clips": [summary(clip) for clip in clips],
        }

    def stream(self, clips: Sequence[Clip]) -> Iterator[NDArray[np.int16]]:
        """``clips`` for hearing while the rest is still being made, in chunks of 1.5 s.

        Each has the shape (n, 2) at the renderer's sample rate. Their loudness as a whole is not
        known in advance, so they are left at the renderer's own level, and never clip.

        Args:
            clips: at least one.
        """
        from musicgen_vae.audio.renderer import limited

        chunks = self.renderer.render_chunks(join(clips), human_seed=self.human_seed)
        for chunk in limited(chunks):
            yield np.round(32_767 * chunk).astype(np.int16)

    def _tags(self, title: str, parameters: Mapping[str, Any] | None) -> Tags:
        from musicgen_vae.audio.export import Tags

        if parameters is None:
            return Tags(title=title)
        asked = {name: value for name, value in parameters.items() if value is not None}
        if self.human_seed is not None:
            asked["human_seed"] = self.human_seed
        seed = asked.pop("seed", None)
        return Tags(title=title, seed=seed, parameters=asked, checkpoint=self.checkpoint)

    @cached_property
    def _level(self) -> Callable[[tuple[Clip, ...]], Level]:
        """Tells how loud clips in a row are rendered; remembers the latest."""
        from musicgen_vae.audio.loudness import level_of

        def level(clips: tuple[Clip, ...]) -> Level:
            chunks = self.renderer.render_chunks(join(clips), human_seed=self.human_seed)
            return level_of(chunks, self.renderer.sample_rate)

        return lru_cache(maxsize=_LEVELS)(level)


def known_as(sent: Take) -> Callable[[Take], Take]:
    """Makes a preview of ``sent`` known by its id, for it is the same music.

    Where it is only the beginning of it, nothing can be asked of it.
    """
    return lambda preview: replace(preview, id=sent.id if len(sent.clips) == 1 else "")


def facts(clips: Sequence[Clip], edges: Edges) -> tuple[str, ...]:
    """What there is to say of ``clips``: key, meter, size and mean attributes with their levels."""
    first = clips[0]
    n_notes = sum(len(clip.notes) for clip in clips)
    n_bars = sum(clip.n_bars for clip in clips)
    result = [
        " → ".join(dict.fromkeys(key_name(clip.key) for clip in clips)),
        " → ".join(dict.fromkeys(str(clip.meter) for clip in clips)),
        text("fact_tempo", tempo=_span([clip.tempo_qpm for clip in clips])),
        text("fact_bar") if n_bars == 1 else text("fact_bars", n=n_bars),
        text("fact_note") if n_notes == 1 else text("fact_notes", n=n_notes),
    ]
    shift = np.concatenate([[clip.key.shift] * clip.n_bars for clip in clips])
    bars = [measure(clip) for clip in clips]
    for name in ORDINAL:
        values = np.concatenate([getattr(bar, name) for bar in bars])
        known = np.isfinite(values)
        if not known.any():
            continue
        mean = values[known].mean()
        shown = f"{mean:.2g}"
        if name == "register":
            shown = note_name(round(float((values + shift)[known].mean())))
        level = int(edges.classify(name, mean))
        result.append(text(f"fact_{name}", value=shown, level=level))
    if len(clips) == 1:
        names = [chord_name(int(chord), first.key.shift) for chord in bars[0].chord if chord >= 0]
        if names:
            result.append(text("fact_chords", chords=" ".join(names)))
    return tuple(result)


def mood_name(clip: Clip) -> str:
    """The estimated mood's quadrant in words; "unspecified" where nothing can be estimated."""
    emotion = estimate_emotion(clip)
    return text("unspecified") if emotion is None else text(f"quadrant_{emotion.quadrant}")


def key_name(key: Key) -> str:
    """The key in words, such as ``"F# minor"`` in English."""
    tonic, _, mode = str(key).partition(" ")
    return f"{tonic} {text(f'mode_{mode}')}"


def _span(tempos: Sequence[float]) -> str:
    low, high = round(min(tempos)), round(max(tempos))
    return str(low) if low == high else f"{low}-{high}"


def note_name(pitch: int) -> str:
    """The name of a MIDI pitch, such as ``"C4"`` for 60."""
    octave, pitch_class = divmod(pitch, 12)
    return f"{_NOTE_NAMES[pitch_class]}{octave - 1}"
