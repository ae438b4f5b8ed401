"""How new music is drawn unless asked otherwise: by ``Composer``, command line and page alike.

Apart from ``Composer`` because the page and the parser are made before PyTorch is imported.
"""

TEMPERATURE, LATENT_TEMPERATURE = 1.0, 1.0
"""Of the notes and of z; see docs/log.md on colder ones."""
TOP_P = 0.9
"""Of the notes: see ``DecodeOptions``."""
NOISE_LEVEL, NOISE_LEVEL_OF_ONE_ATTRIBUTE = 0.75, 0.3125
"""Of drawn z, in sixteenths: what the flow leaves to the decoder; less where one attribute is asked
that nothing else tells of."""
DEFAULT_GUIDANCE = 13.0
"""Of the flow: with it polyphony, the hardest control, follows at .93 (Spearman, docs/log.md)."""
STEER_GUIDANCE = 8.0
"""Of the flow where a clip is given other controls (docs/log.md)."""
MORPH_NOISE_LEVEL, MORPH_SPREAD = 0.38, 0.85
"""Of z half-way between two clips, as the decoder is told; and by how much of the way the last bar
is ahead of the first there (docs/log.md)."""
REFINE_STEPS, RECONSTRUCT_STEPS = 8, 24
"""At most, by which an encoded clip is brought nearer to itself before it is changed; and where it
is to come back as it is (docs/log.md)."""
