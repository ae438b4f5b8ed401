"""The public face: a trained model whose verbs take and return clips.

Every verb is deterministic: clip number i of a call with ``seed`` uses its own generator, seeded
with ``seed + i``, so a clip can be made again alone. This module knows clips, controls and z; it
does not know files of music, sound or pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from musicgen_vae.errors import ClipError, ControlError
from musicgen_vae.generation.decoding import (
    DecodeItem,
    DecodeOptions,
    before_rows,
    decode,
)
from musicgen_vae.generation.latent import lerp, slerp, unwhiten, whiten
from musicgen_vae.model.checkpoint import Checkpoint, load_checkpoint
from musicgen_vae.model.controls import (
    BAR_CONTROLS,
    Controls,
    ControlSpec,
    measured_arrays,
)
from musicgen_vae.model.distributions import DiagonalGaussian
from musicgen_vae.model.flow import FlowCondition
from musicgen_vae.model.losses import field_losses
from musicgen_vae.model.vae import Condition, Rows
from musicgen_vae.music.attributes import clip_repetition, measure
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
from musicgen_vae.music.emotion import estimate_emotion
from musicgen_vae.music.key import rank_keys
from musicgen_vae.music.tokens import Tokens, clip_to_tokens, note_rows, tokens_to_notes

KeyChoice = Literal["a", "b", "switch"]
LatentPath = Literal["line", "circle"]
PriorChoice = Literal["gaussian", "flow"]
DEFAULT_GUIDANCE = 2.0
"""With it samples follow the density asked at .89 (Spearman) where 1 gives .79 (docs/log.md)."""
CHECKPOINT_FOLDER = Path(__file__).resolve().parents[2] / "checkpoints"
_ALL_ROLES = (1 << len(Role)) - 1
_ENCODE_BATCH = 32
_FEW_BARS = 8

Check = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Clips as the encoder sees them.

    Attributes:
        posterior: q(z|x,c), each tensor of shape (B, 4, D).
        prior: p(z|c) at the same measured controls.
        control: from the control network, shape (B, 4, d_model).
    """

    posterior: DiagonalGaussian
    prior: DiagonalGaussian
    control: Tensor


class Composer:
    """Make, encode and change music with one model."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.model = checkpoint.model
        self.spec: ControlSpec = checkpoint.model.spec
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
            "controls": {
                **dict(zip(spec.clip_controls, spec.clip_sizes, strict=True)),
                **dict(zip(BAR_CONTROLS, spec.bar_sizes, strict=True)),
            },
            "training": dict(self.checkpoint.training),
        }

    # -- encode and decode -------------------------------------------------------------------

    def fit(self, clip: Clip) -> Clip:
        """The part of ``clip`` that the model can read: notes of the roles it was trained on.

        Raises:
            ClipError: if no note is left.
        """
        fitted = clip.keep(self.spec.roles)
        if not fitted.notes:
            names = ", ".join(role.label for role in self.spec.roles)
            raise ClipError(
                f"these bars have no notes that the model can read (it knows {names}); "
                "choose other bars or another file"
            )
        return fitted

    @torch.inference_mode()
    def encode(self, clips: Sequence[Clip]) -> Encoded:
        """Posterior and prior of each clip at its measured controls.

        Raises:
            ClipError: if a clip has no note the model can read, or too many.
        """
        parts = []
        for begin in range(0, len(clips), _ENCODE_BATCH):
            chosen = [self.fit(clip) for clip in clips[begin : begin + _ENCODE_BATCH]]
            condition = self._measured(chosen)
            rows = Rows.pad([clip_to_tokens(clip) for clip in chosen]).to(self.device)
            parts.append(
                (
                    self.model.posterior(rows, condition),
                    self.model.prior(condition, Rows.none(len(chosen), self.device)),
                    self.model.control(condition),
                )
            )
        posteriors, priors, controls = zip(*parts, strict=True)
        return Encoded(
            posterior=_concatenate(posteriors),
            prior=_concatenate(priors),
            control=torch.cat(controls),
        )

    @torch.inference_mode()
    def elbo(self, clips: Sequence[Clip]) -> Tensor:
        """How well the model knows each clip: the ELBO at the posterior's mean, in nats, (B,).

        Raises:
            ClipError: if a clip has no note the model can read, or too many.
        """
        chosen = [self.fit(clip) for clip in clips]
        encoded = self.encode(chosen)
        condition = self._measured(chosen)
        rows = Rows.pad([clip_to_tokens(clip) for clip in chosen]).to(self.device)
        none = Rows.none(len(chosen), self.device)
        prefix = self.model.prefix(encoded.posterior.mode(), condition, none)
        logits, target, clip_index = self.model.decoder(prefix, rows, condition.bar_steps)
        losses = field_losses(logits, target, clip_index, len(chosen))
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
        clips = [
            [clip for clip in each.clips() if clip.keep(self.spec.roles).notes] for each in keyed
        ]
        if not clips[0]:
            return piece
        known = [float(self.elbo(each).sum()) for each in clips]
        return keyed[known.index(max(known))]

    def decode(
        self,
        z: Tensor,
        control: Tensor,
        templates: Sequence[Clip],
        *,
        seeds: Sequence[int] | None = None,
        options: DecodeOptions | None = None,
        check: Check | None = None,
    ) -> list[Clip]:
        """Clips from z.

        Args:
            z: shape (B, 4, D).
            control: as in ``Encoded``, shape (B, 4, d_model).
            templates: meter, key, tempo, programs and number of bars of each clip.
            seeds: of each clip's notes; None takes the most likely notes.
            options: how to draw; by default greedy without seeds.
            check: called often; may raise to stop.
        """
        if options is None:
            options = DecodeOptions() if seeds is not None else DecodeOptions(temperature=0.0)
        none = np.zeros((0, 6), dtype=np.int16)
        items = [
            DecodeItem(
                z=z[i],
                control=control[i],
                kept=none,
                kept_roles=(0,) * BARS_PER_CLIP,
                roles=self._role_bits,
                bar_steps=template.meter.steps,
                n_bars=template.n_bars,
                generator=_generator(seeds[i]) if seeds is not None else None,
            )
            for i, template in enumerate(templates)
        ]
        rows = decode(self.model.decoder, items, options, check)
        return [_with_rows(t, r) for t, r in zip(templates, rows, strict=True)]

    def reconstruct(self, clips: Sequence[Clip], check: Check | None = None) -> list[Clip]:
        """Each clip encoded and decoded again: the most likely notes from the posterior's mean."""
        encoded = self.encode(clips)
        return self.decode(encoded.posterior.mode(), encoded.control, clips, check=check)

    # -- make --------------------------------------------------------------------------------

    @torch.inference_mode()
    def sample(
        self,
        controls: Controls | None = None,
        *,
        n: int = 1,
        seed: int = 0,
        temperature: float = 1.0,
        latent_temperature: float = 1.0,
        top_p: float = 0.95,
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
            key: where it sounds; by default C major or A minor.
            tempo_qpm: by default from the tempo class asked, else 100.
            in_scale: only notes of the key's scale.
            check: called often; may raise to stop.
        """
        controls = controls or Controls()
        seeds = [seed + i for i in range(n)]
        template = self._template(controls, key, tempo_qpm)
        condition = self._asked(controls, template.meter).repeat(n)
        control = self.model.control(condition)
        generators = [_generator(s) for s in seeds]
        noise = latent_temperature * self._noise(generators)
        z = self._draw(condition, Rows.none(n, self.device), noise, prior, guidance)
        return self.decode(
            z,
            control,
            [template] * n,
            seeds=seeds,
            options=DecodeOptions(temperature=temperature, top_p=top_p, in_scale=in_scale),
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
        encoded = self.encode([clip])
        eps = whiten(encoded.posterior.mode(), encoded.prior)
        seeds = [seed + i for i in range(n)]
        noise = self._noise([_generator(s) for s in seeds])
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

    @torch.inference_mode()
    def interpolate(
        self,
        a: Clip,
        b: Clip,
        *,
        steps: int = 9,
        key: KeyChoice = "a",
        path: LatentPath = "line",
        check: Check | None = None,
    ) -> list[Clip]:
        """A morph from ``a`` to ``b``: ``steps`` clips, the ends being reconstructions.

        Controls move in a line; z moves in coordinates whitened by the prior, so that half-way
        means half-way between what is peculiar to each clip, at controls between theirs.

        Args:
            a: one end.
            b: the other end.
            steps: 2 or more.
            key: whose key and meter: a's, b's, or a's in the first half and b's in the second.
            path: a straight line or a great circle.
            check: called often; may raise to stop.
        """
        if steps < 2:
            raise ControlError(f"a morph needs at least 2 steps, not {steps}")
        encoded = self.encode([a, b])
        eps = whiten(encoded.posterior.mode(), encoded.prior)
        shares = [i / (steps - 1) for i in range(steps)]
        templates = [_between(a, b, share, key) for share in shares]
        move = lerp if path == "line" else slerp
        moved = torch.stack([move(eps[0], eps[1], share) for share in shares])
        control = torch.stack(
            [lerp(encoded.control[0], encoded.control[1], share) for share in shares]
        )
        bar_steps = torch.tensor([t.meter.steps for t in templates], device=self.device)
        none = Rows.none(steps, self.device)
        prior = self.model.encoder(none, control, bar_steps, partial=True)[0]
        return self.decode(unwhiten(moved, prior), control, templates, check=check)

    @torch.inference_mode()
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
        temperature: float = 0.9,
        latent_temperature: float = 0.8,
        check: Check | None = None,
    ) -> list[Clip]:
        """Keep some notes, write the rest anew: accompany, harmonise, fill, continue.

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
            check: called often; may raise to stop.

        Raises:
            ControlError: if a bar is outside the clip or nothing is left to write.
        """
        clip = clip.keep(self.spec.roles)
        rewrite = set(range(BARS_PER_CLIP) if bars is None else bars)
        if not rewrite <= set(range(clip.n_bars)) and bars is not None:
            raise ControlError(f"bars to rewrite must lie in 1 to {clip.n_bars}")
        kept_bits = sum(1 << role for role in set(keep))
        kept_roles = tuple(
            kept_bits if bar in rewrite else _ALL_ROLES for bar in range(BARS_PER_CLIP)
        )
        if not self._role_bits & ~kept_bits or not rewrite:
            raise ControlError("nothing is left to write: keep fewer roles or rewrite more bars")
        rows = np.array(note_rows(clip), dtype=np.int16).reshape(-1, 6)
        kept = rows[[bool(kept_roles[bar] >> role & 1) for _, role, _, _, _, bar in rows.tolist()]]
        shown = kept
        if before is not None:
            context = np.array(note_rows(before), dtype=np.int16).reshape(-1, 6)
            shown = np.concatenate([before_rows(context), kept])
        controls = controls or Controls()
        asked = replace(controls, mode=controls.mode or clip.key.mode)
        asked = replace(asked, tempo=self._tempo_class(clip.tempo_qpm))
        condition = replace(
            self._asked(asked, clip.meter).repeat(n),
            kept_roles=torch.tensor(kept_roles, device=self.device).expand(n, -1),
        )
        control = self.model.control(condition)
        seeds = [seed + i for i in range(n)]
        generators = [_generator(s) for s in seeds]
        kept_rows = Rows.pad([shown] * n).to(self.device)
        z = self._draw(condition, kept_rows, latent_temperature * self._noise(generators))
        items = [
            DecodeItem(
                z=z[i],
                control=control[i],
                kept=shown,
                kept_roles=kept_roles,
                roles=self._role_bits,
                bar_steps=clip.meter.steps,
                n_bars=clip.n_bars,
                generator=_generator(seeds[i]),
            )
            for i in range(n)
        ]
        made = decode(self.model.decoder, items, DecodeOptions(temperature=temperature), check)
        return [_with_rows(clip, np.concatenate([kept, new])) for new in made]

    @torch.inference_mode()
    def transfer(
        self,
        clip: Clip,
        controls: Controls,
        *,
        seed: int | None = None,
        temperature: float = 0.7,
        check: Check | None = None,
    ) -> Clip:
        """``clip`` with other controls: what is peculiar to it (eps) stays, c is replaced.

        Controls that are not given stay as measured on the clip.

        Args:
            clip: the original.
            controls: what should change.
            seed: of the notes; None takes the most likely ones.
            temperature: of the notes, where a seed is given.
            check: called often; may raise to stop.
        """
        encoded = self.encode([clip])
        eps = whiten(encoded.posterior.mode(), encoded.prior)
        measured = self._measured([self.fit(clip)])
        asked = self._asked(controls, None)
        condition = replace(
            measured,
            clip=torch.where(asked.clip > 0, asked.clip, measured.clip),
            bar=torch.where(asked.bar > 0, asked.bar, measured.bar),
        )
        control = self.model.control(condition)
        prior = self.model.prior(condition, Rows.none(1, self.device))
        mode = controls.mode or clip.key.mode
        # Relative keys share their notes: C major becomes A minor, not C minor.
        relative = Key(tonic=_relative_tonic(clip.key, mode), mode=mode)
        return self.decode(
            unwhiten(eps, prior),
            control,
            [replace(clip, key=relative)],
            seeds=None if seed is None else [seed],
            options=DecodeOptions(temperature=0.0 if seed is None else temperature),
            check=check,
        )[0]

    @torch.inference_mode()
    def compose(
        self,
        form: str = "AABA",
        *,
        controls: Controls | None = None,
        seed: int = 0,
        temperature: float = 0.9,
        latent_temperature: float = 0.9,
        variation: float = 0.1,
        prior: PriorChoice | None = None,
        guidance: float | None = None,
        key: Key | None = None,
        tempo_qpm: float | None = None,
        check: Check | None = None,
    ) -> list[Clip]:
        """A longer piece: one clip per letter; the same letter takes nearly the same z.

        The last bar of each clip is context for the next, so that they connect.

        Args:
            form: 1 to 16 letters, such as ``"AABA"``.
            controls: asked of every clip.
            seed: of the whole piece.
            temperature: of the notes, >= 0.
            latent_temperature: of z, >= 0.
            variation: how far (0 to 1) a repeated letter's noise moves towards a fresh draw.
            prior: as in ``sample``.
            guidance: as in ``sample``.
            key: where it sounds.
            tempo_qpm: quarter notes per minute.
            check: called often; may raise to stop.

        Raises:
            ControlError: if the form is not 1 to 16 letters.
        """
        letters = form.strip().upper()
        if not 1 <= len(letters) <= 16 or not letters.isalpha():
            raise ControlError(f"form {form!r} is not 1 to 16 letters, such as AABA")
        controls = controls or Controls()
        template = self._template(controls, key, tempo_qpm)
        noise: dict[str, Tensor] = {}
        clips: list[Clip] = []
        for index, letter in enumerate(letters):
            generator = _generator(seed * 1009 + index)
            fresh = self._noise([generator])
            eps = slerp(noise[letter], fresh, variation) if letter in noise else fresh
            noise.setdefault(letter, fresh)
            place = _place(index, len(letters))
            asked = replace(controls, place=place)
            condition = self._asked(asked, template.meter)
            control = self.model.control(condition)
            context = np.zeros((0, 6), dtype=np.int16)
            if clips:
                rows = np.array(note_rows(clips[-1]), dtype=np.int16).reshape(-1, 6)
                context = before_rows(rows)
            kept = Rows.pad([context]).to(self.device)
            z = self._draw(condition, kept, latent_temperature * eps, prior, guidance)
            item = DecodeItem(
                z=z[0],
                control=control[0],
                kept=context,
                kept_roles=(0,) * BARS_PER_CLIP,
                roles=self._role_bits,
                bar_steps=template.meter.steps,
                n_bars=BARS_PER_CLIP,
                generator=generator,
            )
            options = DecodeOptions(temperature=temperature)
            rows = decode(self.model.decoder, [item], options, check)[0]
            clips.append(_with_rows(replace(template, place=place), rows))
        return clips

    def _draw(
        self,
        condition: Condition,
        kept: Rows,
        noise: Tensor,
        prior: PriorChoice | None = None,
        guidance: float | None = None,
    ) -> Tensor:
        """One z for each item from p(z|c,k): where the prior takes its noise, shape (B, 4, D).

        Raises:
            ControlError: if the flow is asked for and the checkpoint has none, or guidance is
                asked of the Gaussian.
        """
        flow = self.checkpoint.flow
        if prior == "flow" and flow is None:
            raise ControlError("this checkpoint has no flow prior; choose the Gaussian one")
        if flow is None or prior == "gaussian":
            if guidance not in (None, 1.0):
                raise ControlError(
                    "guidance needs the flow prior; leave it at 1 or choose the flow"
                )
            return unwhiten(noise, self.model.prior(condition, kept))
        guidance = DEFAULT_GUIDANCE if guidance is None else guidance
        free = None
        if guidance != 1.0:
            free = self._flow_condition(
                replace(
                    condition,
                    clip=torch.zeros_like(condition.clip),
                    bar=torch.zeros_like(condition.bar),
                ),
                kept,
            )
        return flow.sample(
            self._flow_condition(condition, kept), noise, guidance=guidance, free=free
        )

    def _noise(self, generators: Sequence[torch.Generator]) -> Tensor:
        """Standard normal numbers for z, shape (B, 4, D), each item's from its own generator."""
        shape = (BARS_PER_CLIP, self.model.config.d_latent)
        draws = [torch.randn(shape, generator=generator) for generator in generators]
        return torch.stack(draws).to(self.device)

    def _flow_condition(self, condition: Condition, kept: Rows) -> FlowCondition:
        return FlowCondition(
            control=self.model.control(condition), prior=self.model.prior(condition, kept)
        )

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

    def _measured(self, clips: Sequence[Clip]) -> Condition:
        """The clips' measured controls."""
        style = self.spec.styles[0] if len(self.spec.styles) == 1 else None
        arrays = [
            measured_arrays(
                measure(clip),
                self.spec,
                style=style,
                mode=clip.key.mode,
                meter=clip.meter,
                tempo_qpm=clip.tempo_qpm,
                place=clip.place,
                emotion=estimate_emotion(clip),
                repetition=clip_repetition(clip),
            )
            for clip in clips
        ]
        return Condition(
            clip=torch.from_numpy(np.stack([clip for clip, _ in arrays])),
            bar=torch.from_numpy(np.stack([bar for _, bar in arrays])),
            kept_roles=torch.zeros(len(clips), BARS_PER_CLIP, dtype=torch.long),
            bar_steps=torch.tensor([clip.meter.steps for clip in clips]),
        ).to(self.device)

    def _asked(self, controls: Controls, meter: Meter | None) -> Condition:
        """The controls asked of one clip; the meter is known wherever notes are to be placed."""
        if meter is not None:
            controls = replace(controls, meter=meter)
        clip, bar = controls.arrays(self.spec)
        return Condition(
            clip=torch.from_numpy(clip)[None],
            bar=torch.from_numpy(bar)[None],
            kept_roles=torch.zeros(1, BARS_PER_CLIP, dtype=torch.long),
            bar_steps=torch.tensor([(meter or Meter()).steps]),
        ).to(self.device)


def _generator(seed: int) -> torch.Generator:
    if not 0 <= seed < 2**63:
        raise ControlError(f"seed {seed} is not between 0 and 2^63 - 1")
    return torch.Generator().manual_seed(seed)


def _with_rows(template: Clip, rows: Tokens) -> Clip:
    return replace(template, notes=tokens_to_notes(rows, template.meter.steps))


def _concatenate(parts: Sequence[DiagonalGaussian]) -> DiagonalGaussian:
    return DiagonalGaussian(
        mu=torch.cat([p.mu for p in parts]), logvar=torch.cat([p.logvar for p in parts])
    )


def _repeat(gaussian: DiagonalGaussian, n: int) -> DiagonalGaussian:
    return DiagonalGaussian(
        mu=gaussian.mu.expand(n, -1, -1), logvar=gaussian.logvar.expand(n, -1, -1)
    )


def _place(index: int, n: int) -> Place:
    if index == 0:
        return Place.START
    return Place.END if index == n - 1 else Place.MIDDLE


def _relative_tonic(key: Key, mode: Mode) -> int:
    if key.mode is mode:
        return key.tonic
    return (key.tonic + (9 if mode is Mode.MINOR else 3)) % 12


def _between(a: Clip, b: Clip, share: float, key: KeyChoice) -> Clip:
    """Everything but the notes of the clip a ``share`` of the way from ``a`` to ``b``."""
    frame = {"a": a, "b": b, "switch": a if share < 0.5 else b}[key]
    near, far = (a, b) if share < 0.5 else (b, a)
    programs = [
        (near if role in near.roles or role not in far.roles else far).programs[role]
        for role in Role
    ]
    return Clip(
        meter=frame.meter,
        key=frame.key,
        tempo_qpm=float(a.tempo_qpm ** (1 - share) * b.tempo_qpm**share),
        programs=(programs[0], programs[1], programs[2], programs[3]),
        n_bars=max(a.n_bars, b.n_bars),
    )
