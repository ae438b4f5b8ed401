"""The public face: a trained model whose verbs take and return clips.

Every verb is deterministic: clip number i of a call with ``seed`` uses its own generator, seeded
with ``seed + i``, so a clip can be made again alone. This module knows clips, controls and z; it
does not know files of music, sound or pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from musicgen_vae.errors import ClipError, ControlError
from musicgen_vae.generation.conditions import (
    asked_condition,
    freed,
    measured_condition,
    replaced,
)
from musicgen_vae.generation.decoding import DecodeItem, DecodeOptions, decode
from musicgen_vae.generation.defaults import (
    LATENT_TEMPERATURE,
    RECONSTRUCT_STEPS,
    REFINE_STEPS,
    TEMPERATURE,
    TOP_P,
)
from musicgen_vae.generation.encoding import Encoded, encode, fit
from musicgen_vae.generation.form import plan_form
from musicgen_vae.generation.keeping import NOTHING_KEPT, Kept, keep_notes
from musicgen_vae.generation.latent import attribute_vector, slerp, unwhiten, whiten
from musicgen_vae.generation.reading import control_of
from musicgen_vae.generation.refinement import note_losses
from musicgen_vae.generation.sampling_prior import PriorChoice, SamplingPrior
from musicgen_vae.generation.trajectory import (
    KeyChoice,
    LatentPath,
    Morph,
    even_morph,
    frames_between,
    n_stops,
    trajectory,
)
from musicgen_vae.model.checkpoint import Checkpoint, load_checkpoint
from musicgen_vae.model.controls import Controls, ControlSpec
from musicgen_vae.model.distributions import DiagonalGaussian
from musicgen_vae.model.packing import packed
from musicgen_vae.model.vae import Condition, Rows
from musicgen_vae.music.clip import (
    BARS_PER_CLIP,
    Clip,
    Key,
    Meter,
    Mode,
    Piece,
    Place,
    Role,
)
from musicgen_vae.music.key import rank_keys
from musicgen_vae.music.tokens import Tokens, clip_to_tokens, tokens_to_notes

LatentChoice = Literal["drawn", "null"]
CHECKPOINT_FOLDER = Path(__file__).resolve().parents[2] / "checkpoints"
_FEW_BARS = 8
_OF_NOTES = 0x6E6F7465
"""By which the seed of a clip's notes differs from that of its z, in the 32 bits that PyTorch
reads: with the same random numbers the notes would depend on how z was drawn."""

Check = Callable[[], None]


class Composer:
    """Make, encode and change music with one model."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.model = checkpoint.model
        self.decoder = packed(checkpoint.model.decoder)
        self.spec: ControlSpec = checkpoint.model.spec
        self.sampling = SamplingPrior(checkpoint.model, checkpoint.flow)
        self.device = next(self.model.parameters()).device

    @classmethod
    def load(cls, folder: Path | str | None = None, device: str | None = None) -> Composer:
        """The shipped model, or the one in ``folder``.

        Args:
            folder: holds ``model.safetensors`` and ``model.json``.
            device: such as ``"cuda"``; by default the GPU where there is one.

        Raises:
            CheckpointError: if the files are missing, a Git-LFS pointer or of another format.
        """
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        return cls(load_checkpoint(Path(folder or CHECKPOINT_FOLDER), device))

    def describe(self) -> dict[str, Any]:
        """Styles, controls, roles, sizes and origin of the model, as plain numbers and text."""
        spec = self.spec
        return {
            "checkpoint": self.checkpoint.hash,
            "parameters": self.model.n_parameters,
            "latent": [BARS_PER_CLIP, self.model.config.d_latent],
            "roles": [role.label for role in spec.roles],
            "styles": list(spec.styles),
            "controls": spec.sizes,
            "training": dict(self.checkpoint.training),
        }

    # -- encode and decode -------------------------------------------------------------------

    def fit(self, clip: Clip) -> Clip:
        """The part of ``clip`` that the model can read: notes of the roles it was trained on.

        Raises:
            ClipError: if no note is left.
        """
        return fit(clip, self.spec.roles)

    def readable(self, clips: Sequence[Clip]) -> list[int]:
        """Which of the clips have a note that the model can read."""
        roles = set(self.spec.roles)
        return [i for i, clip in enumerate(clips) if roles & set(clip.roles)]

    def change_readable(
        self, clips: Sequence[Clip], change: Callable[[Sequence[Clip]], Sequence[Clip]]
    ) -> list[Clip]:
        """``change`` of the clips that the model can read; the others stay in place, silent."""
        made = [clip.keep(()) for clip in clips]
        readable = self.readable(clips)
        for i, clip in zip(readable, change([clips[i] for i in readable]), strict=True):
            made[i] = clip
        return made

    def encode(
        self,
        clips: Sequence[Clip],
        styles: Sequence[str | None] | None = None,
        *,
        refine: int = 0,
        check: Check | None = None,
    ) -> Encoded:
        """Posterior and prior of each clip at its measured controls, as ``encoding.encode``.

        Raises:
            ClipError: if a clip has no note the model can read, or too many.
        """
        chosen = [self.fit(clip) for clip in clips]
        return encode(self.model, chosen, styles, refine=refine, check=check)

    @torch.inference_mode()
    def recognise(self, clips: Sequence[Clip]) -> list[dict[str, dict[str, float]]]:
        """What the recognition head makes of each clip's notes, whatever is known of it otherwise.

        Returns:
            For each clip, control (style, valence, arousal) to class to probability, the likeliest
            first; classes of valence and arousal are "0" to "7". Empty where the checkpoint has no
            such head.

        Raises:
            ClipError: if a clip has no note the model can read, or too many.
        """
        chosen = [self.fit(clip) for clip in clips]
        rows = Rows.pad([clip_to_tokens(clip) for clip in chosen]).to(self.device)
        condition = measured_condition(chosen, self.spec, None).to(self.device)
        result: list[dict[str, dict[str, float]]] = [{} for _ in chosen]
        for name, logits in self.model.read(rows, condition)[1].items():
            classes = (
                self.spec.styles if name == "style" else tuple(map(str, range(logits.shape[-1])))
            )
            for found, shares in zip(result, logits.softmax(-1).tolist(), strict=True):
                named = zip(classes, shares, strict=True)
                found[name] = dict(sorted(named, key=lambda pair: -pair[1]))
        return result

    @torch.inference_mode()
    def elbo(self, clips: Sequence[Clip]) -> Tensor:
        """How well the model knows each clip: the ELBO at the posterior's mean, in nats, (B,).

        Raises:
            ClipError: if a clip has no note the model can read, or too many.
        """
        chosen = [self.fit(clip) for clip in clips]
        encoded = self.encode(chosen)
        rows = Rows.pad([clip_to_tokens(clip) for clip in chosen]).to(self.device)
        z, steps = encoded.posterior.mode(), encoded.condition.bar_steps
        losses = note_losses(self.model, z, encoded.control, rows, steps)
        return -(losses.recon_loss() + encoded.posterior.kl(encoded.prior).sum(-1))

    def settle_key(self, piece: Piece) -> Piece:
        """A short piece in the likeliest of the three keys that its notes suggest, by ELBO.

        A few bars often fit the scales of neighbouring keys alike; which of them makes the notes
        most like music that the model knows is better judged by the model. A long piece has notes
        enough for ``estimate_key`` and stays as it is, as do notes that the model cannot read.
        """
        if len(piece.bars) > _FEW_BARS:
            return piece
        keys = rank_keys(piece.notes)
        keyed = [replace(piece, key=key) for key in keys]
        clips = [[each.clips()[i] for i in self.readable(each.clips())] for each in keyed]
        if not clips[0]:
            return piece
        try:
            known = [float(self.elbo(each).sum()) for each in clips]
        except ClipError:
            return piece
        return keyed[known.index(max(known))]

    def decode(
        self,
        z: Tensor,
        control: Tensor,
        templates: Sequence[Clip],
        *,
        seeds: Sequence[int] | None = None,
        options: DecodeOptions | None = None,
        kept: Sequence[Kept] = (),
        noise_level: Tensor | None = None,
        check: Check | None = None,
    ) -> list[Clip]:
        """Clips from z.

        Args:
            z: shape (B, 4, D).
            control: as in ``Encoded``, shape (B, 4, d_model).
            templates: meter, key, tempo, programs and number of bars of each clip.
            seeds: of each clip's notes; None takes the most likely notes.
            options: how to draw; by default greedy without seeds.
            kept: k of each clip, which is part of the result; empty keeps nothing.
            noise_level: how noisy the decoder shall think each z is, 0 to 1, shape (B,); by default
                as the encoder gives it.
            check: called often; may raise to stop.
        """
        if options is None:
            options = DecodeOptions() if seeds is not None else DecodeOptions(temperature=0.0)
        kept = list(kept) or [NOTHING_KEPT] * len(templates)
        items = [
            DecodeItem(
                z=z[i],
                control=control[i],
                kept=kept[i].shown,
                kept_roles=kept[i].roles,
                roles=self._role_bits,
                bar_steps=template.meter.steps,
                n_bars=template.n_bars,
                generator=_generator(seeds[i], _OF_NOTES) if seeds is not None else None,
                noise_level=0.0 if noise_level is None else float(noise_level[i]),
            )
            for i, template in enumerate(templates)
        ]
        made = decode(self.decoder, items, options, check)
        return [
            _with_rows(template, np.concatenate([k.rows, rows]))
            for template, k, rows in zip(templates, kept, made, strict=True)
        ]

    def reconstruct(
        self,
        clips: Sequence[Clip],
        styles: Sequence[str | None] | None = None,
        check: Check | None = None,
        refine: int = RECONSTRUCT_STEPS,
    ) -> list[Clip]:
        """Each clip encoded and decoded again: the most likely notes from the posterior's mean.

        ``refine`` is as in ``encode``.
        """
        encoded = self.encode(clips, styles, refine=refine, check=check)
        return self.decode(encoded.posterior.mode(), encoded.control, clips, check=check)

    # -- make --------------------------------------------------------------------------------

    @torch.inference_mode()
    def sample(
        self,
        controls: Controls | None = None,
        *,
        n: int = 1,
        seed: int = 0,
        temperature: float = TEMPERATURE,
        latent_temperature: float = LATENT_TEMPERATURE,
        top_p: float = TOP_P,
        prior: PriorChoice | None = None,
        guidance: float | None = None,
        key: Key | None = None,
        tempo_qpm: float | None = None,
        in_scale: bool = False,
        check: Check | None = None,
    ) -> list[Clip]:
        """New clips: z drawn from the prior p(z|c), then notes from the decoder.

        Args:
            controls: what is asked; everything else is free.
            n: how many.
            seed: clip i uses ``seed + i``.
            temperature: of the notes, >= 0; 0 takes the most likely ones.
            latent_temperature: of z, >= 0.
            top_p: see ``DecodeOptions``.
            prior: where z comes from; by default the flow, where the checkpoint has one.
            guidance: of the flow; 1 follows the controls as learnt, more exaggerates them. By
                default ``DEFAULT_GUIDANCE``.
            key: where it sounds, whose mode is asked; by default C major or A minor.
            tempo_qpm: whose class is asked; by default from the tempo class asked, else 100.
            in_scale: only notes of the key's scale.
            check: called often; may raise to stop.
        """
        return self.sample_each(
            [controls or Controls()] * n,
            seeds=[seed + i for i in range(n)],
            latent_temperature=latent_temperature,
            options=DecodeOptions(temperature=temperature, top_p=top_p, in_scale=in_scale),
            prior=prior,
            guidance=guidance,
            key=key,
            tempo_qpm=tempo_qpm,
            check=check,
        )

    @torch.inference_mode()
    def sample_each(
        self,
        controls: Sequence[Controls],
        *,
        seeds: Sequence[int],
        latent_temperature: float = LATENT_TEMPERATURE,
        options: DecodeOptions | None = None,
        prior: PriorChoice | None = None,
        guidance: float | None = None,
        noise_level: float | None = None,
        key: Key | None = None,
        tempo_qpm: float | None = None,
        check: Check | None = None,
    ) -> list[Clip]:
        """As ``sample``, with controls and a seed for each clip.

        ``noise_level`` (0 to 1) is how much of z the flow leaves to the decoder; by default what
        suits the attributes asked (``SamplingPrior.draw``).
        """
        if not controls:
            return []
        templates = [self._template(one, key, tempo_qpm) for one in controls]
        controls = [self._with_sound(one, key, tempo_qpm) for one in controls]
        condition = self._asked(controls, [template.meter for template in templates])
        noise = latent_temperature * self.noise([_generator(seed) for seed in seeds])
        nothing = Rows.none(len(controls), self.device)
        z, levels = self.sampling.draw(condition, nothing, noise, prior, guidance, noise_level)
        return self.decode(
            z,
            control_of(self.model, condition),
            templates,
            seeds=seeds,
            options=options or DecodeOptions(temperature=TEMPERATURE),
            noise_level=levels,
            check=check,
        )

    @torch.inference_mode()
    def vary(
        self,
        clip: Clip,
        *,
        n: int = 1,
        seed: int = 0,
        amount: float = 0.3,
        temperature: float = 0.7,
        check: Check | None = None,
    ) -> list[Clip]:
        """Clips near ``clip``: its z moved by ``amount`` (0 to 1) of the way to fresh draws.

        The move is along the great circle in whitened coordinates, so a variation is as likely
        under the prior as its two ends are.
        """
        encoded = self.encode([clip], refine=REFINE_STEPS, check=check)
        eps = whiten(encoded.posterior.mode(), encoded.prior)
        seeds = [seed + i for i in range(n)]
        noise = self.noise([_generator(s) for s in seeds])
        moved = torch.stack([slerp(eps[0], fresh, amount) for fresh in noise])
        prior = _repeat(encoded.prior, n)
        return self.decode(
            unwhiten(moved, prior),
            encoded.control.expand(n, -1, -1),
            [clip] * n,
            seeds=seeds,
            options=DecodeOptions(temperature=temperature),
            check=check,
        )

    # -- between and onwards -----------------------------------------------------------------

    def interpolate(
        self,
        a: Clip,
        b: Clip,
        *,
        steps: int = 9,
        key: KeyChoice = "a",
        path: LatentPath = "line",
        keep: Role | None = None,
        refine: int = REFINE_STEPS,
        check: Check | None = None,
    ) -> list[Clip]:
        """A morph from ``a`` to ``b``: ``steps`` clips, the ends being reconstructions.

        Controls move in a line; z moves in coordinates whitened by the prior, so that half-way
        means half-way between what is peculiar to each clip, at controls between theirs; later bars
        move before earlier ones, see ``trajectory``. About twice as many clips are written as are
        asked, and those returned between which as much changes each time.

        A role of ``a`` that is kept is given to the decoder (k) in every step and stays as it is,
        while everything else goes to ``b``.

        Args:
            a: one end.
            b: the other end.
            steps: 2 or more.
            key: whose key and meter: a's, b's, or a's in the first half and b's in the second.
            path: a straight line or a great circle.
            keep: a role of ``a`` whose notes stay; the key must then be a's.
            refine: of both ends, as in ``encode``.
            check: called often; may raise to stop.

        Raises:
            ClipError: if a clip has no note the model can read.
            ControlError: if there are fewer than 2 steps, or what is kept is not there or should
                stand in another key than its own.
        """
        pairs = [(a, b)]
        (morph,) = self.morph_each(
            pairs, steps=steps, key=key, path=path, keep=keep, refine=refine, check=check
        )
        return list(morph.clips)

    def morph_each(
        self,
        pairs: Sequence[tuple[Clip, Clip]],
        *,
        steps: int = 9,
        key: KeyChoice = "a",
        path: LatentPath = "line",
        keep: Role | None = None,
        refine: int = REFINE_STEPS,
        check: Check | None = None,
    ) -> list[Morph]:
        """As ``interpolate``, for each of many pairs, with the z of each step."""
        if steps < 2:
            raise ControlError(f"a morph needs at least 2 steps, not {steps}")
        if not pairs:
            return []
        middle, stops = self._middle(), n_stops(steps)
        fitted = [(self.fit(a), self.fit(b)) for a, b in pairs]
        ways = []
        for ends in fitted:
            encoded = self.encode(ends, refine=refine, check=check)
            ways.append(
                trajectory(
                    self.model, ends, encoded, middle, stops=stops, key=key, path=path, keep=keep
                )
            )
        made = self.decode(
            torch.cat([way.z for way in ways]),
            torch.cat([way.control for way in ways]),
            [frame for way in ways for frame in way.frames],
            kept=[kept for way in ways for kept in way.kept],
            noise_level=torch.cat([way.noise_level for way in ways]),
            check=check,
        )
        return [
            even_morph(
                way.z,
                made[i * stops : (i + 1) * stops],
                frames_between(a, b, steps, key, keep),
            )
            for i, (way, (a, b)) in enumerate(zip(ways, fitted, strict=True))
        ]

    @torch.inference_mode()
    def _middle(self) -> Tensor:
        """The mean of all z as the prior knows it, with nothing asked and nothing kept, (4, D)."""
        anything = asked_condition([Controls()], self.spec, [None]).to(self.device)
        return self.model.prior(anything, Rows.none(1, self.device)).mu[0]

    def complete(
        self,
        clip: Clip,
        *,
        keep: Iterable[Role] = (),
        bars: Iterable[int] | None = None,
        before: Clip | None = None,
        controls: Controls | None = None,
        n: int = 1,
        seed: int = 0,
        temperature: float = TEMPERATURE,
        latent_temperature: float = LATENT_TEMPERATURE,
        top_p: float = TOP_P,
        latent: LatentChoice = "drawn",
        prior: PriorChoice | None = None,
        guidance: float | None = None,
        check: Check | None = None,
    ) -> list[Clip]:
        """Keep some notes, write the rest anew: accompany, harmonise, fill, regenerate.

        To accompany a melody keep it; to harmonise a soprano ask for the style of chorales as
        well; to regenerate one role keep all others. What follows a clip ``extend`` writes.

        Args:
            clip: where the kept notes come from.
            keep: roles kept in every bar.
            bars: bars (0 to 3) to be rewritten; every role is kept in the others. None rewrites
                all bars.
            before: the clip that precedes it, whose last bar is context.
            controls: what is asked of the whole result.
            n: how many.
            seed: clip i uses ``seed + i``.
            temperature: of the notes, >= 0.
            latent_temperature: of z, >= 0.
            top_p: see ``DecodeOptions``.
            latent: z drawn from the prior given the kept notes, or the learned null, with which
                the decoder has the kept notes and the controls alone.
            prior: as in ``sample``.
            guidance: as in ``sample``.
            check: called often; may raise to stop.

        Raises:
            ControlError: if a bar is outside the clip, nothing is left to write, or another meter
                or tempo than the clip's is asked.
            ClipError: if the clip has too many notes.
        """
        clip = clip.keep(self.spec.roles)
        clip_to_tokens(clip)  # refuses too many notes before the model meets them
        roles = set(keep)
        if before is not None:
            before = before.keep(self.spec.roles)
        kept = keep_notes(clip, roles=roles, bars=bars, before=before)
        free = self._role_bits & ~sum(1 << role for role in roles)
        if not free or (bars is not None and not set(bars)):
            raise ControlError("nothing is left to write: keep fewer roles or rewrite more bars")
        controls = controls or Controls()
        tempo = self._tempo_class(clip.tempo_qpm)
        if controls.meter not in (None, clip.meter):
            raise ControlError(f"the kept music is in {clip.meter}, not {controls.meter}: leave it")
        if controls.tempo not in (None, tempo):
            raise ControlError(
                f"the kept music is of tempo class {tempo}, not {controls.tempo}: leave it"
            )
        asked = replace(controls, mode=controls.mode or clip.key.mode, tempo=tempo)
        return self.complete_each(
            [clip] * n,
            [kept] * n,
            [asked] * n,
            seeds=[seed + i for i in range(n)],
            latent_temperature=latent_temperature,
            options=DecodeOptions(temperature=temperature, top_p=top_p),
            latent=latent,
            prior=prior,
            guidance=guidance,
            check=check,
        )

    @torch.inference_mode()
    def complete_each(
        self,
        clips: Sequence[Clip],
        kept: Sequence[Kept],
        controls: Sequence[Controls],
        *,
        seeds: Sequence[int],
        latent_temperature: float = LATENT_TEMPERATURE,
        options: DecodeOptions | None = None,
        latent: LatentChoice = "drawn",
        prior: PriorChoice | None = None,
        guidance: float | None = None,
        check: Check | None = None,
    ) -> list[Clip]:
        """As ``complete``, with kept notes, controls and a seed for each clip."""
        n = len(clips)
        condition = replace(
            self._asked(controls, [clip.meter for clip in clips]),
            kept_roles=torch.tensor([k.roles for k in kept], device=self.device),
        )
        control = control_of(self.model, condition)
        if latent == "null":
            z, noise_level = self.model.decoder.null_z.expand(n, BARS_PER_CLIP, -1), None
        else:
            noise = latent_temperature * self.noise([_generator(seed) for seed in seeds])
            shown = Rows.pad([k.shown for k in kept]).to(self.device)
            z, noise_level = self.sampling.draw(condition, shown, noise, prior, guidance)
        return self.decode(
            z,
            control,
            clips,
            seeds=seeds,
            options=options or DecodeOptions(temperature=TEMPERATURE),
            kept=kept,
            noise_level=noise_level,
            check=check,
        )

    def extend(
        self,
        clip: Clip,
        *,
        n_bars: int = BARS_PER_CLIP,
        controls: Controls | None = None,
        seed: int = 0,
        temperature: float = TEMPERATURE,
        latent_temperature: float = LATENT_TEMPERATURE,
        top_p: float = TOP_P,
        prior: PriorChoice | None = None,
        guidance: float | None = None,
        check: Check | None = None,
    ) -> list[Clip]:
        """What could follow ``clip``: clips of its key, meter and tempo, ``n_bars`` in all.

        Each takes the last bar of the one before as context; the last one ends a piece.

        Args:
            clip: what comes before.
            n_bars: 1 to 64; the last clip is shorter where it is no multiple of 4.
            controls: what is asked of every clip.
            seed: clip i uses ``seed + i``.
            temperature: as in ``complete``.
            latent_temperature: as in ``complete``.
            top_p: as in ``complete``.
            prior: as in ``complete``.
            guidance: as in ``complete``.
            check: called often; may raise to stop.

        Raises:
            ControlError: if ``n_bars`` is outside 1 to 64.
        """
        if not 1 <= n_bars <= 64:
            raise ControlError(f"a continuation has 1 to 64 bars, not {n_bars}")
        clips = [self.fit(clip)]
        for i, first in enumerate(range(0, n_bars, BARS_PER_CLIP)):
            length = min(BARS_PER_CLIP, n_bars - first)
            place = Place.END if first + length == n_bars else Place.MIDDLE
            empty = replace(clip, notes=(), n_bars=length, place=place)
            clips += self.complete(
                empty,
                before=clips[-1],
                controls=replace(controls or Controls(), place=place),
                seed=seed + i,
                temperature=temperature,
                latent_temperature=latent_temperature,
                top_p=top_p,
                prior=prior,
                guidance=guidance,
                check=check,
            )
        return clips[1:]

    @torch.inference_mode()
    def transfer(
        self,
        clip: Clip,
        controls: Controls,
        *,
        style: str | None = None,
        free: Iterable[str] = (),
        guidance: float | None = None,
        seed: int | None = None,
        temperature: float = TEMPERATURE,
        check: Check | None = None,
    ) -> Clip:
        """``clip`` with other controls: what is peculiar to it stays, c is replaced.

        How is told in ``SamplingPrior.steer``.
        Controls that are not given stay as measured on the clip. From style A to style B:
        ``transfer(clip, Controls(style="B"), style="A")``.

        Args:
            clip: the original.
            controls: what should change.
            style: of the original, where known: eps is what is peculiar to it within this style.
            free: controls that should neither change to something nor stay, such as the density
                where another arousal is asked.
            guidance: more follows what is asked further from the clip, less stays nearer to it;
                1 is as learnt. By default ``STEER_GUIDANCE``.
            seed: of the notes; None takes the most likely ones.
            temperature: of the notes, where a seed is given.
            check: called often; may raise to stop.

        Raises:
            ControlError: if a style or a control is unknown, or another meter is asked.
        """
        if controls.meter not in (None, clip.meter):
            raise ControlError(f"the clip is in {clip.meter}, not {controls.meter}: leave it")
        if style is not None and style not in self.spec.styles:
            raise ControlError(f"unknown style {style!r}; known are {', '.join(self.spec.styles)}")
        styles = None if style is None else [style]
        encoded = self.encode([clip], styles, refine=REFINE_STEPS, check=check)
        stays = freed(encoded.condition, free, self.spec)
        asked = self._asked([controls], [None])
        control = self.model.control(replaced(stays, asked))
        mode = controls.mode or clip.key.mode
        # Relative keys share their notes: C major becomes A minor, not C minor.
        relative = Key(tonic=_relative_tonic(clip.key, mode), mode=mode)
        tempo_qpm = clip.tempo_qpm
        if controls.tempo not in (None, self._tempo_class(tempo_qpm)):
            tempo_qpm = round(self.spec.edges.middle("tempo", controls.tempo))
        z, noise_level = self.sampling.steer(encoded, stays, asked, guidance)
        return self.decode(
            z,
            control,
            [replace(clip, key=relative, tempo_qpm=tempo_qpm)],
            seeds=None if seed is None else [seed],
            options=DecodeOptions(temperature=0.0 if seed is None else temperature),
            noise_level=noise_level,
            check=check,
        )[0]

    def attribute_vector(self, clips_with: Sequence[Clip], clips_without: Sequence[Clip]) -> Tensor:
        """The direction in z from clips that lack an attribute to clips that have it, (4, D).

        Means of the posteriors' means, as ``latent.attribute_vector``.

        Raises:
            ClipError: if a clip has no note the model can read, or too many.
        """
        return attribute_vector(
            self.encode(clips_with).posterior.mode(), self.encode(clips_without).posterior.mode()
        )

    @torch.inference_mode()
    def add_vector(
        self,
        clip: Clip,
        vector: Tensor,
        *,
        amount: float = 1.0,
        free: Iterable[str] = (),
        seed: int | None = None,
        temperature: float = 0.7,
        check: Check | None = None,
    ) -> Clip:
        """``clip`` with ``amount`` times a vector added to its z; its controls stay as measured.

        Args:
            clip: the original.
            vector: such as from ``attribute_vector``, shape (4, D).
            amount: 1 moves as far as the two groups of clips lie apart; negative moves back.
            free: controls that the decoder shall not heed, for they would contradict the vector.
            seed: as in ``transfer``.
            temperature: as in ``transfer``.
            check: called often; may raise to stop.

        Raises:
            ControlError: if a control is unknown.
        """
        encoded = self.encode([clip], refine=REFINE_STEPS, check=check)
        condition = freed(encoded.condition, free, self.spec)
        return self.decode(
            encoded.posterior.mode() + amount * vector.to(self.device),
            self.model.control(condition),
            [clip],
            seeds=None if seed is None else [seed],
            options=DecodeOptions(temperature=0.0 if seed is None else temperature),
            check=check,
        )[0]

    @torch.inference_mode()
    def compose(
        self,
        form: str = "AABA",
        *,
        section_bars: int = BARS_PER_CLIP,
        controls: Controls | None = None,
        seed: int = 0,
        temperature: float = TEMPERATURE,
        latent_temperature: float = LATENT_TEMPERATURE,
        top_p: float = TOP_P,
        variation: float = 0.1,
        prior: PriorChoice | None = None,
        guidance: float | None = None,
        key: Key | None = None,
        tempo_qpm: float | None = None,
        in_scale: bool = False,
        check: Check | None = None,
    ) -> list[Clip]:
        """A longer piece in one key: the same letter takes nearly the same z and random numbers.

        The last bar of each clip is context for the next, so that they connect.

        Args:
            form: 1 to 16 letters, such as ``"AABA"``.
            section_bars: bars of each letter: 4, 8, 12 or 16; at most 64 in all.
            controls: asked of every clip.
            seed: of the whole piece.
            temperature: of the notes, >= 0.
            latent_temperature: of z, >= 0.
            top_p: see ``DecodeOptions``.
            variation: how far (0 to 1) a repeated letter's noise moves towards a fresh draw.
            prior: as in ``sample``.
            guidance: as in ``sample``.
            key: where it sounds.
            tempo_qpm: quarter notes per minute.
            in_scale: only notes of the key's scale.
            check: called often; may raise to stop.

        Raises:
            ControlError: if the form is not 1 to 16 letters, or longer than 64 bars.
        """
        sections = plan_form(form, section_bars)
        controls = controls or Controls()
        template = self._template(controls, key, tempo_qpm)
        controls = self._with_sound(controls, key, tempo_qpm)
        options = DecodeOptions(temperature=temperature, top_p=top_p, in_scale=in_scale)
        noise = [self.noise([_generator(seed * 1009 + s.index)]) for s in sections]
        clips: list[Clip] = []
        for section in sections:
            eps = noise[section.first]
            if section.first != section.index:
                eps = slerp(eps, noise[section.index], variation)
            placed = replace(template, place=section.place)
            condition = self._asked([replace(controls, place=section.place)], [placed.meter])
            kept = keep_notes(placed, before=clips[-1] if clips else None)
            shown = Rows.pad([kept.shown]).to(self.device)
            eps = latent_temperature * eps
            z, noise_level = self.sampling.draw(condition, shown, eps, prior, guidance)
            clips += self.decode(
                z,
                self.model.control(condition),
                [placed],
                seeds=[seed * 1009 + section.first],
                options=options,
                kept=[kept],
                noise_level=noise_level,
                check=check,
            )
        return clips

    def noise(self, generators: Sequence[torch.Generator]) -> Tensor:
        """Standard normal numbers for z, shape (B, 4, D), each item's from its own generator."""
        shape = (BARS_PER_CLIP, self.model.config.d_latent)
        draws = [torch.randn(shape, generator=generator) for generator in generators]
        return torch.stack(draws).to(self.device)

    # -- conditions --------------------------------------------------------------------------

    @property
    def _role_bits(self) -> int:
        return sum(1 << role for role in self.spec.roles)

    def _tempo_class(self, tempo_qpm: float) -> int:
        return int(self.spec.edges.classify("tempo", np.float64(tempo_qpm)))

    def _template(self, controls: Controls, key: Key | None, tempo_qpm: float | None) -> Clip:
        mode = controls.mode or (key.mode if key else Mode.MAJOR)
        if key is None:
            key = Key(tonic=9 if mode is Mode.MINOR else 0, mode=mode)
        elif controls.mode is not None and key.mode is not mode:
            raise ControlError(f"the key {key} contradicts the mode {mode.value}; change one")
        if tempo_qpm is None:
            tempo_qpm = 100.0
            if controls.tempo is not None:
                tempo_qpm = round(self.spec.edges.middle("tempo", controls.tempo))
        return Clip(key=key, meter=controls.meter or Meter(), tempo_qpm=tempo_qpm)

    def _with_sound(self, controls: Controls, key: Key | None, tempo_qpm: float | None) -> Controls:
        """``controls`` with the mode of the key and the class of the tempo where these are left."""
        if controls.mode is None and key is not None:
            controls = replace(controls, mode=key.mode)
        if controls.tempo is None and tempo_qpm is not None:
            controls = replace(controls, tempo=self._tempo_class(tempo_qpm))
        return controls

    def _asked(self, controls: Sequence[Controls], meters: Sequence[Meter | None]) -> Condition:
        return asked_condition(controls, self.spec, meters).to(self.device)


def _generator(seed: int, stream: int = 0) -> torch.Generator:
    if not 0 <= seed < 2**63:
        raise ControlError(f"seed {seed} is not between 0 and 2^63 - 1")
    return torch.Generator().manual_seed(seed ^ stream)


def _with_rows(template: Clip, rows: Tokens) -> Clip:
    return replace(template, notes=tokens_to_notes(rows, template.meter.steps))


def _repeat(gaussian: DiagonalGaussian, n: int) -> DiagonalGaussian:
    return DiagonalGaussian(
        mu=gaussian.mu.expand(n, -1, -1), logvar=gaussian.logvar.expand(n, -1, -1)
    )


def _relative_tonic(key: Key, mode: Mode) -> int:
    if key.mode is mode:
        return key.tonic
    return (key.tonic + (9 if mode is Mode.MINOR else 3)) % 12
