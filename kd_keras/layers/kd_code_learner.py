"""The layer that learns the codes, phi in the paper."""

import weakref

import keras
from keras import ops

# Keras has no public way to ask for the scope that it is in.
from keras.src.backend.common.stateless_scope import get_stateless_scope

from kd_keras.codes.checks import check_kd, code_dtype
from kd_keras.layers.gather import gather_rows, integer_ids, nan_out_of_range
from kd_keras.layers.straight_through import smooth_code, straight_through
from kd_keras.layers.temperature_law import LAWS, temperature_of_schedule

ESTIMATORS = ("straight_through", "smooth")


@keras.saving.register_keras_serializable(package="kd_keras")
class KDCodeLearner(keras.layers.Layer):
    """Learns the map from symbols to codes, phi in the paper.

    Every symbol owns `D` rows of `K` logits; its code is where they are
    largest. The output is that code, one-hot, and a gradient reaches the
    logits by the straight-through estimator (see `straight_through`). Outside
    training the output is the same hard code, so what is evaluated is what a
    frozen model will do.

    The layer counts the training steps it takes part in, in the graph and
    once a step however often it is called by a model in it, and takes the
    temperature from that count. The law is set by `TemperatureSchedule`;
    without one T stays 1. A custom `train_step` that calls the whole model
    several times counts each of these calls.

    Others call K the codebook size and D the number of codebooks.

    Args:
        input_dim: Integer. Number of symbols N.
        K: Integer, 2 to 65,536. Number of values of a code position.
        D: Integer, at least 1. Number of code positions.
        estimator: `"straight_through"`, or `"smooth"` for the relaxation that
            the paper compares with: softmax(logits / T) while training.
        logits_initializer: Initializer of the logits.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Integer tensor of ids, any shape `(...)`.
        training: Boolean. Whether the estimator and its temperature are used.

    Output shape:
        `(..., D, K)`, float of the layer's compute dtype.

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
        input_dim,
        K=16,
        D=32,
        estimator="straight_through",
        logits_initializer="uniform",
        **kwargs,
    ):
        K, D = check_kd(K, D)
        if not isinstance(input_dim, int) or input_dim < 1:
            raise ValueError(
                "`input_dim` must be a positive integer. "
                f"Received: input_dim={input_dim!r}"
            )
        if estimator not in ESTIMATORS:
            raise ValueError(
                f"`estimator` must be one of {', '.join(ESTIMATORS)}. "
                f"Received: estimator={estimator!r}"
            )
        super().__init__(**kwargs)
        # Ids given as floats must not be rounded to the compute dtype, and
        # codes must not depend on it: logits rounded to bfloat16 would tie.
        self.autocast = False
        self.input_dim = input_dim
        self.K = K
        self.D = D
        self.estimator = estimator
        self.logits_initializer = keras.initializers.get(logits_initializer)
        # The temperature of the step in progress, by what surrounds the step.
        self._temperature_of_call: weakref.WeakKeyDictionary = (
            weakref.WeakKeyDictionary()
        )

    def build(self, input_shape=None):
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
        # that a training step compiled before obeys a schedule set after.
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

    def call(self, inputs, training=False):
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
        return nan_out_of_range(one_hot, ids, self.input_dim)

    def _training_temperature(self):
        """Gives the temperature of this training step; counts the step once.

        The layer may be called several times in a step. Keras keeps one call
        context for all that happens inside the outermost call, so the first
        call inside a context counts and the later ones share its temperature.
        On JAX a model in training is called inside a stateless scope instead,
        a new one each step, and no call context surrounds its layers.
        """
        context = get_stateless_scope() or self._get_call_context()
        temperature = self._temperature_of_call.get(context)
        if temperature is None:
            step = ops.cast(self.step, "float32")
            temperature = temperature_of_schedule(
                ops.convert_to_tensor(self.schedule), step
            )
            self._temperature_of_call[context] = temperature
            self.step.assign_add(1)
        return temperature

    def set_schedule(self, initial, decay_rate, minimum, law):
        """Sets the temperature's law; `TemperatureSchedule` calls this.

        Args:
            initial, decay_rate, minimum: Floats.
            law: `"inverse_time"`, `"exponential"` or `"linear"`.
        """
        if not self.built:
            self.build()
        self.schedule.assign(
            [initial, decay_rate, minimum, list(LAWS).index(law)]
        )

    @property
    def codes(self):
        """The current codes, numpy `(N, D)`, uint8 up to K = 256."""
        if not self.built:
            self.build()
        logits = self.logits.numpy()
        return logits.argmax(axis=-1).astype(code_dtype(self.K))

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.D, self.K)

    def get_config(self):
        return super().get_config() | {
            "input_dim": self.input_dim,
            "K": self.K,
            "D": self.D,
            "estimator": self.estimator,
            "logits_initializer": keras.initializers.serialize(
                self.logits_initializer
            ),
        }
