"""The evaluation of one checkpoint on held-out songs, part by part.

Each part can be run alone within minutes and joins those of the same checkpoint run before.
Nothing that the model makes is rejected or edited, and k is empty but for completion.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from musicgen_vae.errors import ControlError
from musicgen_vae.evaluation.completion import measure_completion
from musicgen_vae.evaluation.control import measure_control
from musicgen_vae.evaluation.copies import NoteIndex
from musicgen_vae.evaluation.emotion_judge import (
    NAMES as EMOTIONS,
)
from musicgen_vae.evaluation.emotion_judge import (
    Judge,
    emotion_figures,
    judge_taught_by_people,
    judge_taught_by_regression,
)
from musicgen_vae.evaluation.held_out import ClipSet, Corpus
from musicgen_vae.evaluation.likelihood import likelihood_figures
from musicgen_vae.evaluation.morphs import NoteCost, choose_pairs, cross_fade, morph_figures
from musicgen_vae.evaluation.reconstruction import reconstruction_figures
from musicgen_vae.evaluation.samples import compare, draw_samples
from musicgen_vae.evaluation.style import judged_clips, style_figures, styles_by_roles
from musicgen_vae.generation.composer import Composer
from musicgen_vae.generation.defaults import RECONSTRUCT_STEPS
from musicgen_vae.generation.trajectory import even_steps, n_stops
from musicgen_vae.model.controls import Controls
from musicgen_vae.music.attributes import N_CLASSES, measure
from musicgen_vae.music.clip import BARS_PER_CLIP, Clip
from musicgen_vae.music.distance import clip_distances
from musicgen_vae.music.emotion import Emotion, estimate_emotion
from musicgen_vae.training.loop import select

FIXED_TEMPO = 100.0
"""Quarter notes a minute of every sample whose emotion is judged."""
_REAL_EMOTION = 8
"""Real clips judged for each sample: they cost nothing to make."""
FORMAT = 6
"""Of the figures; parts of another one are not mixed with these."""
_KIND = ("format", "checkpoint", "split", "clips")
_MORPH_STEPS = 9
_PAIRS_AT_ONCE = 8

Log = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured.

    Attributes:
        held_out: clips for reconstruction and likelihood; None takes all.
        samples: clips for each way of drawing samples.
        control: clips for each control and each source of z.
        style: clips, the styles in equal shares.
        emotion: clips for each of valence and arousal.
        morphs: pairs.
        completion: clips for each task.
        training: training clips that classifiers learn from.
    """

    held_out: int | None = None
    samples: int = 400
    control: int = 200
    style: int = 400
    emotion: int = 520
    morphs: int = 200
    completion: int = 150
    training: int = 6000

    def limited(self, limit: int | None) -> Sizes:
        """The same with none above ``limit`` (``training``: above 20 times that)."""
        if limit is None:
            return self
        sizes = {one.name: getattr(self, one.name) for one in fields(self)}
        most = {name: 20 * limit if name == "training" else limit for name in sizes}
        return Sizes(
            **{n: most[n] if size is None else min(size, most[n]) for n, size in sizes.items()}
        )


class Evaluation:
    """A checkpoint, a corpus, and what several parts need of both."""

    def __init__(
        self,
        composer: Composer,
        corpus: Path,
        *,
        split: str,
        sizes: Sizes,
        cost: NoteCost | None,
        emopia: Path | None,
        log: Log,
    ) -> None:
        self.composer, self.split, self.sizes = composer, split, sizes
        self.cost, self.emopia, self.log = cost, emopia, log
        self.corpus = Corpus.load(corpus)
        self.roles = composer.spec.roles

    @cached_property
    def test(self) -> ClipSet:
        """Every held-out clip."""
        return self.corpus.clips(self.split, self.roles)

    @cached_property
    def training(self) -> ClipSet:
        """Training clips that classifiers learn from, spread over the songs."""
        return self.corpus.clips("train", self.roles, limit=self.sizes.training)

    @cached_property
    def judges(self) -> list[Judge]:
        """Who judges valence and arousal."""
        training = self.training
        steady = [replace(clip, tempo_qpm=FIXED_TEMPO) for clip in training.clips]
        judges = [judge_taught_by_regression(steady, training.songs)]
        if self.emopia is not None:
            judges.append(judge_taught_by_people(self.emopia))
        return judges

    def reconstruction(self) -> dict[str, Any]:
        """Note F1 by role and style, z refined; under ``encoder`` the same of the encoder alone."""
        chosen = self.test.spread(self.sizes.held_out)

        def figures(refine: int) -> dict[str, Any]:
            copies: list[Clip] = []
            for part in chosen.chunks():
                copies += self.composer.reconstruct(part.clips, part.styles, refine=refine)
                self.log(f"  {len(copies)} of {len(chosen)}, refined {refine} times")
            return reconstruction_figures(chosen.clips, copies, chosen.songs, chosen.styles)

        return {
            **figures(RECONSTRUCT_STEPS),
            "refine_steps": RECONSTRUCT_STEPS,
            "encoder": figures(0),
        }

    def likelihood(self) -> dict[str, Any]:
        """ELBO, its parts, active dimensions."""
        shard = self.corpus.shard(self.split)
        aligned = np.flatnonzero(shard.aligned)
        n = self.sizes.held_out
        if n is not None and n < len(aligned):
            aligned = np.unique(aligned[np.linspace(0, len(aligned) - 1, n).astype(int)])
        return likelihood_figures(self.composer.model, select(shard, aligned), self.corpus.pieces)

    def samples(self) -> dict[str, Any]:
        """Samples beside training and test music."""
        training = self.training.spread(self.sizes.samples)
        test = self.test.spread(self.sizes.samples)
        shard = self.corpus.shard("train")
        index = NoteIndex(shard, np.flatnonzero(~self.corpus.synthetic(shard)))
        result = {}
        for name, bars in (("all_controls", True), ("clip_controls", False)):
            self.log(f"  {len(training)} samples, {name.replace('_', ' ')} asked")
            made = draw_samples(self.composer, training, bars=bars)
            result[name] = compare(made, training, test, index)
        return result

    def control(self) -> dict[str, Any]:
        """Ordinal controls with fresh z and with z of held-out clips."""
        return measure_control(self.composer, self.test, n=self.sizes.control)

    def style(self) -> dict[str, Any]:
        """Styles as an independent classifier hears them."""
        real = judged_clips(self.test, styles_by_roles(self.training), self.sizes.style)
        if len(set(real.styles)) < 2:
            return {"skipped": "no set of roles has clips of two styles to tell apart"}
        controls = []
        for clip, style in zip(real.clips, real.styles, strict=True):
            sets = [None] * BARS_PER_CLIP
            sets[: clip.n_bars] = measure(clip).roles.tolist()
            controls.append(Controls(style=style, roles=tuple(sets), meter=clip.meter))
        made = self.composer.sample_each(controls, seeds=list(range(3000, 3000 + len(real))))
        return style_figures(self.training, real, made)

    def emotion(self) -> dict[str, Any]:
        """Valence and arousal at a fixed tempo, as the judge hears them."""
        spec = self.composer.spec
        known = [name for name in EMOTIONS if name in spec.clip_controls]
        if not known:
            return {"skipped": "the checkpoint has no controls of valence and arousal"}
        tempo = int(spec.edges.classify("tempo", np.float64(FIXED_TEMPO)))
        styles = self.training.spread(self.sizes.emotion).styles
        clips, real_styles, emotions = self.real_emotions()
        heard = [judge.judge(clips) for judge in self.judges]
        judges: list[dict[str, Any]] = [
            {"taught_by": one.taught_by, "taught_clips": one.n, "agreement": dict(one.agreement)}
            for one in self.judges
        ]
        for name in known:
            asked = np.random.default_rng(7).integers(0, N_CLASSES, len(styles))
            controls = [
                Controls.parse({"style": style, "tempo": tempo, name: int(index)})
                for style, index in zip(styles, asked, strict=True)
            ]
            seeds = list(range(4000, 4000 + len(controls)))
            made = self.composer.sample_each(controls, seeds=seeds, tempo_qpm=FIXED_TEMPO)
            classes = [
                spec.emotion_class(name, getattr(emotion, name), style)
                for emotion, style in zip(emotions, real_styles, strict=True)
            ]
            for judge, in_real, figures in zip(self.judges, heard, judges, strict=True):
                figures[name] = emotion_figures(asked, styles, judge.judge(made)[name])
                figures[f"{name}_real"] = emotion_figures(
                    np.array(classes), real_styles, in_real[name]
                )
        return {"judges": judges}

    def real_emotions(self) -> tuple[list[Clip], list[str], list[Emotion]]:
        """Held-out clips at the fixed tempo, their styles, and what the regression says of each.

        The yardstick for samples: what judges hear of classes that are met to the letter.
        """
        clips, styles, emotions = [], [], []
        spread = self.test.spread(_REAL_EMOTION * self.sizes.emotion)
        for clip, style in zip(spread.clips, spread.styles, strict=True):
            steady = replace(clip, tempo_qpm=FIXED_TEMPO)
            emotion = estimate_emotion(steady)
            if emotion is not None:
                clips.append(steady)
                styles.append(style)
                emotions.append(emotion)
        return clips, styles, emotions

    def morphs(self) -> dict[str, Any]:
        """Morphs beside cross-fades of the same ends."""
        pairs = choose_pairs(self.test.clips, self.test.songs, self.sizes.morphs)
        if not pairs:
            return {"skipped": "no two songs have clips of one meter"}
        songs = [self.test.songs[i] for i, _ in pairs]
        made: list[tuple[Clip, ...]] = []
        for begin in range(0, len(pairs), _PAIRS_AT_ONCE):
            part = pairs[begin : begin + _PAIRS_AT_ONCE]
            ends = [(self.test.clips[i], self.test.clips[j]) for i, j in part]
            made += [m.clips for m in self.composer.morph_each(ends, steps=_MORPH_STEPS)]
            self.log(f"  {len(made)} of {len(pairs)}")
        faded = [cross_fade(p[0], p[-1], _MORPH_STEPS, seed=i) for i, p in enumerate(made)]
        fits = np.ones((_MORPH_STEPS, n_stops(_MORPH_STEPS)), dtype=np.bool_)
        chosen = []
        for i, path in enumerate(made):
            stops = cross_fade(path[0], path[-1], fits.shape[1], seed=i)
            chosen.append([stops[at] for at in even_steps(clip_distances(stops), fits)])
        return {
            "pairs": len(pairs),
            "steps": _MORPH_STEPS,
            "morph": morph_figures(made, songs, self.cost),
            "cross_fade": morph_figures(faded, songs, self.cost),
            "cross_fade_chosen": morph_figures(chosen, songs, self.cost),
        }

    def completion(self) -> dict[str, Any]:
        """Hidden notes from kept ones."""
        return measure_completion(self.composer, self.test, n=self.sizes.completion)


PARTS = (
    "reconstruction",
    "likelihood",
    "samples",
    "control",
    "style",
    "emotion",
    "morphs",
    "completion",
)
"""The parts of an evaluation, in the order of the report: methods of ``Evaluation``."""


def evaluate(
    composer: Composer,
    corpus: Path,
    *,
    split: str = "test",
    only: Sequence[str] = PARTS,
    limit: int | None = None,
    cost: NoteCost | None = None,
    emopia: Path | None = None,
    stamp: Mapping[str, Any] | None = None,
    log: Log = lambda text: None,
    save: Callable[[dict[str, Any]], None] = lambda result: None,
) -> dict[str, Any]:
    """Some or all parts, as plain numbers.

    Args:
        composer: the model.
        corpus: a built corpus.
        split: whose clips are held out.
        only: names of ``PARTS``.
        limit: no more clips, samples or pairs than this in each part.
        cost: nats per note under a separate language model, for morphs.
        emopia: where listeners' labels lie, for a judge of emotion that learns from people.
        stamp: added to each part, such as machine and commit.
        log: told what is going on.
        save: given what is there after each part.

    Returns:
        ``format``, ``checkpoint``, ``split``, ``clips``, ``songs`` and a value for each part, with
        ``seconds`` and ``limit`` in it.

    Raises:
        ControlError: if ``split`` or a part is unknown.
        CorpusError: if the corpus or the split is missing.
    """
    unknown = [name for name in only if name not in PARTS]
    if unknown:
        raise ControlError(f"unknown part {unknown[0]!r}; the parts are {', '.join(PARTS)}")
    evaluation = Evaluation(
        composer,
        corpus,
        split=split,
        sizes=Sizes().limited(limit),
        cost=cost,
        emopia=emopia,
        log=log,
    )
    result: dict[str, Any] = {
        "format": FORMAT,
        "checkpoint": composer.checkpoint.hash,
        "split": split,
        "clips": len(evaluation.test),
        "songs": len(set(evaluation.test.songs)),
    }
    for name in (part for part in PARTS if part in only):
        log(name)
        began = time.perf_counter()
        figures = getattr(evaluation, name)()
        seconds = round(time.perf_counter() - began, 1)
        result[name] = {**figures, "seconds": seconds, "limit": limit, **(stamp or {})}
        save(result)
    return result


def merged(previous: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """The result with those parts of an earlier one that it lacks, if both are of one kind.

    Results of another format, checkpoint, split or number of clips are left behind.
    """
    same = all(previous.get(key) == result[key] for key in _KIND)
    kept = {name: previous[name] for name in PARTS if same and name in previous}
    return {**result, **{name: value for name, value in kept.items() if name not in result}}
