import keras
from keras import ops

from kd_keras.training.sparse_gradients import (
    ClipsSummedGradients,
    is_sparse,
    sum_repeated_rows,
)


@keras.saving.register_keras_serializable(package="kd_keras")
class LazyAdam(ClipsSummedGradients, keras.optimizers.Adam):
    """Adam that touches only the rows that a step has gathered.

    The logits of `KDCodeLearner` hold `N * D * K` floats, of which a step
    reads one row a symbol of the batch. `keras.optimizers.Adam` updates all
    of them every step; this one updates the gathered rows and their moments,
    so that a step costs the same at any N. Rows outside the batch keep their
    value and their moments, which makes it a slightly different algorithm:
    Adam would go on moving them by their momentum.

    It is lazy where gradients are sparse, that is on TensorFlow. On JAX the
    gradient of a gather is dense: there it is plain Adam, and a step's cost
    grows with N. Dense gradients, on any backend, are plain Adam too.

    Clipping by norm (`clipnorm`, `global_clipnorm`) takes the norm of the
    summed rows and does not make the gradient dense. Under a `tf.distribute`
    strategy the sum over the replicas is clipped. Options that are dense
    by nature (`weight_decay`, `use_ema`, `amsgrad`,
    `gradient_accumulation_steps`) are not offered, nor is
    `loss_scale_factor`, which Keras divides out in a way that sparse gradients
    have not: `keras.optimizers.LossScaleOptimizer(LazyAdam())` works.

    Args:
        learning_rate: Float, schedule or callable.
        beta_1: Float. Decay of the first moment.
        beta_2: Float. Decay of the second moment.
        epsilon: Float. Added to the root of the second moment.
        clipnorm: Float or None. Largest norm of each gradient.
        clipvalue: Float or None. Largest absolute value in a gradient.
        global_clipnorm: Float or None. Largest norm of all gradients
            together.
        name: String.

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
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        name="lazy_adam",
    ):
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

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable: its gathered rows, or all of it."""
        if not is_sparse(gradient):
            super().update_step(gradient, variable, learning_rate)
            return
        import tensorflow as tf

        rows, gradient, _ = sum_repeated_rows(gradient)
        index = self._get_variable_index(variable)
        momentum = self._momentums[index].value
        velocity = self._velocities[index].value
        learning_rate = ops.cast(learning_rate, variable.dtype)
        t = ops.cast(self.iterations + 1, variable.dtype)
        alpha = (
            learning_rate
            * ops.sqrt(1 - ops.power(self.beta_2, t))
            / (1 - ops.power(self.beta_1, t))
        )
        m = tf.gather(momentum, rows)
        m = m + (gradient - m) * (1 - self.beta_1)
        v = tf.gather(velocity, rows)
        v = v + (tf.square(gradient) - v) * (1 - self.beta_2)
        new = tf.gather(variable, rows) - alpha * m / (
            tf.sqrt(v) + self.epsilon
        )
        # A row that stands several times in `rows` is written several times,
        # with one and the same value.
        for target, values in ((momentum, m), (velocity, v), (variable, new)):
            target.scatter_update(tf.IndexedSlices(values, rows))

    def get_config(self):
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
