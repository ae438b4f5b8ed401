"""What samples are like beside real music: overlap, diversity, key, copies, and whether they pass.

Every figure of the samples stands beside that of as many training clips, both measured against the
same held-out clips: what real music itself reaches is the yardstick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from musicgen_vae.evaluation.copies import MIN_NOTES, NoteIndex, copy_figures, note_codes
from musicgen_vae.evaluation.features import (
    SCALARS,
    histogram_tables,
    in_key_share,
    scalar_table,
    texture_table,
)
from musicgen_vae.evaluation.held_out import ClipSet
from musicgen_vae.evaluation.overlap import (
    distance_overlaps,
    mean_overlap,
    overlap_ratio_interval,
    value_overlaps,
)
from musicgen_vae.evaluation.real_or_made import real_or_made_auc
from musicgen_vae.generation.composer import Composer
from musicgen_vae.model.controls import BAR_CONTROLS, Controls
from musicgen_vae.music.clip import Clip, Mode, Place

_EQUAL = 0.9


def controls_of(composer: Composer, clips: ClipSet, *, bars: bool) -> list[Controls]:
    """The measured controls of clips as what could be asked: a draw of the marginal p(c).

    Args:
        composer: whose classes count.
        clips: drawn from the training clips.
        bars: whether the controls of each bar are asked too, or those of the clip alone.
    """
    encoded = composer.encode(clips.clips, clips.styles).condition
    spec, modes, places = composer.spec, tuple(Mode), tuple(Place)
    result = []
    for clip, of_clip, of_bars in zip(
        clips.clips, encoded.clip.tolist(), encoded.bar.tolist(), strict=True
    ):
        values: dict[str, Any] = {
            name: None if value == 0 else value - 1
            for name, value in zip(spec.clip_controls, of_clip, strict=True)
        }
        values["style"] = None if values["style"] is None else spec.styles[values["style"]]
        values["mode"] = None if values["mode"] is None else modes[values["mode"]]
        values["place"] = None if values["place"] is None else places[values["place"]]
        values["meter"] = clip.meter
        if bars:
            for column, name in enumerate(BAR_CONTROLS):
                classes = [None if bar[column] == 0 else bar[column] - 1 for bar in of_bars]
                values[name] = tuple(classes)
        result.append(Controls(**values))
    return result


def diversity(clips: Sequence[Clip]) -> dict[str, float]:
    """How different clips are from each other, by their pitched notes' (step, pitch).

    Returns:
        ``distance``: mean over all pairs of 1 - shared / united notes; ``doubles``: share of the
        clips of which another one has at least 90 % of the notes.
    """
    codes = [found for clip in clips if len(found := note_codes(clip)) >= MIN_NOTES]
    if len(codes) < 2:
        return {"distance": float("nan"), "doubles": float("nan")}
    rows = np.repeat(np.arange(len(codes)), [len(c) for c in codes])
    columns = np.concatenate(codes)
    matrix = csr_matrix(
        (np.ones(len(columns), dtype=np.int32), (rows, columns)),
        shape=(len(codes), int(columns.max()) + 1),
    )
    shared = (matrix @ matrix.T).toarray().astype(np.float64)
    sizes = np.diag(shared).copy()
    united = sizes[:, None] + sizes - shared
    upper = np.triu_indices(len(codes), 1)
    np.fill_diagonal(shared, 0.0)
    return {
        "distance": float(np.mean(1.0 - shared[upper] / united[upper])),
        "doubles": float(((shared / sizes[:, None]).max(axis=1) >= _EQUAL).mean()),
    }


def compare(
    made: Sequence[Clip], training: ClipSet, test: ClipSet, index: NoteIndex | None = None
) -> dict[str, Any]:
    """All figures of a set of samples.

    Args:
        made: the samples.
        training: as many real clips that were trained on.
        test: real clips that were not.
        index: of the training windows, for copies.

    Returns:
        ``overlap``: ``made``, ``training`` (mean area over ``SCALARS``, each with test), ``ratio``
        with ``low`` and ``high``, ``shapes_made``, ``shapes_training`` (distributions, by Yang and
        Lerch) and ``features`` of the samples; ``diversity``, ``in_key`` and, with an index,
        ``copies``, each for made, training or test; ``auc``: telling ``made`` from test and
        ``training`` from test.
    """
    tables = {
        name: scalar_table(clips)
        for name, clips in (("made", made), ("training", training.clips), ("test", test.clips))
    }
    shapes = {
        name: histogram_tables(clips)
        for name, clips in (("made", made), ("training", training.clips), ("test", test.clips))
    }
    # What is the same everywhere, such as drums where nobody plays any, tells nothing.
    together = np.concatenate(list(tables.values()))
    varies = [
        column
        for column in range(len(SCALARS))
        if len(np.unique(together[np.isfinite(together[:, column]), column])) > 1
    ]
    names = [SCALARS[column] for column in varies]
    tables = {name: table[:, varies] for name, table in tables.items()}
    features = {
        name: value_overlaps(tables[name], tables["test"], names) for name in ("made", "training")
    }
    overlap: dict[str, Any] = {name: mean_overlap(values) for name, values in features.items()}
    overlap["ratio"] = overlap["made"] / overlap["training"]
    overlap["low"], overlap["high"] = overlap_ratio_interval(
        tables["made"], tables["training"], tables["test"], test.songs
    )
    for name in ("made", "training"):
        overlap[f"shapes_{name}"] = mean_overlap(distance_overlaps(shapes[name], shapes["test"]))
    overlap["features"] = features["made"]
    real = texture_table(test.clips)
    result: dict[str, Any] = {
        "samples": len(made),
        "overlap": overlap,
        "diversity": {"made": diversity(made), "test": diversity(test.clips)},
        "in_key": {"made": in_key_share(made), "test": in_key_share(test.clips)},
        "auc": {
            "made": real_or_made_auc(real, texture_table(made), test.songs),
            "training": real_or_made_auc(
                real, texture_table(training.clips), test.songs, training.songs
            ),
        },
        "empty": float(np.mean([not clip.notes for clip in made])),
    }
    if index is not None:
        result["copies"] = {
            "windows": index.n_windows,
            "made": copy_figures(index, made),
            "test": copy_figures(index, test.clips),
        }
    return result


def draw_samples(
    composer: Composer, training: ClipSet, *, bars: bool, seed: int = 2000
) -> list[Clip]:
    """One sample for each training clip, asked its controls at its tempo and in its mode."""
    controls = controls_of(composer, training, bars=bars)
    return composer.sample_each(controls, seeds=[seed + i for i in range(len(controls))])
