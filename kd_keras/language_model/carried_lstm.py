"""An LSTM layer that carries its state from batch to batch."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="kd_keras")
class CarriedLSTM(keras.layers.LSTM):
    """An LSTM that carries its state from batch to batch, on any backend.

    It is `keras.layers.LSTM(stateful=True, return_sequences=True)` with the
    states among the layer's weights. Keras does not make them weights, so the
    compiled training step of JAX, which sees only weights, would lose them.
    Under a `tf.distribute` strategy every replica carries its own state.

    The bias of the forget gate starts at 0, as in the TensorFlow tutorial.

    Args:
        units: int. Size of the state and of each output.
        **kwargs: Other arguments of `keras.layers.LSTM`.

    Call arguments:
        sequences: tensor of float, shape `(batch_size, steps, size)`. The
            batch size must not change.

    Output shape:
        `(batch_size, steps, units)`.

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

    def __init__(self, units: int, **kwargs: Any) -> None:
        kwargs |= {
            "stateful": True,
            "return_sequences": True,
            "unit_forget_bias": False,
        }
        super().__init__(units, **kwargs)

    def _create_state_variables(self, batch_size: int) -> None:
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
