import keras
import numpy as np

from kd_keras.codes.statistics import code_perplexity, collisions, unused_values
from kd_keras.layers.find_layers import learners_of


class CodeMetrics(keras.callbacks.Callback):
    """Shows the health of the codes while they are learned.

    At the end of each epoch it adds to the logs, over all learners of the
    model:

    - `code_flip_ratio`: share of code values that changed in the epoch,
      0 to 1. Codes have settled where it is near 0:
      `EarlyStopping(monitor="code_flip_ratio", mode="min")`.
    - `code_perplexity`: 2 to the entropy of the values of a position, averaged
      over the positions, 1 to K. K: all values equally used; 1: collapse.
    - `dead_codes`: number of values, out of D * K, that no symbol uses.
    - `code_collisions`: number of symbols whose code another symbol has too.

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

    def __init__(self):
        super().__init__()
        self._learners = []
        self._codes_before = []

    def on_train_begin(self, logs=None):
        self._learners = learners_of(self)
        self._codes_before = []

    def on_epoch_begin(self, epoch, logs=None):
        # Only the first epoch needs it: a restored checkpoint may have
        # changed the codes since `on_train_begin`. Later on the codes of an
        # epoch's end are those of the next one's begin.
        if not self._codes_before:
            self._codes_before = [learner.codes for learner in self._learners]

    def on_epoch_end(self, epoch, logs=None):
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
