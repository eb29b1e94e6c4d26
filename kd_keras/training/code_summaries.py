"""A callback that shows the use of codes in TensorBoard."""

import os
from importlib.util import find_spec
from typing import Any

import keras
import numpy as np

from kd_keras.codes.statistics import value_counts
from kd_keras.codes.usage import usage_levels
from kd_keras.layers.find_layers import learners_of
from kd_keras.layers.kd_code_learner import KDCodeLearner
from kd_keras.utils.checks import check_integer

CELL = 8  # pixels
# One colour per level of `usage_levels`, from unused to most used.
COLOURS = np.array(
    [
        (200, 80, 42), (238, 243, 238), (207, 229, 221), (163, 207, 196),
        (98, 172, 161), (35, 131, 123), (6, 68, 63),
    ],
    np.uint8,
)  # fmt: skip


class CodeSummaries(keras.callbacks.Callback):
    """Shows the use of the codes in TensorBoard while they are learned.

    It writes summaries for each layer of the model that learns codes, before
    the first epoch and at the end of epochs:

    - `code_use/NAME`, a histogram: how often each of the D * K values is used,
      relative to equal use of all values of a position. If all are at 1, no
      value is wasted; those at 0 are dead.
    - `code_map/NAME`, an image with one row per position and one column per
      value, from pale (rarely used) to dark (often used). No symbol uses the
      red values. For more than 64 positions or 128 values, neighbouring ones
      are averaged.

    NAME is the `path` of the layer, such as `kd_embedding/learner`.

    The metrics of `CodeMetrics` are not written here. They are in the logs,
    which `keras.callbacks.TensorBoard` and `CSVLogger` write.

    Args:
        log_dir: path. Folder for the event files, for example that of
            `keras.callbacks.TensorBoard`.
        every: int, at least 1. Number of epochs between summaries.

    Raises:
        ValueError: If `every` is less than 1; if Keras does not run on
            TensorFlow; in `fit`, if no layer of the model learns codes.
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

    def __init__(self, log_dir: str | os.PathLike[str], every: int = 1) -> None:
        super().__init__()
        every = check_integer("`every`", every, "an integer of at least 1")
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                "CodeSummaries needs the TensorFlow backend. Received: "
                f"KERAS_BACKEND={keras.backend.backend()}"
            )
        if find_spec("tensorboard") is None:
            raise ModuleNotFoundError(
                "tensorboard is not installed. Expected: pip install "
                "'kd_keras[ptb]'"
            )
        self.log_dir = log_dir
        self.every = every
        self._learners: dict[str, KDCodeLearner] = {}
        self._writer: Any = None  # created in `fit`

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._learners = _by_name(learners_of(self))
        import tensorflow as tf

        self._writer = tf.summary.create_file_writer(str(self.log_dir))

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        # Not in `on_train_begin`, because restoring a checkpoint may change
        # the codes after it.
        if epoch == 0:
            self._write(0)

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if (epoch + 1) % self.every == 0:
            self._write(epoch + 1)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._writer.close()

    def _write(self, step: int) -> None:
        """Writes the summaries of all layers that learn codes."""
        import tensorflow as tf

        with self._writer.as_default(step=step):
            for name, learner in self._learners.items():
                codes, K = learner.codes, learner.K
                use = value_counts(codes, K) * (K / len(codes))
                tf.summary.histogram(f"code_use/{name}", use)
                tf.summary.image(
                    f"code_map/{name}", _picture(codes, K)[np.newaxis]
                )
        self._writer.flush()  # so that it is seen while training continues


def _by_name(learners: list[KDCodeLearner]) -> dict[str, KDCodeLearner]:
    """Names layers by their paths, with a number if a path repeats."""
    named: dict[str, KDCodeLearner] = {}
    for learner in learners:
        path = learner.path
        same = sum(other.path == path for other in named.values())
        named[f"{path}_{same}" if same else path] = learner
    return named


def _picture(codes: np.ndarray, K: int) -> np.ndarray:
    """Colours the use of each value, uint8, at most `(D * 8, K * 8, 3)`."""
    cells = COLOURS[usage_levels(codes, K)]
    return cells.repeat(CELL, axis=0).repeat(CELL, axis=1)
