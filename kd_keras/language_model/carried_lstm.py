import keras


@keras.saving.register_keras_serializable(package="kd_keras")
class CarriedLSTM(keras.layers.LSTM):
    """An LSTM that carries its state from batch to batch, on any backend.

    It is `keras.layers.LSTM(stateful=True, return_sequences=True)` with the
    states among the layer's weights. Keras leaves them out, and so they are
    lost in the compiled training step of JAX, which only sees weights. Under
    a `tf.distribute` strategy every replica carries its own.

    The forget gate's bias starts at 0, as in the TensorFlow tutorial.

    Args:
        units: Integer. Size of the state and of an output.
        **kwargs: Further arguments of `keras.layers.LSTM`.

    Example:

    >>> import numpy as np
    >>> from kd_keras.language_model.carried_lstm import CarriedLSTM
    >>> layer = CarriedLSTM(4)
    >>> inputs = np.ones((1, 6, 3), "float32")
    >>> whole = layer(inputs)
    >>> layer.reset_state()
    >>> halves = [layer(inputs[:, :3]), layer(inputs[:, 3:])]
    >>> print(np.allclose(np.concatenate(halves, axis=1), whole, atol=1e-6))
    True
    """

    def __init__(self, units, **kwargs):
        kwargs |= {
            "stateful": True,
            "return_sequences": True,
            "unit_forget_bias": False,
        }
        super().__init__(units, **kwargs)

    def _create_state_variables(self, batch_size):
        self.states = [
            keras.Variable(
                initializer="zeros",
                shape=(batch_size, size),
                dtype=self.compute_dtype,
                trainable=False,
                autocast=False,
                aggregation="only_first_replica",
                synchronization="on_read",
                name=f"state_{i}",
            )
            for i, size in enumerate(self.state_size)
        ]
