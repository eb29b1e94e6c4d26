"""The paper's second composition: an LSTM over the code embeddings."""

from typing import Any

import keras
from keras import ops

from kd_keras.layers.compositions.composition import (
    Composition,
    apply_kernel,
    output_kernel,
)


@keras.saving.register_keras_serializable(package="kd_keras")
class LSTMComposition(Composition):
    """Runs an LSTM over the code embeddings and sums its outputs.

    With W_j the code embedding at position j, which enters every gate as it
    is, and h_0 = m_0 = 0:

        f_j = sigmoid(W_j + U_f h_{j-1} + b_f)
        i_j = sigmoid(W_j + U_i h_{j-1} + b_i)
        o_j = sigmoid(W_j + U_o h_{j-1} + b_o)
        m_j = f_j * m_{j-1} + i_j * tanh(W_j + U_m h_{j-1} + b_m)
        h_j = o_j * tanh(m_j)
        v = (sum_j h_j)^T H

    Since |h_j| < 1, vectors without H are limited to D in each dimension. With
    `scaled=True` the output is scale * v + offset, which `learn_codes` learns.

    The paper writes U_t, b_t for the output gate. The four matrices are
    side by side in `recurrent_kernel` `(d', 4 d')` (`h @ U`, in the order f,
    i, o, m), the biases in `bias` `(4 d',)`; H is absent if d' = d.

    Args, call arguments and output shape: see `Composition`.

    Example:

    >>> import numpy as np
    >>> from kd_keras import LSTMComposition
    >>> layer = LSTMComposition(K=4, D=3, output_dim=8)
    >>> print(layer(np.array([[0, 1, 3]])).shape)
    (1, 8)

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067),
        section 2.2.
    """

    runs_over_steps = True

    def build_composition(self) -> None:
        self.recurrent_kernel = self.add_weight(
            shape=(self.code_dim, 4 * self.code_dim),
            initializer="orthogonal",
            name="recurrent_kernel",
        )
        self.bias = self.add_weight(
            shape=(4 * self.code_dim,), initializer="zeros", name="bias"
        )
        self.kernel = output_kernel(self)

    def compose(self, embedded: Any) -> Any:
        hidden = memory = total = ops.zeros_like(embedded[..., 0, :])
        for j in range(self.D):
            hidden, memory = self.step(embedded[..., j, :], hidden, memory)
            total = total + hidden
        return apply_kernel(total, self.kernel)

    def step(self, embedded: Any, hidden: Any, memory: Any) -> tuple[Any, Any]:
        """Computes h_j and m_j from W_j `(..., d')`, h_{j-1} and m_{j-1}."""
        recurrent = ops.matmul(hidden, self.recurrent_kernel) + self.bias
        forget, take_in, give_out, candidate = (
            embedded + gate for gate in ops.split(recurrent, 4, axis=-1)
        )
        memory = ops.sigmoid(forget) * memory + ops.sigmoid(take_in) * ops.tanh(
            candidate
        )
        return ops.sigmoid(give_out) * ops.tanh(memory), memory

    def compose_on_device(self, embedded: Any) -> Any:
        # A loop over one step instead of D steps written out.
        import tensorflow as tf

        if len(embedded.shape) == 2:
            embedded = tf.reshape(embedded, [-1, self.D, self.code_dim])
        steps = tf.transpose(embedded, [1, 0, 2])
        start = steps[0] - steps[0]  # zeros would be written into the file

        def body(j: Any, hidden: Any, memory: Any, total: Any) -> tuple:
            hidden, memory = self.step(tf.gather(steps, j), hidden, memory)
            return j + 1, hidden, memory, total + hidden

        *_, total = tf.while_loop(
            lambda j, *_: j < self.D, body, (0, start, start, start)
        )
        return apply_kernel(total, self.kernel)

    def step_weights(self) -> list[Any]:
        return [self.recurrent_kernel, self.bias]
