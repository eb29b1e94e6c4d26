"""Adam for sparse gradients."""

from typing import Any

import keras
from keras import ops

from kd_keras.training.sparse_gradients import (
    ClipsSummedGradients,
    is_sparse,
    sum_repeated_rows,
)


@keras.saving.register_keras_serializable(package="kd_keras")
class LazyAdam(ClipsSummedGradients, keras.optimizers.Adam):
    """Adam that updates only the rows that a training step has gathered.

    The logits of `KDCodeLearner` contain `N * D * K` floats, and a step reads
    one row per symbol of the batch. `keras.optimizers.Adam` updates all of
    them in every step. This optimizer updates only the gathered rows and their
    moments, so that the cost of a step does not depend on N. Rows outside the
    batch keep their values and moments. This makes it a slightly different
    algorithm, since Adam continues to move them by their momentum.

    Only sparse gradients are treated like this, and only TensorFlow has them.
    Dense gradients are updated by plain Adam. On JAX, the gradient of a gather
    is dense, so that the cost of a step grows with N.

    Clipping by norm (`clipnorm`, `global_clipnorm`) uses the norm of the
    summed rows and does not make the gradient dense. Under a `tf.distribute`
    strategy, the sum over the replicas is clipped. Options that require dense
    gradients (`weight_decay`, `use_ema`, `amsgrad`,
    `gradient_accumulation_steps`) are not available. Neither is
    `loss_scale_factor`, because Keras divides by it in a way that sparse
    gradients do not support; use
    `keras.optimizers.LossScaleOptimizer(LazyAdam())` instead.

    Args:
        learning_rate: float, `keras.optimizers.schedules.LearningRateSchedule`
            or callable.
        beta_1: float. Decay of the first moment.
        beta_2: float. Decay of the second moment.
        epsilon: float. Added to the square root of the second moment.
        clipnorm: float or None. Largest norm of each gradient.
        clipvalue: float or None. Largest absolute value in a gradient.
        global_clipnorm: float or None. Largest norm of all gradients
            together.
        name: str. Name of the optimizer.

    Example:

    >>> import keras, kd_keras
    >>> model = keras.Sequential(
    ...     [kd_keras.KDEmbedding(1000, 8, codes="learn")]
    ... )
    >>> model.compile(kd_keras.LazyAdam(learning_rate=0.01), "mse")

    References:
        [Kingma and Ba, 2014](https://arxiv.org/abs/1412.6980)
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str = "lazy_adam",
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            name=name,
        )

    def update_step(
        self, gradient: Any, variable: Any, learning_rate: Any
    ) -> None:
        """Updates the gathered rows of a variable, or all of it.

        Args:
            gradient: `tf.IndexedSlices` or a dense tensor.
            variable: `keras.Variable`. Variable to update.
            learning_rate: scalar tensor of float.
        """
        if not is_sparse(gradient):
            super().update_step(gradient, variable, learning_rate)
            return
        import tensorflow as tf

        rows, gradient, _ = sum_repeated_rows(gradient)
        # `LossScaleOptimizer` gives float32 gradients of float16 weights.
        gradient = tf.cast(gradient, variable.dtype)
        index = self._get_variable_index(variable)
        momentum = self._momentums[index].value
        velocity = self._velocities[index].value
        # bfloat16 would round 0.999 to 1, and the step to 0.
        t = ops.cast(self.iterations + 1, "float32")
        alpha = (
            ops.cast(learning_rate, "float32")
            * ops.sqrt(1 - ops.power(self.beta_2, t))
            / (1 - ops.power(self.beta_1, t))
        )
        alpha = ops.cast(alpha, variable.dtype)
        m = tf.gather(momentum, rows)
        m = m + (gradient - m) * (1 - self.beta_1)
        v = tf.gather(velocity, rows)
        v = v + (tf.square(gradient) - v) * (1 - self.beta_2)
        new = tf.gather(variable, rows) - alpha * m / (
            tf.sqrt(v) + self.epsilon
        )
        # A row that occurs several times in `rows` is written several times,
        # each time with the same value.
        for target, values in ((momentum, m), (velocity, v), (variable, new)):
            target.scatter_update(tf.IndexedSlices(values, rows))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for not_offered in (
            "amsgrad",
            "weight_decay",
            "use_ema",
            "ema_momentum",
            "ema_overwrite_frequency",
            "gradient_accumulation_steps",
            "loss_scale_factor",
        ):
            config.pop(not_offered, None)
        return config
