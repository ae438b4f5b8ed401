"""Whether a classifier can tell made clips from real ones: area under the ROC curve.

Gradient boosting on ``features.texture_table``, cross-validated so that clips of one song never
stand on both sides; .5 is chance, 1 means that every made clip gives itself away (classifier
two-sample test, Lopez-Paz and Oquab, ICLR 2017). This module knows tables; it does not know models.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def real_or_made_auc(
    real: FloatArray,
    made: FloatArray,
    real_songs: Sequence[str],
    made_songs: Sequence[str] | None = None,
    *,
    n_folds: int = 5,
    seed: int = 0,
) -> float:
    """AUC over all clips, each judged by a classifier that saw none of its song; .5 to 1 mostly.

    Args:
        real: features, shape (n, F).
        made: features, shape (m, F).
        real_songs: song of each real clip.
        made_songs: of each made one; by default each is its own song.
        n_folds: of the cross-validation.
        seed: of folds and classifier.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    if made_songs is None:
        made_songs = [f"made {i}" for i in range(len(made))]
    features = np.concatenate([real, made])
    label = np.repeat([0, 1], [len(real), len(made)])
    groups = np.unique([*real_songs, *made_songs], return_inverse=True)[1]
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    model = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.1, random_state=seed)
    guess = cross_val_predict(
        model, features, label, groups=groups, cv=folds, method="predict_proba"
    )
    return float(roc_auc_score(label, guess[:, 1]))
