from importlib.util import find_spec
from typing import Any

import keras
import numpy as np

from kd_keras.codes.statistics import value_counts
from kd_keras.codes.usage import usage_levels
from kd_keras.layers.find_layers import learners_of

CELL = 8  # pixels
# From unused to over four times as often as all values equally often.
COLOURS = np.array(
    [
        (200, 80, 42), (238, 243, 238), (207, 229, 221), (163, 207, 196),
        (98, 172, 161), (35, 131, 123), (6, 68, 63),
    ],
    np.uint8,
)  # fmt: skip


class CodeSummaries(keras.callbacks.Callback):
    """Draws the use of the codes in TensorBoard while they are learned.

    For every layer of the model that learns codes, before the first epoch and
    at the end of epochs:

    - `code_use/NAME`, a histogram: how often each of the D * K values is used,
      relative to all values of a position being used equally often. All at 1:
      nothing is wasted; many at 0: dead values.
    - `code_map/NAME`, an image: a row a position, a column a value, from pale
      (rare) to dark (often); red values are used by no symbol. Above 64
      positions or 128 values, neighbours are taken together.

    NAME is the learner's `path`, such as `kd_embedding/learner`.

    The numbers of `CodeMetrics` are in the logs, and so in TensorBoard by
    `keras.callbacks.TensorBoard` and in a file by `CSVLogger`.

    Args:
        log_dir: Folder of event files, for example that of
            `keras.callbacks.TensorBoard`.
        every: Integer, write after so many epochs.

    Raises:
        ValueError: If `every` is below 1; if Keras does not run on TensorFlow;
            in `fit`, if no layer of the model learns codes.
        ModuleNotFoundError: If tensorboard is not installed.

    Example:

    >>> import keras, numpy as np, kd_keras
    >>> model = keras.Sequential(
    ...     [kd_keras.KDEmbedding(100, 8, K=4, D=3, codes="learn")]
    ... )
    >>> model.compile(kd_keras.LazyAdam(), "mse")
    >>> vectors = np.random.default_rng(0).normal(size=(100, 8))
    >>> history = model.fit(
    ...     np.arange(100), vectors, verbose=0,
    ...     callbacks=[kd_keras.CodeSummaries("logs")],
    ... )
    """

    def __init__(self, log_dir, every=1):
        super().__init__()
        if not isinstance(every, int) or every < 1:
            raise ValueError(
                "`every` must be an integer of at least 1. "
                f"Received: every={every!r}"
            )
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                "CodeSummaries writes with TensorFlow. Received: "
                f"KERAS_BACKEND={keras.backend.backend()}"
            )
        if find_spec("tensorboard") is None:
            raise ModuleNotFoundError(
                "tensorboard is not installed. Expected: pip install "
                "'kd_keras[ptb]'"
            )
        self.log_dir = log_dir
        self.every = every
        self._learners = {}
        self._writer: Any = None  # made in `fit`

    def on_train_begin(self, logs=None):
        self._learners = _by_name(learners_of(self))
        import tensorflow as tf

        self._writer = tf.summary.create_file_writer(str(self.log_dir))

    def on_epoch_begin(self, epoch, logs=None):
        # Not in `on_train_begin`: a restored checkpoint brings its own codes.
        if epoch == 0:
            self._write(0)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            self._write(epoch + 1)

    def on_train_end(self, logs=None):
        self._writer.close()

    def _write(self, step):
        import tensorflow as tf

        with self._writer.as_default(step=step):
            for name, learner in self._learners.items():
                codes, K = learner.codes, learner.K
                use = value_counts(codes, K) * (K / len(codes))
                tf.summary.histogram(f"code_use/{name}", use)
                tf.summary.image(
                    f"code_map/{name}", _picture(codes, K)[np.newaxis]
                )
        self._writer.flush()  # to be seen while the training goes on


def _by_name(learners):
    """Names learners by their paths, with a number where two are the same."""
    named: dict = {}
    for learner in learners:
        path = learner.path
        same = sum(other.path == path for other in named.values())
        named[f"{path}_{same}" if same else path] = learner
    return named


def _picture(codes, K):
    """Colours the use of each value, uint8 `(D * 8, K * 8, 3)` at most."""
    cells = COLOURS[usage_levels(codes, K)]
    return cells.repeat(CELL, axis=0).repeat(CELL, axis=1)
