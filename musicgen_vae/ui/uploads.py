"""Files of visitors: what is in them, heard, encoded and reconstructed.

Nothing here knows Gradio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen_vae.errors import ControlError, MidiError
from musicgen_vae.generation.defaults import RECONSTRUCT_STEPS
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip, Piece
from musicgen_vae.music.midi import MAX_BYTES, read_midi
from musicgen_vae.ui.limits import MAX_CLIPS, in_time
from musicgen_vae.ui.takes import Recorder, Take
from musicgen_vae.ui.texts import text
from musicgen_vae.ui.zerogpu import lendable

if TYPE_CHECKING:
    from musicgen_vae.generation.composer import Composer

_MAX_REFINEMENTS = 64
"""Steps by which one request may refine z, shared by its clips."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A MIDI file that could be read.

    Attributes:
        piece: the music.
        title: the file's own title, or else its name; plain text.
    """

    piece: Piece
    title: str

    @property
    def choices(self) -> tuple[str, ...]:
        """One line for each of the piece's clips, in order."""
        clips = self.piece.clips()
        return tuple(
            text("clip_choice", first=first + 1, last=first + n, notes=len(clip.notes))
            for (first, n), clip in zip(self.piece.spans(), clips, strict=True)
        )

    def clip(self, index: int) -> Clip:
        """Clip ``index``, counted from 0.

        Raises:
            ControlError: if there is none.
        """
        return self.piece.clip(*self._span(index))

    def clip_title(self, index: int) -> str:
        """Title and bars of clip ``index``; of a piece that is one clip, the title."""
        first, n_bars = self._span(index)
        if len(self.piece.spans()) == 1:
            return self.title
        return text("clip_title", title=self.title, first=first + 1, last=first + n_bars)

    def _span(self, index: int) -> tuple[int, int]:
        spans = self.piece.spans()
        if not 0 <= index < len(spans):
            raise ControlError(text("no_clip", title=self.title, index=index, last=len(spans) - 1))
        return spans[index]


def read_upload(path: str | Path | None, composer: Composer | None = None) -> Upload:
    """The MIDI file at ``path``, a short one in the key that ``composer`` finds likeliest.

    Raises:
        MidiError: if there is none or it cannot be used.
    """
    if path is None:
        raise MidiError(text("no_file"))
    with Path(path).open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    piece = read_midi(data)
    if composer is not None:
        piece = composer.settle_key(piece)
    return Upload(piece=piece, title=piece.title or Path(path).stem)


def preview(composer: Composer, recorder: Recorder, upload: Upload, index: int) -> Take:
    """Clip ``index`` of an upload as it is, with what the model will not see of it."""
    clip = upload.clip(index)
    remarks = [text("beats_estimated")] if upload.piece.beats_estimated else []
    known = composer.spec.roles
    left_out = [text(f"role_{r.label}") for r in clip.roles if r not in known]
    if left_out:
        names = ", ".join(text(f"role_{role.label}") for role in known)
        remarks.append(text("roles_left_out", known=names, left_out=", ".join(left_out)))
    return recorder.take(
        [clip], title=upload.clip_title(index), name="original", remark=" ".join(remarks)
    )


@lendable
def reconstruct(
    composer: Composer, recorder: Recorder, path: str | Path | None
) -> tuple[Take, dict[str, Any]]:
    """All clips of a MIDI file, encoded and decoded, as one take, with what they are like.

    Clips without a note that the model can read stay silent.

    Raises:
        MidiError: if the file cannot be used.
        ControlError: if it has too many bars.
        ClipError: if the model can read none of its notes.
    """
    upload = read_upload(path, composer)
    clips = list(upload.piece.clips())
    _check_length(upload)
    refine = min(RECONSTRUCT_STEPS, _MAX_REFINEMENTS // len(_readable(composer, clips)))
    made = composer.change_readable(
        clips, lambda heard: composer.reconstruct(heard, refine=refine, check=in_time())
    )
    remark = text("beats_estimated") if upload.piece.beats_estimated else ""
    take = recorder.take(
        made,
        title=text("reconstruction", label=upload.title),
        name="reconstruction",
        remark=remark,
        parameters={"reconstruct": upload.title},
    )
    parameters = {"title": upload.title, "beats_estimated": upload.piece.beats_estimated}
    return take, recorder.information(parameters, made)


def encode(composer: Composer, upload: Upload) -> dict[str, Any]:
    """Posterior mean and log variance of each clip, as plain values.

    Raises:
        ControlError: if there are too many bars.
    """
    clips = upload.piece.clips()
    _check_length(upload)
    readable = _readable(composer, clips)
    posterior = composer.encode([clips[i] for i in readable]).posterior
    found = dict(zip(readable, zip(posterior.mu, posterior.logvar, strict=True), strict=True))
    return {
        "checkpoint": composer.checkpoint.hash,
        "title": upload.title,
        "clips": [
            {
                "first_bar": first + 1,
                "n_notes": len(clip.notes),
                "mu": found[i][0].tolist() if i in found else None,
                "logvar": found[i][1].tolist() if i in found else None,
            }
            for i, ((first, _), clip) in enumerate(zip(upload.piece.spans(), clips, strict=True))
        ],
    }


def render(recorder: Recorder, upload: Upload) -> tuple[str, dict[str, Any]]:
    """A file as sound: address of the sound file, title, bars and seconds."""
    take = recorder.take(upload.piece.clips(), title=upload.title, name="rendered")
    seconds = round(sum(clip.duration_s for clip in take.clips), 3)
    return str(take.audio), {
        "title": upload.title,
        "n_bars": len(upload.piece.bars),
        "seconds": seconds,
    }


def _readable(composer: Composer, clips: Sequence[Clip]) -> list[int]:
    """Which clips have a note that the model can read; raises ``ClipError`` where none has."""
    readable = composer.readable(clips)
    if not readable:
        composer.fit(clips[0])
    return readable


def _check_length(upload: Upload) -> None:
    if len(upload.piece.spans()) > MAX_CLIPS:
        raise ControlError(
            text("limit_reconstruct", n=len(upload.piece.bars), limit=BARS_PER_CLIP * MAX_CLIPS)
        )
