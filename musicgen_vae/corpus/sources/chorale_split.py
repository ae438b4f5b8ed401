"""Which chorales are for testing: those of the usual "JSB chorales" test set.

The set (Allan and Williams, "Harmonising Chorales by Probabilistic Inference", 2005, in the split
of Boulanger-Lewandowski et al., "Modeling Temporal Dependencies in High-Dimensional Sequences",
2012) gives 77 chorales as numbers without names. They were named by comparing the outer voices of
their first chords, moved to any key, with music21's chorales: 75 agree in at least 18 of 20 notes
with the chorale listed here and most of them in all. One agrees in 16 with BWV 244.10, which
another one is; one (the fifth in minor) is like no chorale in music21. Where several files begin
alike, all are listed.

Other settings of the same hymns are for validation, so that no melody that is tested is learnt.
This module knows catalogue numbers only.
"""

from __future__ import annotations

from collections.abc import Mapping

JSB_TEST = frozenset(
    """
    1.6 7.7 9.7 11.6 12.7 32.6 36.8-2 37.6 39.7 40.8 41.6 43.11 56.5 57.8 60.5 64.4 65.7 69.6-a
    78.7 85.6 87.7 90.5 93.7 94.8 99.6 102.7 104.6 112.5 112.5-sc 114.7 120.8-a 126.6 136.6 137.5
    144.6 145-a 148.6 153.9 159.5 171.6 172.6 174.5 178.7 184.5 185.6 197.5 197.10 244.3 244.10
    245.5 245.14 245.15 245.37 248.17 248.46-5 248.53-5 256 270 276 289 290 291 292 294 298 306
    311 316 317 326 327 331 338 339 340 350 361 366 371 393 404 405 410 419 429 430 431
    """.split()
)
"""Numbers in Schmieder's catalogue, as music21 names its files after "bwv"."""
_SAME_HYMNS = frozenset(
    """
    31.9 52.6 72.6 92.9 95.7 97.9 111.6 128.5 130.6 135.6 149.7 188.6 190.7-inst 197.7-a 227.3
    244.17 248.9-s 248.23-s 248.64-s
    """.split()
)
"""Files without a first line in music21's lists whose melody begins like one of the above."""


def split_of_chorale(number: str, first_lines: Mapping[str, str]) -> str:
    """The split of a chorale.

    Args:
        number: such as "153.9".
        first_lines: of the hymns, by number, as far as they are known.
    """
    if number in JSB_TEST:
        return "test"
    tested = {first_lines[other] for other in JSB_TEST if other in first_lines}
    return "validation" if number in _SAME_HYMNS or first_lines.get(number) in tested else "train"
