"""FluidSynth, where it is installed: pieces played with a SoundFont, through midi2audio.

midi2audio 0.1.1 hands ``fluidsynth`` a SoundFont, two files and a sample rate: no other option, no
time limit, no look at the result; and FluidSynth ends with code 0 after most failures, having
played another SoundFont or none. So midi2audio runs here as a process of its own that can be
stopped with all it started; a command file in that process's home folder, which FluidSynth reads
by itself, sets what midi2audio cannot; and what comes back is checked before it is used.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import midi2audio
import mido
import numpy as np
import soundfile
from numpy.typing import NDArray

from musicgen_vae.audio.mix import BAND, Mix
from musicgen_vae.audio.renderer import (
    CHUNK,
    SAMPLE_RATE,
    fade_out,
    n_samples,
    timed_notes,
    turned_down,
)
from musicgen_vae.audio.soundfont import SOUNDFONT_VARIABLE, find_soundfont
from musicgen_vae.errors import InputError, RenderError
from musicgen_vae.music.clip import Piece, Role
from musicgen_vae.music.midi import write_midi

_SETTINGS = """\
set audio.file.format float
set synth.gain 0.8
set synth.chorus.active 0
set synth.reverb.room-size 0.5
set synth.reverb.damp 0.3
set synth.reverb.width 0.8
set synth.reverb.level 0.7
"""
"""Float samples, so that loud pieces are turned down and not clipped. No chorus: as FluidSynth up
to 2.3 sets it, it puts string samples out of phase. The reverb is version 2.4's own default."""
_FULL_SEND = 60
"""Controller 91 of a role sent to the room in full: General MIDI's default is 40."""
_SILENCE = 1e-4
_LONGEST_RING_S = 30.0
"""FluidSynth goes on for some seconds after the last note; much more means another tempo map."""


class FluidSynthRenderer:
    """Renders pieces with FluidSynth. Each call is a fresh process, so results repeat exactly.

    Args:
        soundfont: a .sf2 or .sf3 file; default: what ``find_soundfont`` finds.
        mix: level, place and room of every role.
        timeout_s: seconds after which a rendering is given up.

    Raises:
        RenderError: if FluidSynth or the SoundFont is missing.
    """

    name = "fluidsynth"
    sample_rate = SAMPLE_RATE

    def __init__(
        self, soundfont: Path | None = None, *, mix: Mix = BAND, timeout_s: float = 120.0
    ) -> None:
        if shutil.which("fluidsynth") is None:
            raise RenderError(
                "FluidSynth is not installed: install your system's package fluidsynth, or choose "
                "the renderer in PyTorch"
            )
        wanted = soundfont or find_soundfont()
        if wanted is None or not wanted.is_file():
            raise RenderError(
                f"there is no SoundFont {wanted or os.environ.get(SOUNDFONT_VARIABLE)}: name a "
                f".sf2 file in {SOUNDFONT_VARIABLE}, or unset it"
            )
        self._soundfont = wanted.resolve()
        self._mix = mix
        self._timeout_s = timeout_s

    def render(self, piece: Piece) -> NDArray[np.float32]:
        """The whole sound, turned down if it passes ``PEAK``; raises as ``render_chunks`` does."""
        return turned_down(np.concatenate(list(self.render_chunks(piece))))

    def render_chunks(
        self, piece: Piece, *, human_seed: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """The whole sound in chunks, all of them ready at once; see ``Renderer``.

        Raises:
            InputError: if the piece is too long, or ``human_seed`` is given.
            RenderError: if FluidSynth fails, hangs, or gives back something else than the piece.
        """
        if human_seed is not None:
            raise InputError("FluidSynth plays exactly: humanise with the renderer in PyTorch")
        samples = self._render(piece)
        for start in range(0, len(samples), CHUNK):
            chunk = samples[start : start + CHUNK]
            fade_out(chunk, start, len(samples))
            yield chunk

    def _render(self, piece: Piece) -> NDArray[np.float32]:
        """Samples of shape (``n_samples(piece)``, 2)."""
        result = np.zeros((n_samples(piece, self.sample_rate), 2), np.float32)
        notes = timed_notes(piece)
        if not notes:
            return result
        samples = self._play(with_mix(write_midi(piece), self._mix))
        last_s = max(note.end_s for note in notes)
        seconds = len(samples) / self.sample_rate
        if not last_s - 0.1 <= seconds <= last_s + _LONGEST_RING_S:
            raise RenderError(f"FluidSynth played {seconds:.1f} s of a piece of {last_s:.1f} s")
        if not np.isfinite(samples).all() or np.abs(samples).max() < _SILENCE:
            raise RenderError("FluidSynth played no sound")
        samples = samples[: len(result)]
        result[: len(samples)] = samples
        return result

    def _play(self, midi: bytes) -> NDArray[np.float32]:
        """What FluidSynth makes of a MIDI file, shape (n, 2)."""
        with tempfile.TemporaryDirectory(prefix="musicgen-vae-") as name:
            folder = Path(name)
            source, target = folder / "piece.mid", folder / "piece.wav"
            source.write_bytes(midi)
            (folder / ".fluidsynth").write_text(_SETTINGS)
            # By file name and isolated: with another home, Python would not find a package that
            # is installed for the user alone.
            command = [sys.executable, "-I", midi2audio.__file__, "-s", str(self._soundfont)]
            command += ["-r", str(self.sample_rate), str(source), str(target)]
            log = _run(command, home=folder, timeout_s=self._timeout_s)
            for line in log.splitlines():
                if "error" in line.lower():
                    raise RenderError(f"FluidSynth failed: {line.strip()}")
            if not target.exists() or target.read_bytes()[:4] != b"RIFF":
                raise RenderError("FluidSynth wrote no sound file")
            try:
                samples, rate = soundfile.read(target, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise RenderError(f"FluidSynth wrote a broken sound file: {error}") from error
            if rate != self.sample_rate or samples.shape[1] != 2:
                raise RenderError(f"FluidSynth wrote {samples.shape[1]} channels at {rate} Hz")
            return np.asarray(samples, dtype=np.float32)


def with_mix(midi: bytes, mix: Mix) -> bytes:
    """A file of ``write_midi`` with the volume, pan and room of each role as controllers."""
    file = mido.MidiFile(file=io.BytesIO(midi))
    channels = {9 if role is Role.DRUMS else int(role): strip for role, strip in mix.items()}
    for track in file.tracks:
        first = next((i for i, m in enumerate(track) if m.type == "program_change"), None)
        if first is None:
            continue
        channel = track[first].channel
        strip = channels[channel]
        settings = {7: strip.volume, 10: strip.pan, 91: round(_FULL_SEND * strip.send)}
        for number, value in settings.items():
            made = mido.Message("control_change", channel=channel, control=number, value=value)
            track.insert(first, made)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _run(command: list[str], *, home: Path, timeout_s: float) -> str:
    """Run ``command`` with another home folder; what it says on standard error.

    Raises:
        RenderError: if it takes longer than ``timeout_s``, after all its processes are ended.
    """
    process = subprocess.Popen(
        command,
        cwd=home,
        env={**os.environ, "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # a group of its own: midi2audio and its fluidsynth end together
    )
    with process:
        try:
            return process.communicate(timeout=timeout_s)[1]
        except subprocess.TimeoutExpired:
            _end(process)
            raise RenderError(f"FluidSynth took more than {timeout_s:g} s") from None
        except BaseException:
            _end(process)
            raise


def _end(process: subprocess.Popen[str]) -> None:
    """End a process that has not been waited for, and all that it started."""
    if os.name != "posix":
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):  # all ended in the meantime
        os.killpg(process.pid, signal.SIGKILL)
