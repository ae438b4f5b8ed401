"""How new music is drawn unless asked otherwise: by ``Composer``, command line and page alike.

Apart from ``Composer`` because the page and the parser are made before PyTorch is imported.
"""

TEMPERATURE, LATENT_TEMPERATURE = 0.6, 0.8
"""Of the notes and of z: at 1, the model's own, melodies leap twice as often (docs/log.md)."""
DEFAULT_GUIDANCE = 8.0
"""Of the flow: bars follow the density asked at .97 (Spearman), with 3 at .92 (docs/log.md)."""
