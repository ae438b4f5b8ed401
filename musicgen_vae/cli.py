"""The command line: ``python -m musicgen_vae COMMAND``.

Each result is one JSON object on a line of stdout; messages go to stderr. Exit code 0 is success, 2
bad input with one line that says what is wrong, 1 anything else that went wrong. Heavy imports wait
until their command runs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen_vae import __version__
from musicgen_vae.errors import ControlError, InputError, MusicGenError
from musicgen_vae.generation.defaults import (
    DEFAULT_GUIDANCE,
    LATENT_TEMPERATURE,
    RECONSTRUCT_STEPS,
    REFINE_STEPS,
    STEER_GUIDANCE,
    TEMPERATURE,
    TOP_P,
)
from musicgen_vae.music.attributes import ORDINAL, summary
from musicgen_vae.music.clip import Clip, Key, Piece, Role, join
from musicgen_vae.music.midi import read_midi, write_midi

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from musicgen_vae.audio.export import Tags
    from musicgen_vae.generation.composer import Composer
    from musicgen_vae.model.controls import Controls

_CLASSES = ("tempo", *ORDINAL, "valence", "arousal", "repetition")
_CONTROL_NAMES = ("mode", "meter", "style", "place", *_CLASSES)
_MAX_CLIPS = 64


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except InputError as error:
        say(f"error: {_one_line(error)}")
        return 2
    except (MusicGenError, OSError) as error:  # OSError: of a result that cannot be written
        say(f"error: {_one_line(error)}")
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130
    return 0


def say(text: str) -> None:
    """A message for people, on stderr."""
    print(text, file=sys.stderr, flush=True)


def _silent(text: str) -> None:
    """Say nothing: what all but one of many processes do."""


def give(**result: Any) -> None:
    """One result, as a line of JSON on stdout."""
    print(json.dumps(result, ensure_ascii=False), flush=True)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


# -- files -----------------------------------------------------------------------------------


def read_file(path: Path) -> Piece:
    """The piece in a MIDI file; raises ``InputError`` when it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    try:
        piece = read_midi(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if piece.beats_estimated:
        say(f"{path}: its notes are off its own grid, so the beats were estimated")
    return piece if piece.title else replace(piece, title=path.stem)


def clips_of(path: Path, composer: Composer) -> tuple[Clip, ...]:
    """The clips of a MIDI file, with those that have nothing the model can read."""
    piece = composer.settle_key(read_file(path))
    clips = piece.clips()
    if not composer.readable(clips):
        names = ", ".join(role.label for role in composer.spec.roles)
        raise InputError(f"{path} has no notes that the model can read (it knows {names})")
    if len(clips) > _MAX_CLIPS:
        raise InputError(
            f"{path} has {len(clips)} clips of four bars; at most {_MAX_CLIPS} are taken at once: "
            "cut the file"
        )
    left_out = {note.role for note in piece.notes} - set(composer.spec.roles)
    if left_out:
        names = ", ".join(role.label for role in sorted(left_out))
        say(f"{path}: this checkpoint has not learnt {names}; these notes are left out")
    return clips


def _clip_of(path: Path, number: int, composer: Composer) -> Clip:
    """Clip ``number`` (from 1) of a MIDI file."""
    clips = clips_of(path, composer)
    if not 1 <= number <= len(clips):
        raise ControlError(f"{path} has clips 1 to {len(clips)}, not {number}")
    clip = clips[number - 1]
    if not composer.readable([clip]):
        raise ControlError(f"clip {number} of {path} has no notes that the model can read")
    return clip


def write_clips(path: Path, clips: Sequence[Clip], title: str) -> str:
    """Write clips one after another as a MIDI file; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(write_midi(join(clips, title=title)))
    return str(path)


def _write_json(path: Path | None, result: Mapping[str, Any]) -> None:
    """Write figures to a file, where one was named."""
    if path is not None:
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _read_json(path: Path | None) -> dict[str, Any]:
    """What ``_write_json`` wrote before; nothing where there is no such file."""
    if path is None or not path.exists():
        return {}
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no JSON file: {error}") from error
    if not isinstance(result, dict):
        raise InputError(f"{path} holds no figures")
    return result


def _note_cost(folder: Path) -> Callable[[Sequence[Clip]], Any]:
    """Nats per note under the language model in ``folder``."""
    from musicgen_vae.evaluation.peers.language_model import LanguageModel

    return LanguageModel.load(folder).cost


def _load(arguments: argparse.Namespace) -> Composer:
    from musicgen_vae.generation.composer import Composer
    from musicgen_vae.threads import limit_threads

    limit_threads()
    return Composer.load(arguments.checkpoint)


def _controls(arguments: argparse.Namespace) -> Controls:
    from musicgen_vae.model.controls import Controls

    return Controls.parse({name: getattr(arguments, name) for name in _CONTROL_NAMES})


def _key(arguments: argparse.Namespace) -> Key | None:
    return Key.parse(arguments.key) if arguments.key else None


def _asked(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    """The parameters of a call that were given, for the record."""
    values = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


# -- commands --------------------------------------------------------------------------------


def sample(arguments: argparse.Namespace) -> None:
    """New clips under control."""
    from musicgen_vae.audio.mix import dressed

    if not 1 <= arguments.n <= 1000:
        raise ControlError(f"n {arguments.n} is outside 1 to 1000")
    controls, key = _controls(arguments), _key(arguments)
    composer = _load(arguments)
    drawn = {
        name: getattr(arguments, name)
        for name in ("temperature", "latent_temperature", "top_p", "prior", "guidance",
                     "tempo_qpm", "in_scale")
    }  # fmt: skip
    seeds = range(arguments.seed, arguments.seed + arguments.n)
    if arguments.form is None:
        singles = composer.sample(controls, n=arguments.n, seed=arguments.seed, key=key, **drawn)
        made = [[clip] for clip in singles]
    else:
        made = [
            composer.compose(arguments.form, controls=controls, seed=seed, key=key, **drawn)
            for seed in seeds
        ]
    parameters = _asked(arguments, *_CONTROL_NAMES, "form", "key", *drawn)
    for seed, notes in zip(seeds, made, strict=True):
        clips = dressed(notes, arguments.style)
        path = write_clips(arguments.out / f"sample_{seed}.mid", clips, f"sample {seed}")
        attributes: dict[str, Any] = {"attributes": summary(clips[0])}
        if arguments.form is not None:
            attributes = {"clips": [summary(clip) for clip in clips]}
        give(
            midi=path,
            seed=seed,
            parameters=parameters,
            **attributes,
            checkpoint=composer.checkpoint.hash,
        )


def vary(arguments: argparse.Namespace) -> None:
    """Variations of a clip of a file."""
    if not 0 <= arguments.amount <= 1:
        raise ControlError(f"amount {arguments.amount} is outside 0 to 1")
    composer = _load(arguments)
    clip = _clip_of(arguments.file, arguments.clip, composer)
    made = composer.vary(
        clip,
        n=arguments.n,
        seed=arguments.seed,
        amount=arguments.amount,
        temperature=arguments.temperature,
    )
    for i, variation in enumerate(made):
        seed = arguments.seed + i
        name = f"{arguments.file.stem}_variation_{seed}"
        path = write_clips(arguments.out / f"{name}.mid", [variation], name)
        give(
            midi=path,
            seed=seed,
            parameters=_asked(arguments, "clip", "amount", "temperature"),
            attributes=summary(variation),
            checkpoint=composer.checkpoint.hash,
        )


def reconstruct(arguments: argparse.Namespace) -> None:
    """A file encoded and decoded again, clip by clip."""
    from musicgen_vae.evaluation.metrics import note_hits

    composer = _load(arguments)
    clips = clips_of(arguments.file, composer)
    copies = composer.change_readable(
        clips, lambda heard: composer.reconstruct(heard, refine=arguments.refine)
    )
    known = [clip.keep(composer.spec.roles) for clip in clips]
    f1 = [
        round(note_hits(true, copy).f1, 4) if true.notes else None
        for true, copy in zip(known, copies, strict=True)
    ]
    if not arguments.per_clip:
        name = f"{arguments.file.stem}_reconstruction"
        path = write_clips(arguments.out / f"{name}.mid", copies, name)
        give(midi=path, clips=len(copies), f1=f1, checkpoint=composer.checkpoint.hash)
        return
    for i, copy in enumerate(copies):
        if f1[i] is None:
            continue
        name = f"{arguments.file.stem}_reconstruction_{i + 1:03d}"
        give(
            midi=write_clips(arguments.out / f"{name}.mid", [copy], name),
            clip=i + 1,
            f1=f1[i],
            attributes=summary(copy),
            checkpoint=composer.checkpoint.hash,
        )


def interpolate(arguments: argparse.Namespace) -> None:
    """A morph from a clip of one file to a clip of another."""
    if not 2 <= arguments.steps <= 64:
        raise ControlError(f"steps {arguments.steps} is outside 2 to 64")
    composer = _load(arguments)
    a = _clip_of(arguments.a, arguments.clip_a, composer)
    b = _clip_of(arguments.b, arguments.clip_b, composer)
    made = composer.interpolate(
        a,
        b,
        steps=arguments.steps,
        key=arguments.key,
        path=arguments.path,
        keep=Role.parse(arguments.keep) if arguments.keep else None,
        refine=arguments.refine,
    )
    parameters = _asked(arguments, "steps", "key", "path", "keep", "clip_a", "clip_b", "refine")
    for i, clip in enumerate(made):
        name = f"morph_{i + 1:02d}_of_{len(made):02d}"
        give(
            midi=write_clips(arguments.out / f"{name}.mid", [clip], name),
            step=i + 1,
            share=round(i / (len(made) - 1), 4),
            parameters=parameters,
            attributes=summary(clip),
            checkpoint=composer.checkpoint.hash,
        )
    give(
        midi=write_clips(arguments.out / "morph_whole.mid", made, "morph"),
        steps=len(made),
        parameters=parameters,
        checkpoint=composer.checkpoint.hash,
    )


def complete(arguments: argparse.Namespace) -> None:
    """Keep some roles or bars of a file and write the rest anew, or continue it."""
    keep, bars = _kept_roles(arguments), None
    if arguments.bars:
        bars = _bar_range(arguments.bars)
    if not keep and bars is None and arguments.extend is None:
        raise ControlError(
            "name the roles to keep (--keep melody) or to rewrite (--rewrite bass), the bars to "
            "rewrite (--bars 3-4) or how many to add (--extend 8)"
        )
    controls = _controls(arguments)
    drawn = {
        name: getattr(arguments, name) for name in ("temperature", "top_p", "prior", "guidance")
    }
    composer = _load(arguments)
    piece = composer.settle_key(read_file(arguments.file))
    if len(piece.spans()) > _MAX_CLIPS:
        raise InputError(f"{arguments.file} has more than {_MAX_CLIPS} clips of four bars: cut it")
    if keep and not any(note.role in keep for note in piece.notes):
        names = " or ".join(role.label for role in keep)
        raise InputError(f"{arguments.file} has no notes of the role {names} to keep")
    if bars is not None and not bars <= set(range(1, len(piece.bars) + 1)):
        raise ControlError(
            f"{arguments.file} has bars 1 to {len(piece.bars)}, not {arguments.bars}"
        )
    made: list[Clip] = []
    for i, (first, n_bars) in enumerate(piece.spans()):
        clip = piece.clip(first, n_bars)
        numbers = range(first + 1, first + n_bars + 1)
        rewrite = [j for j, number in enumerate(numbers) if bars is None or number in bars]
        if not rewrite or not (keep or bars):
            made.append(clip)
            continue
        made += composer.complete(
            clip,
            keep=keep,
            bars=rewrite,
            before=made[-1] if made and made[-1].meter == clip.meter else None,
            controls=controls,
            seed=arguments.seed + i,
            **drawn,
        )
    if arguments.extend is not None:
        made += composer.extend(
            made[-1],
            n_bars=arguments.extend,
            controls=controls,
            seed=arguments.seed + len(made),
            **drawn,
        )
    name = f"{arguments.file.stem}_completed"
    give(
        midi=write_clips(arguments.out / f"{name}.mid", made, name),
        seed=arguments.seed,
        parameters=_asked(arguments, "keep", "rewrite", "bars", "extend", *drawn, *_CONTROL_NAMES),
        clips=[summary(clip) for clip in made],
        checkpoint=composer.checkpoint.hash,
    )


def _kept_roles(arguments: argparse.Namespace) -> list[Role]:
    """The roles of ``--keep``, or all but those of ``--rewrite``."""
    keep, rewrite = (
        [Role.parse(label) for label in text.split(",") if label.strip()]
        for text in (arguments.keep, arguments.rewrite)
    )
    if keep and rewrite:
        raise ControlError("name the roles to keep or those to rewrite, not both")
    return [role for role in Role if role not in rewrite] if rewrite else keep


def _bar_range(text: str) -> set[int]:
    """Bars written like ``3-4`` or ``1,3-4``, counted from 1."""
    result: set[int] = set()
    for part in text.split(","):
        low, _, high = part.partition("-")
        if not low.strip().isdecimal() or (high and not high.strip().isdecimal()):
            raise ControlError(f"bars {text!r} are not written like 3-4")
        result |= set(range(int(low), min(int(high or low), 100_000) + 1))
    if not result:
        raise ControlError(f"bars {text!r} name no bar")
    return result


def transfer(arguments: argparse.Namespace) -> None:
    """A file with other controls, such as another style."""
    from musicgen_vae.audio.mix import dressed

    composer = _load(arguments)
    controls = _controls(arguments)
    free = [name.strip() for name in arguments.free.split(",") if name.strip()]
    clips = clips_of(arguments.file, composer)
    change = partial(
        composer.transfer,
        controls=controls,
        style=arguments.from_style,
        free=free,
        guidance=arguments.guidance,
        seed=arguments.seed,
        temperature=arguments.temperature,
    )
    made = composer.change_readable(clips, lambda heard: [change(clip) for clip in heard])
    made = dressed(made, arguments.style)
    name = f"{arguments.file.stem}_transfer"
    give(
        midi=write_clips(arguments.out / f"{name}.mid", made, name),
        seed=arguments.seed,
        parameters=_asked(
            arguments, *_CONTROL_NAMES, "from_style", "free", "guidance", "temperature"
        ),
        clips=[summary(clip) for clip in made],
        checkpoint=composer.checkpoint.hash,
    )


def attribute(arguments: argparse.Namespace) -> None:
    """A file moved along the vector of an attribute: how clips with it differ in z from others."""
    from musicgen_vae.generation.atlas import ATLAS_FOLDER, attribute_groups, load_clips

    composer = _load(arguments)
    clips = clips_of(arguments.file, composer)
    examples = load_clips(arguments.map or ATLAS_FOLDER)
    examples = [examples[i] for i in composer.readable(examples)]
    high, low = attribute_groups(examples, arguments.name)
    vector = composer.attribute_vector(high, low)
    free = [arguments.name] if arguments.name in composer.describe()["controls"] else []
    change = partial(
        composer.add_vector,
        vector=vector,
        amount=arguments.amount,
        free=free,
        seed=arguments.seed,
        temperature=arguments.temperature,
    )
    made = composer.change_readable(clips, lambda heard: [change(clip) for clip in heard])
    name = f"{arguments.file.stem}_{arguments.name}"
    give(
        midi=write_clips(arguments.out / f"{name}.mid", made, name),
        seed=arguments.seed,
        parameters=_asked(arguments, "name", "amount", "temperature"),
        examples={"with": len(high), "without": len(low)},
        clips=[summary(clip) for clip in made],
        checkpoint=composer.checkpoint.hash,
    )


def compose(arguments: argparse.Namespace) -> None:
    """A longer piece of a given form."""
    from musicgen_vae.audio.mix import dressed

    composer = _load(arguments)
    drawn = {
        name: getattr(arguments, name)
        for name in ("section_bars", "temperature", "latent_temperature", "top_p", "variation",
                     "prior", "guidance", "tempo_qpm", "in_scale")
    }  # fmt: skip
    made = composer.compose(
        arguments.form,
        controls=_controls(arguments),
        seed=arguments.seed,
        key=_key(arguments),
        **drawn,
    )
    made = dressed(made, arguments.style)
    name = f"{arguments.form.upper()}_{arguments.seed}"
    give(
        midi=write_clips(arguments.out / f"{name}.mid", made, name),
        seed=arguments.seed,
        parameters=_asked(arguments, "form", *_CONTROL_NAMES, "key", *drawn),
        clips=[summary(clip) for clip in made],
        checkpoint=composer.checkpoint.hash,
    )


def encode(arguments: argparse.Namespace) -> None:
    """Posterior means of every clip of some files."""
    import numpy as np

    composer = _load(arguments)
    names, bars, clips = [], [], []
    for path in arguments.files:
        piece = composer.settle_key(read_file(path))
        for first, n_bars in piece.spans():
            clip = piece.clip(first, n_bars)
            if composer.readable([clip]):
                names.append(path.name)
                bars.append(first + 1)
                clips.append(clip)
    if not clips:
        raise InputError("none of the files has notes that the model can read")
    z = composer.encode(clips).posterior.mode().cpu().numpy()
    out = arguments.out.with_name(f"{arguments.out.name.removesuffix('.npz')}.npz")
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(out, z=z, names=np.array(names), bars=np.array(bars))
    give(z=str(out), shape=list(z.shape), checkpoint=composer.checkpoint.hash)


def render(arguments: argparse.Namespace) -> None:
    """A MIDI file as sound, or what another command made (-), all of it equally loud."""
    import soundfile

    from musicgen_vae.audio import default_renderer
    from musicgen_vae.audio.export import write_audio
    from musicgen_vae.audio.loudness import TARGET_LUFS, level_of, matched
    from musicgen_vae.audio.torch_renderer import TorchRenderer
    from musicgen_vae.threads import limit_threads

    sounds = list(_results(arguments) if str(arguments.input) == "-" else [_named(arguments)])
    limit_threads()
    renderer = default_renderer(arguments.renderer)
    rate = renderer.sample_rate

    def play(midi: Path, piece: Piece) -> Iterator[NDArray[np.float32]]:
        if not arguments.as_written:
            return renderer.render_chunks(piece, human_seed=arguments.humanise)
        if not isinstance(renderer, TorchRenderer) or arguments.humanise is not None:
            raise InputError("--as-written goes with neither --renderer fluidsynth nor --humanise")
        return renderer.render_midi_chunks(midi.read_bytes())

    target = TARGET_LUFS
    if len(sounds) > 1:
        target = matched(level_of(play(midi, piece), rate) for midi, piece, _, _ in sounds)
    for midi, piece, path, tags in sounds:
        path.parent.mkdir(parents=True, exist_ok=True)
        said = None if arguments.anonymous else tags
        level = write_audio(path, play(midi, piece), rate, target=target, tags=said)
        give(
            audio=str(path),
            renderer=renderer.name,
            seconds=round(soundfile.info(path).duration, 3),
            lufs=None if level.lufs is None else round(level.lufs, 2),
            peak=round(level.peak, 4),
        )


def _named(arguments: argparse.Namespace) -> tuple[Path, Piece, Path, Tags]:
    """The one file to be rendered, and where to."""
    from musicgen_vae.audio.export import Tags, check_format

    path = arguments.output or arguments.input.with_suffix(f".{arguments.format or 'wav'}")
    if arguments.output and arguments.format:
        raise InputError("the output's name tells the format: leave --format out")
    check_format(path)
    piece = read_file(arguments.input)
    return arguments.input, piece, path, Tags(title=piece.title, parameters=_human(arguments))


def _results(arguments: argparse.Namespace) -> Iterator[tuple[Path, Piece, Path, Tags]]:
    """What the command before this one gave, to be written beside its MIDI files."""
    from musicgen_vae.audio.export import Tags

    if arguments.output:
        raise InputError("with - for input, sound is written beside the MIDI: name no output")
    for number, line in enumerate(sys.stdin, start=1):
        try:
            result = json.loads(line)
            midi, asked = Path(result["midi"]), result.get("parameters", {}) | _human(arguments)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise InputError(
                f"line {number} is no result of another command with a MIDI file"
            ) from None
        piece = read_file(midi)
        seed, checkpoint = result.get("seed"), result.get("checkpoint", "")
        tags = Tags(title=piece.title, seed=seed, parameters=asked, checkpoint=checkpoint)
        yield midi, piece, midi.with_suffix(f".{arguments.format or 'wav'}"), tags


def _human(arguments: argparse.Namespace) -> dict[str, Any]:
    return {} if arguments.humanise is None else {"human_seed": arguments.humanise}


def describe(arguments: argparse.Namespace) -> None:
    """What the checkpoint and the map hold."""
    from musicgen_vae.generation.atlas import describe_atlas

    composer = _load(arguments)
    give(version=__version__, **composer.describe(), demo_set=describe_atlas())


def build(arguments: argparse.Namespace) -> None:
    """Public data sets or a folder of MIDI files to a corpus."""
    from musicgen_vae.corpus.build import build_corpus
    from musicgen_vae.corpus.read import Locations, read_sources
    from musicgen_vae.corpus.report import corpus_tables, write_tables
    from musicgen_vae.corpus.shards import load_info

    at = Locations(**{one.name: getattr(arguments, one.name) for one in fields(Locations)})
    cache = arguments.out / "cache"
    items = read_sources(at, cache=cache, processes=arguments.processes, log=say)
    report = build_corpus(items, arguments.out)
    if arguments.tables is not None:
        pieces, _ = load_info(arguments.out)
        write_tables(arguments.tables, corpus_tables(pieces, report))
    give(corpus=str(arguments.out), **report)


def _emphasis(arguments: argparse.Namespace) -> dict[str, float]:
    """Style to factor, of what is written like ``--emphasis pop=2``."""
    result = {}
    for given in arguments.emphasis:
        style, _, factor = given.rpartition("=")
        try:
            result[style] = float(factor)
        except ValueError:
            result[style] = 0.0
        if not 0 < result[style] <= 100:
            raise ControlError(f"emphasis {given!r} is not written like pop=2")
    return result


def train(arguments: argparse.Namespace) -> None:
    """Train a model on a corpus; a stopped run goes on where it was."""
    from musicgen_vae.model.config import ModelConfig
    from musicgen_vae.threads import limit_threads
    from musicgen_vae.training.data import DataConfig
    from musicgen_vae.training.loop import TrainConfig, Trainer
    from musicgen_vae.training.workers import denormals_flushed, join_workers

    limit_threads()
    given = {
        name: getattr(arguments, name)
        for name in (
            "steps",
            "decay_steps",
            "outline_stage",
            "beta",
            "adversary_from",
            "confusion_weight",
            "seed",
            "validate_every",
            "save_every",
            "n_loaders",
            "compile",
            "beta_steps",
            "lr_matrices",
            "lr_rest",
            "only",
        )  # fmt: skip
        if getattr(arguments, name) is not None
    }
    model = ModelConfig.from_dict(json.loads(arguments.model)) if arguments.model else ModelConfig()
    with join_workers() as workers, denormals_flushed():
        trainer = Trainer(
            arguments.corpus,
            arguments.run_folder,
            model_config=model,
            data_config=DataConfig(
                tokens_per_batch=arguments.tokens_per_batch,
                noisy_z=arguments.noisy_z,
                emphasis=_emphasis(arguments),
            ),
            config=TrainConfig(**given),
            log=say if workers.rank == 0 else _silent,
            workers=workers,
            start_from=arguments.start_from,
        )
        trainer.log(f"{trainer.model.n_parameters:,} parameters, {len(trainer.shard):,} windows")
        result = trainer.run(arguments.out)
        if workers.rank == 0:
            give(checkpoint=str(arguments.out), **result)


def train_flow(arguments: argparse.Namespace) -> None:
    """Train the sampling prior of a finished checkpoint; writes flow.safetensors beside it."""
    from musicgen_vae.generation.composer import CHECKPOINT_FOLDER
    from musicgen_vae.model.flow import FlowConfig
    from musicgen_vae.threads import limit_threads
    from musicgen_vae.training.flow import FlowTrainConfig
    from musicgen_vae.training.flow import train_flow as run
    from musicgen_vae.training.workers import join_workers

    limit_threads()
    config = FlowTrainConfig(
        minutes=arguments.minutes,
        tokens_per_batch=arguments.tokens_per_batch,
        n_loaders=arguments.n_loaders,
        lr=arguments.lr,
        go_on=arguments.go_on,
        seed=arguments.seed,
    )
    folder = arguments.checkpoint or CHECKPOINT_FOLDER
    with join_workers() as workers:
        record = run(folder, arguments.corpus, FlowConfig(), config, say, device=workers.device)
    give(checkpoint=str(folder), **record)


def evaluate(arguments: argparse.Namespace) -> None:
    """Measure the checkpoint on held-out songs; write the figures and docs/results.md."""
    from musicgen_vae.evaluation.evaluate import PARTS, merged
    from musicgen_vae.evaluation.evaluate import evaluate as run
    from musicgen_vae.evaluation.provenance import commit, machine
    from musicgen_vae.evaluation.report import results_page

    only = [name.strip() for name in arguments.only.split(",")] if arguments.only else PARTS
    if arguments.limit is not None and arguments.limit < 1:
        raise ControlError(f"limit {arguments.limit} is not 1 or more")
    composer = _load(arguments)
    cost = None if arguments.language_model is None else _note_cost(arguments.language_model)
    earlier = _read_json(arguments.json)
    curve = _read_json(arguments.trade_off).get("curve", [])
    training, peers = composer.checkpoint.training, _read_json(arguments.peers)

    def save(result: dict[str, Any]) -> None:
        result = merged(earlier, result)
        _write_json(arguments.json, result)
        if arguments.report:
            page = results_page(result, training, peers=peers, curve=curve)
            arguments.report.write_text(page, encoding="utf-8")

    result = run(
        composer,
        arguments.corpus,
        split=arguments.split,
        only=only,
        limit=arguments.limit,
        cost=cost,
        emopia=arguments.emopia,
        stamp={"machine": machine(), "commit": commit()},
        log=say,
        save=save,
    )
    give(**merged(earlier, result))


def trade_off(arguments: argparse.Namespace) -> None:
    """Reconstruction and samples of several checkpoints, such as along beta."""
    from musicgen_vae.evaluation.provenance import commit, machine
    from musicgen_vae.evaluation.trade_off import trade_off as run
    from musicgen_vae.threads import limit_threads

    limit_threads()
    curve = run(
        arguments.checkpoints,
        arguments.corpus,
        split=arguments.split,
        limit=arguments.limit,
        log=say,
    )
    result = {"curve": curve, "machine": machine(), "commit": commit()}
    _write_json(arguments.json, result)
    give(**result)


def evaluate_peers(arguments: argparse.Namespace) -> None:
    """Train our model and others on a corpus for the same time and compare them."""
    from musicgen_vae.evaluation.peers.compare import NAMES, compare_peers
    from musicgen_vae.evaluation.provenance import commit, machine
    from musicgen_vae.model.config import ModelConfig
    from musicgen_vae.threads import limit_threads
    from musicgen_vae.training.data import DataConfig
    from musicgen_vae.training.workers import denormals_flushed, join_workers

    if not 0 < arguments.minutes <= 10_000:
        raise ControlError(f"minutes {arguments.minutes} is outside 0 to 10000")
    names = [n.strip() for n in arguments.only.split(",")] if arguments.only else list(NAMES)
    model = ModelConfig.from_dict(json.loads(arguments.model)) if arguments.model else None
    limit_threads()
    with join_workers() as workers, denormals_flushed():
        result = compare_peers(
            arguments.corpus,
            arguments.out,
            minutes=arguments.minutes,
            names=names,
            ours=arguments.ours,
            n=arguments.limit,
            noise_level=arguments.noise_level,
            model_config=model,
            data_config=replace(
                DataConfig(),
                tokens_per_batch=arguments.tokens_per_batch,
                noisy_z=arguments.noisy_z,
            ),
            workers=workers,
            n_loaders=arguments.n_loaders,
            train_only=arguments.train_only,
            log=say,
        )
    if arguments.train_only:
        give(**result)
        return
    record = {
        "minutes": arguments.minutes,
        "clips": arguments.limit,
        "trained_on": arguments.trained_on or machine(),
        "machine": machine(),
        "commit": commit(),
    }
    earlier = _read_json(arguments.json)
    result = {**earlier, **{name: {**value, **record} for name, value in result.items()}}
    _write_json(arguments.json, result)
    give(**result)


def benchmark(arguments: argparse.Namespace) -> None:
    """Time the hot paths against a limit or a peer in the same run."""
    from musicgen_vae.evaluation.provenance import commit, machine
    from musicgen_vae.threads import limit_threads

    result: dict[str, Any] = {"machine": machine(), "commit": commit()}
    if arguments.only != "audio":
        from musicgen_vae.benchmark import run_benchmarks

        result |= run_benchmarks(_load(arguments), say)
    if arguments.only != "model":
        from musicgen_vae.audio.benchmark import benchmark_audio

        limit_threads()
        result["audio"] = benchmark_audio(say)
    _write_json(arguments.json, result)
    give(**result)


def assets(arguments: argparse.Namespace) -> None:
    """Rebuild what rests on the checkpoint: the page's opening morph, the map's points."""
    from musicgen_vae.audio import default_renderer
    from musicgen_vae.generation.atlas import ATLAS_FOLDER, encode_atlas
    from musicgen_vae.ui.landing import LANDING_FOLDER, prepare_landing

    composer = _load(arguments)
    landing = prepare_landing(composer, default_renderer())
    give(landing=str(LANDING_FOLDER), steps=len(landing.clips), checkpoint=landing.checkpoint)
    if arguments.only != "landing":
        atlas = encode_atlas(ATLAS_FOLDER, composer)
        give(map=str(ATLAS_FOLDER), clips=len(atlas), checkpoint=atlas.checkpoint)


# -- arguments -------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as every other bad input does."""

    def error(self, message: str) -> Any:
        self.exit(2, f"error: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m musicgen_vae", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    def command(run: Callable[[argparse.Namespace], None], *, model: bool = True) -> Any:
        name = run.__name__.replace("_", "-")
        made = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        made.set_defaults(run=run)
        if model:
            made.add_argument("--checkpoint", type=Path, help="folder (default: the shipped one)")
        return made

    def out_folder(made: Any) -> None:
        made.add_argument("--out", type=Path, required=True, metavar="DIR", help="for the results")

    def seed(made: Any) -> None:
        made.add_argument("--seed", type=int, default=0, help="same seed, same notes (default 0)")

    def controls(made: Any) -> None:
        made.add_argument("--style", help="one of the checkpoint's styles")
        made.add_argument("--mode", choices=("major", "minor"))
        made.add_argument("--meter", help="such as 3/4")
        made.add_argument("--place", choices=("start", "middle", "end"), help="in a piece")
        ends = {
            "tempo": "slow to fast",
            "valence": "negative to positive, within the style",
            "arousal": "calm to excited, within the style",
            "repetition": "every bar new to bars alike",
        }
        for name in _CLASSES:
            what = ends.get(name, "low to high")
            made.add_argument(f"--{name}", type=int, metavar="0-7", help=f"class: {what}")

    def sound(made: Any) -> None:
        made.add_argument("--key", help="such as 'F# minor' (default C major or A minor)")
        made.add_argument("--tempo-qpm", type=float, help="quarter notes per minute")
        made.add_argument("--in-scale", action="store_true", help="only notes of the key's scale")

    def drawing(made: Any, temperature: float, latent: float | None = None) -> None:
        temperature_of(made, temperature)
        if latent is not None:
            made.add_argument(
                "--latent-temperature", type=float, default=latent, help=f"of z (default {latent})"
            )
        made.add_argument("--top-p", type=float, default=TOP_P, help=f"(default {TOP_P})")
        made.add_argument("--prior", choices=("gaussian", "flow"), help="(default flow, if there)")
        made.add_argument(
            "--guidance", type=float, help=f"of the flow (default {DEFAULT_GUIDANCE:g})"
        )

    def loaders(made: Any) -> None:
        made.add_argument(
            "--loaders",
            dest="n_loaders",
            type=int,
            default=0,
            help="processes that make batches; a GPU needs a dozen (default 0: a thread)",
        )

    def noisy_z(made: Any) -> None:
        made.add_argument(
            "--noisy-z",
            type=float,
            default=0.5,
            help="share of the clips whose z the decoder sees with noise (default .5)",
        )

    def temperature_of(made: Any, value: float) -> None:
        made.add_argument(
            "--temperature", type=float, default=value, help=f"of the notes (default {value})"
        )

    def refinement(made: argparse.ArgumentParser, steps: int) -> None:
        made.add_argument(
            "--refine",
            type=int,
            default=steps,
            choices=range(65),
            metavar="0-64",
            help=f"steps by which z is brought nearer to the file (default {steps})",
        )

    made = command(sample)
    made.add_argument("--n", type=int, default=1, help="how many (default 1)")
    made.add_argument("--form", help="each a piece of this form, such as AABA (default one clip)")
    seed(made)
    controls(made)
    sound(made)
    drawing(made, TEMPERATURE, LATENT_TEMPERATURE)
    out_folder(made)

    made = command(vary)
    made.add_argument("file", type=Path)
    made.add_argument("--clip", type=int, default=1, help="which four bars (default 1)")
    made.add_argument("--n", type=int, default=4, choices=range(1, 65), metavar="1-64")
    made.add_argument("--amount", type=float, default=0.3, help="0 to 1 (default 0.3)")
    temperature_of(made, 0.7)
    seed(made)
    out_folder(made)

    made = command(reconstruct)
    made.add_argument("file", type=Path)
    made.add_argument("--per-clip", action="store_true", help="one file for each four bars")
    refinement(made, RECONSTRUCT_STEPS)
    out_folder(made)

    made = command(interpolate)
    made.add_argument("a", type=Path)
    made.add_argument("b", type=Path)
    made.add_argument("--steps", type=int, default=9, help="(default 9)")
    made.add_argument("--key", choices=("a", "b", "switch"), default="a", help="and meter")
    made.add_argument("--path", choices=("line", "circle"), default="line")
    made.add_argument("--keep", metavar="ROLE", help="a role of A that stays, such as melody")
    made.add_argument("--clip-a", type=int, default=1, help="which four bars of A (default 1)")
    made.add_argument("--clip-b", type=int, default=1, help="which four bars of B (default 1)")
    refinement(made, REFINE_STEPS)
    out_folder(made)

    made = command(complete)
    made.add_argument("file", type=Path)
    made.add_argument("--keep", default="", help="roles to keep, such as melody or melody,bass")
    made.add_argument("--rewrite", default="", help="roles to rewrite, keeping all others")
    made.add_argument("--bars", help="bars to rewrite, such as 3-4 (default: all)")
    made.add_argument("--extend", type=int, metavar="BARS", help="bars to add at the end")
    drawing(made, TEMPERATURE)
    controls(made)
    seed(made)
    out_folder(made)

    made = command(transfer)
    made.add_argument("file", type=Path)
    made.add_argument("--from-style", help="the style that the file is in, where known")
    made.add_argument("--free", default="", help="controls not to be kept, such as density,chord")
    made.add_argument(
        "--guidance",
        type=float,
        help=f"more follows what is asked, less the file (default {STEER_GUIDANCE:g})",
    )
    temperature_of(made, TEMPERATURE)
    controls(made)
    seed(made)
    out_folder(made)

    made = command(attribute)
    made.add_argument("file", type=Path)
    made.add_argument(
        "--name", required=True, choices=(*ORDINAL, "valence", "arousal", "repetition", "mode")
    )
    made.add_argument("--amount", type=float, default=1.0, help="negative for less (default 1)")
    made.add_argument("--map", type=Path, metavar="DIR", help="where the examples come from")
    temperature_of(made, 0.7)
    seed(made)
    out_folder(made)

    made = command(compose)
    made.add_argument("--form", default="AABA", help="(default AABA)")
    made.add_argument(
        "--section-bars", type=int, default=4, choices=(4, 8, 12, 16), help="(default 4)"
    )
    made.add_argument("--variation", type=float, default=0.1, help="of repeats (default 0.1)")
    drawing(made, TEMPERATURE, LATENT_TEMPERATURE)
    controls(made)
    sound(made)
    seed(made)
    out_folder(made)

    made = command(encode)
    made.add_argument("files", type=Path, nargs="+")
    made.add_argument("--out", type=Path, required=True, metavar="Z.npz")

    made = command(render, model=False)
    made.add_argument("input", type=Path, help="a MIDI file, or - for results on standard input")
    made.add_argument("output", type=Path, nargs="?", help=".wav, .flac, .ogg or .mp3")
    made.add_argument(
        "--format", choices=("wav", "flac", "ogg", "mp3"), help="beside the MIDI (default wav)"
    )
    made.add_argument("--renderer", choices=("torch", "fluidsynth"), default="torch")
    made.add_argument("--humanise", type=int, metavar="SEED", help="play a little inexactly")
    made.add_argument(
        "--as-written", action="store_true", help="off the grid, with the file's own controllers"
    )
    made.add_argument("--anonymous", action="store_true", help="the file says nothing of its music")

    command(describe)

    made = command(build, model=False)
    made.add_argument("--pop909", type=Path, metavar="DIR", help="POP909/ of the data set")
    made.add_argument(
        "--pop909-cl", type=Path, metavar="DIR", help="POP909_processed/ of POP909-CL"
    )
    made.add_argument("--lieder", type=Path, metavar="DIR", help="OpenScore Lieder")
    made.add_argument("--quartets", type=Path, metavar="DIR", help="OpenScore String Quartets")
    made.add_argument("--openewld", type=Path, metavar="DIR", help="OpenEWLD")
    made.add_argument("--freedoom", type=Path, metavar="DIR", help="Freedoom")
    made.add_argument("--groove", type=Path, metavar="DIR", help="groove/ of Groove MIDI")
    made.add_argument("--openhymnal", type=Path, metavar="DIR", help="Open Hymnal")
    made.add_argument("--rism", type=Path, metavar="FILE", help="table of RISM's incipits")
    made.add_argument("--music21", action="store_true", help="chorales and tunes of music21")
    made.add_argument("--bands", action="store_true", help="arrange songs for bands (needs MMA)")
    made.add_argument("--folder", type=Path, metavar="DIR", help="any folder of MIDI files")
    made.add_argument("--labels", type=Path, metavar="CSV", help="labels of that folder's files")
    made.add_argument("--tables", type=Path, metavar="MD", help="page for the counts, in Markdown")
    made.add_argument("--processes", type=int, default=2, help="(default 2)")
    made.add_argument("--out", type=Path, default=Path("corpus"), help="(default corpus)")

    made = command(train, model=False)
    made.add_argument("--corpus", type=Path, default=Path("corpus"), help="(default corpus)")
    made.add_argument(
        "--state", dest="run_folder", type=Path, default=Path("state/run"), help="resumable state"
    )
    made.add_argument("--out", type=Path, default=Path("state/checkpoint"), help="weights for use")
    made.add_argument("--steps", type=int, help="last step of the run")
    made.add_argument("--decay-steps", type=int, help="of them, to bring the learning rate to 0")
    made.add_argument("--outline-stage", type=int, help="how many of them train the outline only")
    made.add_argument("--beta", type=float, help="weight of the KL")
    made.add_argument("--beta-steps", type=int, help="over so many steps it rises from 0")
    made.add_argument("--lr-matrices", type=float, help="learning rate of Muon, inside blocks")
    made.add_argument("--lr-rest", type=float, help="learning rate of AdamW, elsewhere")
    made.add_argument(
        "--only",
        choices=("encoder", "decoder"),
        help="the part that learns, all else standing still",
    )
    made.add_argument(
        "--adversary-from", type=int, metavar="STEP", help="then on, z is to hide what c says"
    )
    made.add_argument("--confusion-weight", type=float, help="how much")
    made.add_argument(
        "--start-from", type=Path, metavar="DIR", help="checkpoint whose weights a new run takes"
    )
    made.add_argument(
        "--compile", action="store_true", default=None, help="compile (needs a C++ compiler)"
    )
    loaders(made)
    made.add_argument("--tokens-per-batch", type=int, default=6000)
    noisy_z(made)
    made.add_argument(
        "--emphasis",
        action="append",
        default=[],
        metavar="STYLE=FACTOR",
        help="windows of this style so many times as often (may be given again)",
    )
    made.add_argument("--validate-every", type=int, help="steps")
    made.add_argument("--save-every", type=int, help="steps")
    made.add_argument("--seed", type=int)
    made.add_argument("--model", help="sizes as JSON, such as '{\"d_model\": 64}'")

    made = command(train_flow)
    made.add_argument("--corpus", type=Path, default=Path("corpus"), help="(default corpus)")
    made.add_argument("--minutes", type=float, default=30.0, help="(default 30)")
    made.add_argument("--tokens-per-batch", type=int, default=12_000)
    made.add_argument("--lr", type=float, default=2e-3, help="learning rate (default .002)")
    made.add_argument("--go-on", action="store_true", help="from the flow that is there")
    loaders(made)
    made.add_argument("--seed", type=int, default=7, help="(default 7)")

    made = command(evaluate)
    made.add_argument("--corpus", type=Path, default=Path("corpus"), help="(default corpus)")
    made.add_argument("--split", default="test", help="test, validation or train (default test)")
    made.add_argument("--only", metavar="PARTS", help="such as reconstruction,control (see docs)")
    made.add_argument("--limit", type=int, help="at most so many clips in each part")
    made.add_argument("--emopia", type=Path, metavar="DIR", help="listeners' labels of emotion")
    made.add_argument(
        "--language-model", type=Path, metavar="DIR", help="judges morphs; from evaluate-peers"
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="its other parts stay")
    made.add_argument("--report", type=Path, metavar="FILE", help="such as docs/results.md")
    made.add_argument(
        "--peers", type=Path, metavar="FILE", help="of evaluate-peers, for the report"
    )
    made.add_argument("--trade-off", type=Path, metavar="FILE", help="of trade-off, for the report")

    made = command(trade_off, model=False)
    made.add_argument("checkpoints", type=Path, nargs="+", metavar="DIR")
    made.add_argument("--corpus", type=Path, default=Path("corpus"), help="(default corpus)")
    made.add_argument("--split", default="test", help="test, validation or train (default test)")
    made.add_argument("--limit", type=int, default=300, help="clips and samples (default 300)")
    made.add_argument("--json", type=Path, metavar="FILE")

    made = command(evaluate_peers, model=False)
    made.add_argument("--corpus", type=Path, default=Path("corpus"), help="(default corpus)")
    made.add_argument("--minutes", type=float, default=90.0, help="for each (default 90)")
    made.add_argument("--only", metavar="NAMES", help="of ours,gru_vae,language_model,riffly")
    made.add_argument("--ours", type=Path, metavar="DIR", help="a checkpoint that took as long")
    made.add_argument("--limit", type=int, default=200, help="clips and samples (default 200)")
    made.add_argument("--noise-level", type=float, default=0.0, help="of z, for samples of ours")
    made.add_argument("--train-only", action="store_true", help="measure them another time")
    made.add_argument("--trained-on", metavar="TEXT", help="which machine, if it was another")
    loaders(made)
    made.add_argument("--tokens-per-batch", type=int, default=6000)
    noisy_z(made)
    made.add_argument("--model", help="sizes of ours as JSON")
    made.add_argument("--out", type=Path, default=Path("state/peers"), help="(default state/peers)")
    made.add_argument("--json", type=Path, metavar="FILE", help="figures of other peers stay")

    made = command(benchmark)
    made.add_argument("--only", choices=("model", "audio"), help="one part (default: both)")
    made.add_argument("--json", type=Path, metavar="FILE")

    made = command(assets)
    made.add_argument("--only", choices=("landing",), help="leave the map as it is")
    return parser
