"""A callback that logs metrics of the codes."""

from typing import Any

import keras
import numpy as np

from kd_keras.codes.shared_codes import collisions
from kd_keras.codes.statistics import code_perplexity, unused_values
from kd_keras.layers.find_layers import learners_of
from kd_keras.layers.kd_code_learner import KDCodeLearner


class CodeMetrics(keras.callbacks.Callback):
    """Logs metrics of the codes while they are learned.

    At the end of each epoch it adds to the logs, over all layers of the model
    that learn codes:

    - `code_flip_ratio`: share of the values of codes that changed in the
      epoch, 0 to 1. Near 0, the codes have settled:
      `EarlyStopping(monitor="code_flip_ratio", mode="min")`.
    - `code_perplexity`: 2 to the power of the entropy of the values of a
      position, averaged over the positions, 1 to K. At K, all values are used
      equally often; at 1, the codes have collapsed.
    - `dead_codes`: number of values, out of D * K, that no symbol uses.
    - `code_collisions`: number of symbols that share their code with another
      symbol.

    List it before callbacks that read the logs (`EarlyStopping`, `CSVLogger`,
    `TensorBoard`).

    Raises:
        ValueError: In `fit`, if no layer of the model learns codes.

    Example:

    >>> import keras, numpy as np, kd_keras
    >>> model = keras.Sequential(
    ...     [kd_keras.KDEmbedding(100, 8, K=4, D=3, codes="learn")]
    ... )
    >>> model.compile(kd_keras.LazyAdam(), "mse")
    >>> vectors = np.random.default_rng(0).normal(size=(100, 8))
    >>> history = model.fit(
    ...     np.arange(100), vectors, verbose=0,
    ...     callbacks=[kd_keras.CodeMetrics()],
    ... )
    >>> print(sorted(history.history))
    ['code_collisions', 'code_flip_ratio', 'code_perplexity', 'dead_codes', \
'loss']
    """

    def __init__(self) -> None:
        super().__init__()
        self._learners: list[KDCodeLearner] = []
        self._codes_before: list[np.ndarray] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._learners = learners_of(self)
        self._codes_before = []

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        # Needed in the first epoch only, here because a restored checkpoint
        # may have changed the codes since `on_train_begin`. Later, an epoch
        # begins with the codes that the previous one ended with.
        if not self._codes_before:
            self._codes_before = [learner.codes for learner in self._learners]

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if logs is None:
            return
        codes = [learner.codes for learner in self._learners]
        flips = sum(
            int(np.count_nonzero(now != before))
            for now, before in zip(codes, self._codes_before, strict=True)
        )
        values = sum(now.size for now in codes)
        sizes = [learner.K for learner in self._learners]
        logs["code_flip_ratio"] = flips / values
        logs["code_perplexity"] = float(
            np.mean(list(map(code_perplexity, codes, sizes)))
        )
        logs["dead_codes"] = sum(map(unused_values, codes, sizes))
        logs["code_collisions"] = sum(map(collisions, codes))
        self._codes_before = codes
