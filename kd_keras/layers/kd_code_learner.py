"""The layer that learns the codes, phi in the paper."""

import numbers
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from kd_keras.codes.checks import check_codes, code_dtype
from kd_keras.codes.tiers import read_tiers, tier_config
from kd_keras.layers.gather import (
    gather_rows,
    integer_ids,
    nan_out_of_range,
    on_flat_values,
)
from kd_keras.layers.straight_through import (
    highest,
    smooth_code,
    straight_through,
)
from kd_keras.layers.temperature_law import LAWS, temperature_of_schedule
from kd_keras.layers.training_steps import TrainingSteps
from kd_keras.utils.checks import check_integer

LARGEST_MARGIN = 1000
ESTIMATORS = ("straight_through", "smooth")


@keras.saving.register_keras_serializable(package="kd_keras")
class KDCodeLearner(keras.layers.Layer):
    """Learns the map from symbols to codes, phi in the paper.

    Every symbol has D rows of K logits; the argmax of each row is a value of
    its code. The output is that code, one-hot, and gradients reach the logits
    through the straight-through estimator (see `straight_through`). Outside
    training the output is the same discrete code, so evaluation shows what a
    frozen model computes.

    The layer counts the training steps in the graph and computes the
    temperature T from this count. A step counts once, however often a model
    calls the layer in it. `TemperatureSchedule` sets the law of T; without it
    T stays 1. If a custom `train_step` calls the whole model several times,
    each call counts as a step.

    On TensorFlow this also holds for calls inside loops and branches, such as
    `tf.map_fn`, `keras.ops.cond` and the cells of `keras.layers.RNN`. On JAX
    these cannot change a variable. A layer that a model calls only inside of
    them trains, but counts no steps, so T stays the same; it counts them if
    the model also calls it outside, for instance on all ids before the loop.

    Args:
        input_dim: int, at least 1. Number of symbols N.
        K: int, 2 to 65,536. Number of values of a code position.
        D: int, at least 1. Number of code positions. With `tiers`, several.
        estimator: One of `"straight_through"`, or `"smooth"` for the
            relaxation that the paper compares with: softmax(logits / T) in
            training.
        logits_initializer: Initializer of the logits.
        tiers: See `KDEmbedding`. The ids must be in the order of the tiers.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: tensor of int, any shape `(...)`. The ids.
        training: bool. Whether the estimator and its temperature are used.

    Output shape:
        `(..., D, K)`, in the layer's compute dtype.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import numpy as np, kd_keras
    >>> learner = kd_keras.KDCodeLearner(input_dim=100, K=4, D=3)
    >>> one_hot = learner(np.array([[7, 8], [9, 7]]))
    >>> print(one_hot.shape)
    (2, 2, 3, 4)
    >>> print(learner.codes.shape, learner.codes.dtype)
    (100, 3) uint8

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067),
        section 2.3 and Algorithm 1.
    """

    def __init__(
        self,
        input_dim: int,
        K: int = 16,
        D: int | Sequence[int] = 32,
        estimator: str = "straight_through",
        logits_initializer: Any = "uniform",
        tiers: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        input_dim = check_integer("`input_dim`", input_dim)
        K, D, self.tiers = read_tiers(K, D, tiers, input_dim)
        if estimator not in ESTIMATORS:
            raise ValueError(
                f"`estimator` must be one of {', '.join(ESTIMATORS)}. "
                f"Received: estimator={estimator!r}"
            )
        super().__init__(**kwargs)
        # Ids given as floats must not be rounded to the compute dtype, and
        # codes must not depend on it: logits rounded to bfloat16 may be equal.
        self.autocast = False
        self.input_dim = input_dim
        self.K = K
        self.D = D
        self.estimator = estimator
        self.logits_initializer = keras.initializers.get(logits_initializer)
        self._steps = TrainingSteps()

    @classmethod
    def from_codes(
        cls, codes: npt.ArrayLike, K: int, margin: float = 1.0, **kwargs: Any
    ) -> "KDCodeLearner":
        """Makes a learner that begins with given codes and can leave them.

        Begin with the code embeddings of the same table too, see the example.

        Args:
            codes: array of int, 0 to K - 1, shape `(N, D)`. The codes.
            K: int, 2 to 65,536. Number of values of a code position.
            margin: float, positive. How far the logit of a given value is
                above the others, which are 0. At temperature T the value has
                the probability `1 / (1 + (K - 1) exp(-margin / T))`. With
                1, Adam at the rate 0.01 can move a code after some 50 steps.
            **kwargs: Keyword arguments of `KDCodeLearner`, for instance D and
                `tiers`.

        Returns:
            A built `KDCodeLearner`.

        Raises:
            ValueError: If an argument is out of its range.

        Example:

        >>> import numpy as np, kd_keras
        >>> table = np.random.default_rng(0).normal(size=(300, 8))
        >>> fixed = kd_keras.learn_codes(table, K=8, D=4, verbose=0)
        >>> learner = kd_keras.KDCodeLearner.from_codes(fixed.codes, K=8)
        >>> embedding = kd_keras.KDEmbedding(300, 8, 8, 4, codes=learner)
        >>> embedding.build()
        >>> embedding.composition.set_weights(fixed.composition.get_weights())
        >>> print(np.allclose(embedding(np.arange(9)), fixed(np.arange(9))))
        True
        """
        codes = check_codes(codes, K)
        kwargs = {"D": codes.shape[1]} | kwargs
        if not len(codes):
            raise ValueError(
                "codes must have at least one row. Received: "
                f"shape={codes.shape}"
            )
        real = isinstance(margin, numbers.Real) and not isinstance(margin, bool)
        if not (real and 0 < margin <= LARGEST_MARGIN):
            raise ValueError(
                f"`margin` must be from above 0 to {LARGEST_MARGIN}. "
                f"Received: margin={margin!r}"
            )
        learner = cls(len(codes), K, **kwargs)
        cut = codes if learner.tiers is None else learner.tiers.cut(codes)
        if learner.D != codes.shape[1] or (cut != codes).any():
            raise ValueError(
                "The codes must have D positions, and the value 0 where a "
                "symbol has no position; the ids must be in the order of the "
                "tiers, so sort the symbols by count first. Received: "
                f"shape={codes.shape}, D={learner.D}, tiers={learner.tiers}"
            )
        learner.build()
        logits = np.zeros((*codes.shape, K), np.float32)
        np.put_along_axis(logits, codes[:, :, None].astype(int), margin, 2)
        learner.logits.assign(logits)
        return learner

    def build(self, input_shape: Any = None) -> None:
        if self.built:  # type: ignore[has-type]
            return
        self.logits = self.add_weight(
            shape=(self.input_dim, self.D, self.K),
            initializer=self.logits_initializer,
            autocast=False,  # see `__init__`; the layer's own is not enough
            name="logits",
        )
        self.step = self.add_weight(
            shape=(),
            initializer="zeros",
            dtype="int",
            trainable=False,
            aggregation="only_first_replica",
            name="step",
        )
        # initial, decay_rate, minimum, law: a variable and not attributes, so
        # that a schedule also applies to training steps compiled earlier.
        self.schedule = self.add_weight(
            shape=(4,),
            initializer=lambda shape, dtype: ops.convert_to_tensor(
                [1.0, 0.0, 0.0, 0.0], dtype=dtype
            ),
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
            name="schedule",
        )
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        return on_flat_values(lambda ids: self._one_hot(ids, training), inputs)

    def _one_hot(self, inputs: Any, training: bool) -> Any:
        ids = integer_ids(inputs, self.input_dim)
        logits = gather_rows(self.logits, ids)
        if training:
            estimate = (
                straight_through
                if self.estimator == "straight_through"
                else smooth_code
            )
            one_hot = estimate(logits, self._training_temperature())
        else:
            one_hot = straight_through(logits)
        one_hot = ops.cast(one_hot, self.compute_dtype)
        if self.tiers is not None:
            first = ops.one_hot(0, self.K, dtype=self.compute_dtype)
            has = ops.expand_dims(self._has_position(ids), -1)
            one_hot = ops.where(has, one_hot, first)
        return nan_out_of_range(one_hot, ids, self.input_dim)

    def codes_of(self, ids: Any) -> Any:
        """Looks codes up: int `(..., D)` for int ids `(...)` in range."""
        codes = highest(gather_rows(self.logits, ids))
        if self.tiers is None:
            return codes
        return ops.where(self._has_position(ids), codes, 0)

    def _has_position(self, ids: Any) -> Any:
        """Tells which positions symbols have: bool `(..., D)`."""
        assert self.tiers is not None
        D = self.tiers.D
        ids = ops.where(ids < 0, ids + self.input_dim, ids)
        lengths = D[0] + ops.zeros_like(ids)
        for end, before, after in zip(self.tiers.ends, D, D[1:], strict=False):
            fewer = ops.cast(ids >= end, ids.dtype) * (before - after)
            lengths = lengths - fewer
        positions = ops.arange(self.D, dtype=ids.dtype)
        return positions < ops.expand_dims(lengths, -1)

    def _training_temperature(self) -> Any:
        """Returns the temperature of this training step; counts the step."""
        return temperature_of_schedule(
            ops.convert_to_tensor(self.schedule), self._steps.count(self.step)
        )

    def _clear_losses(self) -> None:
        # Keras calls this for every layer inside an outermost call, when the
        # call begins.
        super()._clear_losses()
        self._steps.call_begins()

    def set_schedule(
        self, initial: float, decay_rate: float, minimum: float, law: str
    ) -> None:
        """Sets the schedule of the temperature, for `TemperatureSchedule`.

        Args:
            initial: float. Temperature of the first step.
            decay_rate: float. How fast the temperature falls, per step.
            minimum: float. Lowest temperature.
            law: One of `"inverse_time"`, `"exponential"`, `"linear"`.
        """
        if not self.built:
            self.build()
        self.schedule.assign(
            [initial, decay_rate, minimum, list(LAWS).index(law)]
        )

    @property
    def codes(self) -> np.ndarray:
        """The current codes, numpy `(N, D)`, uint8 up to K = 256."""
        if not self.built:
            self.build()
        logits = self.logits.numpy()
        if np.isnan(logits).any():  # as `highest` does in the graph
            logits = np.where(np.isnan(logits), -np.inf, logits)
        codes = logits.argmax(axis=-1).astype(code_dtype(self.K))
        return codes if self.tiers is None else self.tiers.cut(codes)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (*input_shape, self.D, self.K)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "input_dim": self.input_dim,
            "K": self.K,
            **tier_config(self.D, self.tiers),
            "estimator": self.estimator,
            "logits_initializer": keras.initializers.serialize(
                self.logits_initializer
            ),
        }
