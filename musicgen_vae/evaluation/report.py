"""The evaluation as a page for people: ``docs/results.md``. One function for each part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import Any

from musicgen_vae.markdown import table
from musicgen_vae.music.clip import Role

_FIELDS = ("step", "role", "pitch", "duration", "velocity")
Figures = Mapping[str, Any]


def results_page(
    result: Figures,
    training: Figures,
    *,
    peers: Figures | None = None,
    curve: Sequence[Figures] = (),
) -> str:
    """Markdown of an evaluation; parts that were not measured are named as such.

    Args:
        result: from ``evaluate``.
        training: how the checkpoint was trained, from its JSON file.
        peers: from ``compare_peers``.
        curve: from ``trade_off``.
    """
    lines = [
        "# Results",
        "",
        "Written by `python -m musicgen_vae evaluate`; do not edit. Intervals are 95 %",
        "bootstraps over songs (of samples without a song, in control and emotion: over clips).",
        "",
        f"- Checkpoint `{result['checkpoint']}`, whose last run took "
        f"{training.get('seconds', 0) / 60:.0f} minutes ({training.get('step', 0):,} steps, "
        f"{training.get('n_clips', 0):,} clips); `checkpoints/README.md` has all of them.",
        f"- Data: split `{result['split']}`, {result['clips']} clips (stride of 4 bars) of "
        f"{result['songs']} songs; no song of it was trained on.",
    ]
    missing = []
    for name, (title, section) in _SECTIONS.items():
        figures = result.get(name)
        if figures is None:
            missing.append(title)
            continue
        lines += ["", f"## {title}", ""]
        if "skipped" in figures:
            lines.append(f"Not measured: {figures['skipped']}.")
            continue
        lines += [*section(figures), "", _stamp(figures)]
    if curve:
        lines += ["", "## Copying against inventing", "", *_trade_off(curve)]
    else:
        missing.append("Copying against inventing")
    if peers:
        lines += ["", "## Peers", "", *_peers(peers)]
    else:
        missing.append("Peers")
    if missing:
        lines += ["", f"Not measured yet: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _stamp(figures: Figures) -> str:
    parts = [f"{figures['seconds']:.0f} s"]
    if figures.get("limit") is not None:
        parts.append(f"at most {figures['limit']} clips")
    parts += [str(figures[key]) for key in ("machine",) if key in figures]
    if "commit" in figures:
        parts.append(f"commit `{figures['commit']}`")
    return f"*{'; '.join(parts)}.*"


def _number(value: float, digits: int = 3) -> str:
    return "–" if value != value else f"{value:.{digits}f}"


def _interval(figures: Figures, key: str, digits: int = 3) -> str:
    low, high = (_number(figures[end], digits) for end in ("low", "high"))
    return f"{_number(figures[key], digits)} ({low} to {high})"


def _reconstruction(figures: Figures) -> list[str]:
    roles = [role.label for role in Role if role.label in figures["all"]["roles"]]
    refined, alone = (
        {"**all**": part["all"], **part["styles"]} for part in (figures, figures["encoder"])
    )
    rows = [
        [
            name,
            f"{one['clips']} / {one['songs']}",
            _interval(one["role_onset_pitch"], "f1"),
            _interval(one["with_duration"], "f1"),
            *(_number(one["roles"].get(role, float("nan"))) for role in roles),
            *(_number(alone[name][key]["f1"]) for key in ("role_onset_pitch", "with_duration")),
        ]
        for name, one in refined.items()
    ]
    return [
        "Most likely notes from the posterior's mean, no kept notes. F1 of notes that agree",
        "in role, exact step and pitch, all notes of the clips together, drums hit by hit;",
        "then with the class of the duration; then of each role alone. The mean is refined by at",
        f"most {figures['refine_steps']} steps down the gradient of the decoder's loss, as "
        "`Composer.reconstruct` does;",
        "the last two columns are those of the encoder alone.",
        "",
        *table(
            [
                "style",
                "clips / songs",
                "F1",
                "F1 with duration",
                *roles,
                "encoder alone",
                "with duration",
            ],
            rows,
        ),
    ]


def _likelihood(figures: Figures) -> list[str]:
    bars = ", ".join(f"{figures[f'kl_bar_{i}']:.1f}" for i in range(1, 5))
    rows = [
        [field, f"{figures[f'{field}_nats']:.1f}", f"{figures[f'{field}_accuracy']:.3f}"]
        for field in _FIELDS
    ]
    rows += [
        ["recon_loss", f"{figures['recon']:.1f}", ""],
        ["kl", f"{figures['kl']:.1f} ({bars} by bar)", ""],
        ["elbo", f"{figures['elbo']:.1f}", ""],
    ]
    return [
        "In nats per clip: one draw of z per clip, unweighted, teacher-forced.",
        "",
        *table(["part", "nats", "share guessed right"], rows),
        "",
        f"Active dimensions of z: {figures['active_dimensions']:.0f} of {figures['dimensions']}.",
    ]


def _samples(figures: Figures) -> list[str]:
    kinds = {"all_controls": "all controls asked", "clip_controls": "those of the clip asked"}
    found = {name: figures[name] for name in kinds if name in figures}
    any_one = next(iter(found.values()))

    def row(name: str, real: str, of: Callable[[Figures], str]) -> list[str]:
        return [name, *(of(one) for one in found.values()), real]

    overlap, copies = any_one["overlap"], any_one["copies"]
    rows = [
        row("overlap of features with test", _number(overlap["training"]),
            lambda o: _number(o["overlap"]["made"])),
        row("… as a ratio to that of training", "1",
            lambda o: _interval(o["overlap"], "ratio")),
        row("overlap of distributions' distances with test", _number(overlap["shapes_training"]),
            lambda o: _number(o["overlap"]["shapes_made"])),
        row("real or made? AUC", _number(any_one["auc"]["training"]),
            lambda o: _number(o["auc"]["made"])),
        row("notes in the key's scale", _number(any_one["in_key"]["test"]),
            lambda o: _number(o["in_key"]["made"])),
        row("mean distance between two clips", _number(any_one["diversity"]["test"]["distance"]),
            lambda o: _number(o["diversity"]["made"]["distance"])),
        row("clips that come twice", _number(any_one["diversity"]["test"]["doubles"]),
            lambda o: _number(o["diversity"]["made"]["doubles"])),
        row("copies of training clips", _number(copies["test"].get("share", float("nan"))),
            lambda o: _number(o["copies"]["made"].get("share", float("nan")))),
        row("nearest training clip: equal notes (median)",
            _number(copies["test"].get("nearest_median", float("nan"))),
            lambda o: _number(o["copies"]["made"].get("nearest_median", float("nan")))),
    ]  # fmt: skip
    features = [
        # A feature that does not vary in one kind of samples is left out there.
        [name, *(_number(o["overlap"]["features"].get(name, nan)) for o in found.values())]
        for name in overlap["features"]
    ]
    return [
        f"{any_one['samples']} samples of each kind. The controls asked are those of training",
        "clips, drawn with them; the yardstick is what as many training clips reach against",
        "the same test clips (for key, distance, doubles and copies: what the test clips",
        "themselves do). Overlapping area of the features' densities after Yang and Lerch",
        "(2020). The AUC is that of gradient boosting, cross-validated by song; .5 is chance.",
        "A copy shares at least 90 % of its 12 or more pitched notes with one of",
        f"{copies['windows']:,} training windows, synthetic ones excluded.",
        "",
        *table(["figure", *(kinds[name] for name in found), "real music"], rows),
        "",
        "Overlap of single features:",
        "",
        *table(["feature", *(kinds[name] for name in found)], features),
    ]


def _control(figures: Figures) -> list[str]:
    names = {"fresh": "fresh", "clip": "of a clip", "steered": "of a clip, steered"}
    rows = []
    controls = [name for name in figures if isinstance(figures[name], Mapping)]
    for control in controls:
        for source, one in figures[control].items():
            side = ", ".join(f"{other} {value:+.2f}" for other, value in one["side"].items())
            rows.append(
                [
                    control,
                    names[source],
                    str(one["bars"]),
                    _interval(one, "spearman"),
                    _number(one["within_one"]),
                    side,
                ]
            )
    return [
        "Each bar is asked a class of one control, drawn evenly; everything else is",
        "unspecified, nothing rejected or edited. z is fresh; or that of a held-out clip; or",
        "the latter steered by the controls (as `transfer` does). Spearman correlation of the",
        "class asked with the value measured; share of bars at most one class off;",
        "correlation of the class asked with each *other* attribute.",
        "",
        *table(["control", "z", "bars", "Spearman", "within one class", "side effects"], rows),
    ]


def _style(figures: Figures) -> list[str]:
    rows = [
        [name, _number(one["real"]), _number(one["made"])]
        for name, one in figures["styles"].items()
    ]
    rows.append(["**mean**", _number(figures["real"]), _number(figures["made"])])
    return [
        "A classifier (gradient boosting on features of notes; tempo and meter unknown",
        "to it) learns real training clips within equal sets of roles. Share told rightly of",
        f"held-out clips, and of samples asked their style and roles ({figures['clips']} each;",
        f"chance {figures['chance']:.2f}).",
        "",
        *table(["style", "real", "samples"], rows),
        "",
        f"Samples / real: {_interval(figures, 'ratio')}.",
    ]


def _emotion(figures: Figures) -> list[str]:
    rows = []
    for judge in figures["judges"]:
        people = judge["taught_by"] == "people"
        who = "listeners (EMOPIA)" if people else "the regression"
        skill = "AUC" if people else "Spearman"
        rows += [
            [
                name,
                who,
                f"{skill} {_number(judge['agreement'][name])}",
                f"{judge[name]['clips']:.0f}",
                _interval(judge[name], "spearman"),
                _interval(judge[f"{name}_real"], "spearman"),
            ]
            for name in ("valence", "arousal")
            if name in judge
        ]
    return [
        "All samples at 100 quarter notes a minute, the class asked drawn evenly, the style",
        "from training clips, everything else unspecified. Judges (gradient boosting on",
        "histograms of notes) see none of the features of the regression that labelled the",
        "training clips. The one taught by the regression learnt what that says of training",
        "clips at this tempo; one taught by listeners learnt what those said of other music, so",
        "that its labels are independent, too. Beside each how well it does on songs that it had",
        "not seen. Spearman correlation",
        "of class and judgement within each style; beside it that of held-out clips brought to",
        "the same tempo, whose class the regression names: what the judge hears of the classes",
        "where they are met to the letter.",
        "",
        *table(
            ["asked", "judge taught by", "on unseen songs", "samples", "Spearman", "real"], rows
        ),
    ]


def _morphs(figures: Figures) -> list[str]:
    names = {
        "forward": "steps that go forward",
        "evenness": "largest step / mean step",
        "in_key": "notes between the ends in the key's scale",
        "cost": "cost of a note between the ends / at the ends",
    }
    paths = [figures["morph"], figures["cross_fade"], figures["cross_fade_chosen"]]
    rows = [
        [name, *(_interval(one[key], "mean") for one in paths)]
        for key, name in names.items()
        if all(key in one for one in paths)
    ]
    for key, name in (
        ("uneven", "morphs whose largest step is over twice the mean"),
        ("near_empty", "morphs with a near-empty step"),
    ):
        rows.append([name, *(_number(one[key]) for one in paths)])
    result = [
        f"{figures['pairs']} pairs of held-out clips of different songs, {figures['steps']}",
        "steps, in A's key. A step goes forward if it moves away from A and towards B (mean",
        "of chroma and onset distance, tolerance .02). Near-empty: fewer than 70 % of the",
        "emptier end's notes. Beside it a cross-fade of the same ends: A's notes leave and",
        "B's come one by one, by lot. The steps of a morph are chosen, among about twice as many,",
        "by the first two figures; in the last column those of the cross-fade are, too.",
        "",
        *table(["figure", "morph", "cross-fade", "cross-fade, chosen likewise"], rows),
    ]
    if "cost" not in figures["morph"]:
        result += ["", "The cost under a separate language model was not measured: none was given."]
    return result


def _completion(figures: Figures) -> list[str]:
    names = {
        "accompany": "accompany a melody",
        "write_melody": "write the melody",
        "fill": "fill bars 2 and 3",
        "continue": "continue from the bar before",
    }
    rows = []
    for task, name in names.items():
        if task not in figures:
            continue
        one = figures[task]
        rows.append(
            [
                name,
                str(one["clips"]),
                *(_interval(one[latent]["nats"], "mean", 2) for latent in ("drawn", "null")),
                *(_interval(one[latent]["pitch_classes"], "mean") for latent in ("drawn", "null")),
            ]
        )
    return [
        "Nats per hidden note of the true notes, and how far the pitch classes of what is",
        "written agree with the true ones, bar by bar (1: the same), with z from the prior",
        "given the kept notes and with the null z.",
        "",
        *table(
            ["task", "clips", "nats", "nats, null z", "pitch classes", "pitch classes, null z"],
            rows,
        ),
    ]


def _trade_off(curve: Sequence[Figures]) -> list[str]:
    def maybe(value: float | None, digits: int = 3) -> str:
        return "–" if value is None else _number(value, digits)

    return [
        "Checkpoints of one run with different weights of the KL (beta), samples asked the",
        "controls of training clips: what reconstruction costs in sample quality. Where they have",
        "no flow their Gaussian prior draws: to be compared with each other, not with a flow.",
        "",
        *table(
            ["checkpoint", "beta", "hours", "F1", "KL", "overlap ratio", "AUC", "in key"],
            [
                [
                    f"{row['folder']} `{row['checkpoint']}`",
                    maybe(row["beta"]),
                    maybe(row["hours"], 2),
                    _number(row["f1"]),
                    _number(row["kl"], 1),
                    *(_number(row[key]) for key in ("overlap", "auc", "in_key")),
                ]
                for row in curve
            ],
        ),
    ]


def _peers(peers: Figures) -> list[str]:
    names = {
        "ours": "this model",
        "gru_vae": "hierarchical recurrent VAE (after MusicVAE)",
        "language_model": "language model without z",
        "riffly": "riffly, melodies in 4/4 alone",
        "ours_on_melodies": "this model on the same melodies",
    }
    rows = []
    for key, name in names.items():
        if key not in peers:
            continue
        one = peers[key]
        parameters, steps = one.get("parameters"), one.get("steps")
        if "noise_level" in one:
            name += f", samples with noise level {one['noise_level']:g}"
        rows.append(
            [
                name,
                f"{parameters:,}" if parameters else "",
                f"{steps:,}" if steps else "",
                f"{one['minutes']:g}",
                one.get("trained_on", one["machine"]),
                _interval(one["f1"], "f1") if "f1" in one else "",
                _interval(one["overlap"], "ratio") if "overlap" in one else "",
                _number(one["auc"]) if "auc" in one else "",
            ]
        )
    stamps = sorted(
        {
            f"{one['machine']}; at most {one['clips']} clips; commit `{one['commit']}`"
            for one in peers.values()
        }
    )
    return [
        "Each trained from nothing for the same time on the same batches; ours spends 15 % of it",
        "on its sampling prior. F1 of role, exact step and pitch; overlap of the samples' features",
        "as a ratio to that of training clips; AUC of real or made.",
        "",
        *table(
            ["model", "parameters", "steps", "minutes", "on", "F1", "overlap ratio", "AUC"], rows
        ),
        "",
        f"*Measured on {' / '.join(stamps)}.*",
    ]


_SECTIONS: dict[str, tuple[str, Callable[[Figures], list[str]]]] = {
    "reconstruction": ("Reconstruction", _reconstruction),
    "likelihood": ("ELBO", _likelihood),
    "samples": ("Samples", _samples),
    "control": ("Control", _control),
    "style": ("Style", _style),
    "emotion": ("Emotion", _emotion),
    "morphs": ("Morphs", _morphs),
    "completion": ("Completion", _completion),
}
