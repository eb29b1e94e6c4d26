"""A callback that lowers the temperature of layers that learn codes."""

import math
import warnings
from typing import Any

import keras

from kd_keras.layers.find_layers import learners_of
from kd_keras.layers.kd_code_learner import KDCodeLearner
from kd_keras.layers.temperature_law import LAWS


class TemperatureSchedule(keras.callbacks.Callback):
    """Lowers the temperature of the layers that learn codes during training.

    The temperature T_t depends on the training step t, which is counted from 0
    over all calls of `fit`:

    | law | T_t |
    |---|---|
    | `inverse_time` (the paper's) | `initial / (1 + decay_rate * t)` |
    | `exponential` | `initial * exp(-decay_rate * t)` |
    | `linear` | `initial * (1 - decay_rate * t)` |

    It is never below `minimum`. The callback passes the law to the layers,
    which count the steps themselves inside the compiled training step. So the
    schedule is exact with any `steps_per_execution`, with or without
    compilation and on several devices, and it continues after a model is
    loaded or training is resumed.

    On JAX, a layer that is only called inside a loop or branch counts no steps
    (see `KDCodeLearner`). A warning says so after the first epoch.

    The callback adds `temperature`, that of the last step, to the logs. List
    it before callbacks that read the logs.

    Args:
        initial: float, positive. Temperature T_0 of the first step.
        decay_rate: float, at least 0. Decay per step.
        law: One of `"inverse_time"`, `"exponential"`, `"linear"`.
        minimum: float, positive, at most `initial`. Lowest temperature. The
            gradient of softmax(logits / T) vanishes as T approaches 0, so a
            minimum keeps the codes learning.

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
    ...     np.arange(100), vectors, batch_size=50, epochs=2, verbose=0,
    ...     callbacks=[kd_keras.TemperatureSchedule(1.0, decay_rate=1.0)],
    ... )
    >>> print([round(t, 2) for t in history.history["temperature"]])
    [0.5, 0.25]

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067),
        section 3: T_t = T_0 / (1 + decay_rate * t).
    """

    def __init__(
        self,
        initial: float = 1.0,
        decay_rate: float = 1.0,
        law: str = "inverse_time",
        minimum: float = 0.01,
    ) -> None:
        super().__init__()
        if law not in LAWS:
            raise ValueError(
                f"`law` must be one of {', '.join(LAWS)}. Received: law={law!r}"
            )
        if not initial > 0:
            raise ValueError(
                f"`initial` must be positive. Received: initial={initial}"
            )
        if not decay_rate >= 0:
            raise ValueError(
                "`decay_rate` must not be negative. "
                f"Received: decay_rate={decay_rate}"
            )
        if not 0 < minimum <= initial:
            raise ValueError(
                "`minimum` must be positive and at most `initial`. "
                f"Received: minimum={minimum}, initial={initial}"
            )
        self.initial = initial
        self.decay_rate = decay_rate
        self.law = law
        self.minimum = minimum
        # `on_train_batch_end` computes on the host, so Keras may run it in
        # parallel with the next step.
        self.async_safe = True
        self._learners: list[KDCodeLearner] = []
        self._steps_before_epoch = 0
        self._first_steps: list[int] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._learners = learners_of(self)
        for learner in self._learners:
            learner.set_schedule(
                self.initial, self.decay_rate, self.minimum, self.law
            )
        self._first_steps = [_steps_of(layer) for layer in self._learners]

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        # Not read at every batch, because on JAX the variables are not updated
        # during an epoch.
        self._steps_before_epoch = _steps_of(self._learners[0])

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if logs is not None:
            # The last execution of `steps_per_execution` may have fewer steps.
            last = min(batch, (self.params.get("steps") or math.inf) - 1)
            logs["temperature"] = self._at(self._steps_before_epoch + last)

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if logs is not None:
            steps = _steps_of(self._learners[0])
            logs["temperature"] = self._at(max(steps - 1, 0))
        self._warn_if_uncounted()

    def _warn_if_uncounted(self) -> None:
        """Warns once in a `fit` on JAX about learners that count no steps."""
        first, self._first_steps = self._first_steps, []
        if keras.backend.backend() != "jax" or not self.decay_rate:
            return
        for layer, steps in zip(self._learners, first, strict=False):
            if _steps_of(layer) == steps:
                warnings.warn(
                    f"The temperature of {layer.path!r} does not fall, because "
                    "the layer counts no steps. On JAX, that is so if it is "
                    "only called inside a loop or branch (scan, map, cond, "
                    "cells of keras.layers.RNN): call it outside, for "
                    "instance on all ids before the loop",
                    stacklevel=2,
                )

    def _at(self, step: float) -> float:
        """Returns the temperature of a step."""
        elapsed = self.decay_rate * step
        return max(LAWS[self.law](self.initial, elapsed), self.minimum)


def _steps_of(learner: KDCodeLearner) -> int:
    """Returns the number of training steps so far."""
    return int(learner.step.numpy())
