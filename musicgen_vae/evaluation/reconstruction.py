"""How much of a clip comes back when it is encoded and decoded: note F1 by role and style.

Most likely notes from the posterior's mean, k empty. Drums count hit by hit. This module knows
originals and copies; it does not know models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from musicgen_vae.evaluation.metrics import Hits, micro_f1, note_hits, song_interval
from musicgen_vae.music.clip import Clip, Role


def reconstruction_figures(
    originals: Sequence[Clip], copies: Sequence[Clip], songs: Sequence[str], styles: Sequence[str]
) -> dict[str, Any]:
    """F1 over all clips and those of each style.

    Returns:
        ``all`` and ``styles`` (name to the same): ``clips``, ``songs``; ``role_onset_pitch`` and
        ``with_duration``, each with ``f1``, ``low`` and ``high``; ``roles`` (name to F1 of exact
        step and pitch, of roles that the originals have).
    """
    styles_of = {
        style: [i for i, one in enumerate(styles) if one == style] for style in sorted(set(styles))
    }

    def figures(chosen: Sequence[int]) -> dict[str, Any]:
        return _figures(
            [originals[i] for i in chosen],
            [copies[i] for i in chosen],
            [songs[i] for i in chosen],
        )

    return {
        "all": figures(range(len(originals))),
        "styles": {style: figures(chosen) for style, chosen in styles_of.items()},
    }


def _figures(
    originals: Sequence[Clip], copies: Sequence[Clip], songs: Sequence[str]
) -> dict[str, Any]:
    pairs = list(zip(originals, copies, strict=True))
    result: dict[str, Any] = {"clips": len(pairs), "songs": len(set(songs))}
    for name, with_duration in (("role_onset_pitch", False), ("with_duration", True)):
        hits = [note_hits(a, b, with_duration=with_duration) for a, b in pairs]
        low, high = song_interval(hits, songs)
        result[name] = {"f1": micro_f1(hits), "low": low, "high": high}
    result["roles"] = {
        role.label: micro_f1(hits) for role in Role if (hits := _of_role(pairs, role))
    }
    return result


def _of_role(pairs: Sequence[tuple[Clip, Clip]], role: Role) -> list[Hits]:
    """Hits of one role; nothing where no original has it."""
    hits = [note_hits(a.keep([role]), b.keep([role])) for a, b in pairs]
    return hits if any(hit.true for hit in hits) else []
