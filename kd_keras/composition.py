"""Compositions: the maps from a code to a vector, f in the paper."""

import keras
from keras import initializers, ops

from kd_keras.codes.checks import check_kd


class Composition(keras.layers.Layer):
    """Base of the compositions: owns the code embeddings W.

    A subclass gives `compose`, which turns the code embeddings of D positions
    into one vector, and `build_composition` for weights of its own. An
    instance may be handed to `KDEmbedding(composition=...)`.

    Args:
        K: Integer. Number of values of a code position.
        D: Integer. Number of code positions.
        output_dim: Integer. Size d of the composed vector.
        code_dim: Integer or None. Size d' of a code embedding.
        embeddings_initializer: Initializer of the code embeddings.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        codes: Integer tensor `(..., D)` of codes, or float tensor
            `(..., D, K)` of one-hot or relaxed codes. Both give the same
            vector.

    Output shape:
        `(..., output_dim)`.
    """

    def __init__(
        self,
        K,
        D,
        output_dim,
        code_dim=None,
        embeddings_initializer="uniform",
        **kwargs,
    ):
        K, D = check_kd(K, D)
        for name, value in (("output_dim", output_dim), ("code_dim", code_dim)):
            if value is None and name == "code_dim":
                continue
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"`{name}` must be a positive integer. "
                    f"Received: {name}={value!r}"
                )
        super().__init__(**kwargs)
        self.K = K
        self.D = D
        self.output_dim = output_dim
        self.code_dim = code_dim or self.default_code_dim()
        self.embeddings_initializer = initializers.get(embeddings_initializer)

    def default_code_dim(self):
        return self.output_dim

    def build(self, input_shape=None):
        if self.built:  # type: ignore[has-type]
            return
        self.code_embeddings = self.add_weight(
            shape=(self.D, self.K, self.code_dim),
            initializer=self.embeddings_initializer,
            name="code_embeddings",
        )
        self.build_composition()
        self.built = True

    def build_composition(self):
        """Creates the weights beside the code embeddings."""

    def call(self, codes):
        if self._code_shape(codes) == (self.D,):
            return self.compose(self._embed_codes(codes))
        return self.compose_one_hot(codes)

    def _code_shape(self, codes):
        """Gives the shape of one code: `(D,)` integers, `(D, K)` one-hot."""
        is_integer = "int" in keras.backend.standardize_dtype(codes.dtype)
        shape = (self.D,) if is_integer else (self.D, self.K)
        if tuple(codes.shape[-len(shape) :]) != shape:
            raise ValueError(
                "A composition takes integer codes of shape (..., D) or float "
                f"one-hot codes of shape (..., D, K), D={self.D}, K={self.K}. "
                f"Received: shape={tuple(codes.shape)}, dtype={codes.dtype}"
            )
        return shape

    def _embed_codes(self, codes):
        # One table of D * K rows: position j owns the rows from j * K on.
        rows = ops.cast(codes, "int32") + self.K * ops.arange(self.D)
        table = ops.reshape(
            self.code_embeddings, (self.D * self.K, self.code_dim)
        )
        return ops.take(table, rows, axis=0)

    def compose_one_hot(self, one_hot):
        """Composes one-hot or relaxed codes `(..., D, K)`: o^T W (eq. 1)."""
        return self.compose(
            ops.einsum("...jk,jkd->...jd", one_hot, self.code_embeddings)
        )

    def sum_one_hot(self, one_hot):
        """Sums the code embeddings of one-hot or relaxed codes."""
        # The sum over positions is part of one matrix product.
        flat = ops.reshape(one_hot, (*ops.shape(one_hot)[:-2], self.D * self.K))
        table = ops.reshape(
            self.code_embeddings, (self.D * self.K, self.code_dim)
        )
        return ops.matmul(flat, table)

    def compose(self, embedded):
        """Composes embedded codes `(..., D, d')` to `(..., output_dim)`."""
        raise NotImplementedError

    def compute_output_spec(self, codes):
        # Not from the shape alone: the dtype tells whether K is part of it.
        shape = codes.shape[: -len(self._code_shape(codes))]
        return keras.KerasTensor(
            (*shape, self.output_dim), dtype=self.compute_dtype
        )

    def get_config(self):
        return super().get_config() | {
            "K": self.K,
            "D": self.D,
            "output_dim": self.output_dim,
            "code_dim": self.code_dim,
            "embeddings_initializer": initializers.serialize(
                self.embeddings_initializer
            ),
        }


@keras.saving.register_keras_serializable(package="kd_keras")
class LinearComposition(Composition):
    """Sums the code embeddings and projects them: v = (sum_j W_j)^T H.

    H `(d', d)` is absent where d' = d, since W can take it in.

    Args, call arguments and output shape: see `Composition`.

    Example:

    >>> import numpy as np
    >>> from kd_keras import LinearComposition
    >>> layer = LinearComposition(K=4, D=3, output_dim=8, code_dim=2)
    >>> print(layer(np.array([[0, 1, 3]])).shape)
    (1, 8)

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067),
        section 2.2.
    """

    def build_composition(self):
        self.kernel = output_kernel(self)

    def compose_one_hot(self, one_hot):
        return apply_kernel(self.sum_one_hot(one_hot), self.kernel)

    def compose(self, embedded):
        return apply_kernel(ops.sum(embedded, axis=-2), self.kernel)


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

    The paper writes U_t, b_t for the output gate. The four matrices stand
    side by side in `recurrent_kernel` `(d', 4 d')` (`h @ U`, in the order f,
    i, o, m), the biases in `bias` `(4 d',)`; H is absent where d' = d.

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

    def build_composition(self):
        self.recurrent_kernel = self.add_weight(
            shape=(self.code_dim, 4 * self.code_dim),
            initializer="orthogonal",
            name="recurrent_kernel",
        )
        self.bias = self.add_weight(
            shape=(4 * self.code_dim,), initializer="zeros", name="bias"
        )
        self.kernel = output_kernel(self)

    def compose(self, embedded):
        hidden = memory = total = ops.zeros_like(embedded[..., 0, :])
        for j in range(self.D):
            hidden, memory = self.step(embedded[..., j, :], hidden, memory)
            total = total + hidden
        return self.project(total)

    def step(self, embedded, hidden, memory):
        """Computes h_j and m_j from W_j `(..., d')`, h_{j-1} and m_{j-1}."""
        recurrent = ops.matmul(hidden, self.recurrent_kernel) + self.bias
        forget, take_in, give_out, candidate = (
            embedded + gate for gate in ops.split(recurrent, 4, axis=-1)
        )
        memory = ops.sigmoid(forget) * memory + ops.sigmoid(take_in) * ops.tanh(
            candidate
        )
        return ops.sigmoid(give_out) * ops.tanh(memory), memory

    def project(self, total):
        """Multiplies the sum of the h_j by H."""
        return apply_kernel(total, self.kernel)


@keras.saving.register_keras_serializable(package="kd_keras")
class ConcatComposition(Composition):
    """Puts the code embeddings side by side: D slices of d / D.

    This is the form of product quantisers; nothing is added or multiplied,
    which makes it the cheapest on a device.

    Args, call arguments and output shape: see `Composition`; `output_dim`
    must be a multiple of D, and `code_dim` is `output_dim / D`.

    Example:

    >>> import numpy as np
    >>> from kd_keras import ConcatComposition
    >>> layer = ConcatComposition(K=4, D=2, output_dim=8)
    >>> print(layer(np.array([[0, 3]])).shape)
    (1, 8)

    References:
        [Jegou, Douze and Schmid, 2011](https://doi.org/10.1109/TPAMI.2010.57)
    """

    def default_code_dim(self):
        return self.output_dim // self.D

    def __init__(self, K, D, output_dim, code_dim=None, **kwargs):
        super().__init__(K, D, output_dim, code_dim, **kwargs)
        if output_dim % D:
            raise ValueError(
                "The concat composition needs an `output_dim` that D divides. "
                f"Received: output_dim={output_dim}, D={D}"
            )
        if self.code_dim * D != output_dim:
            raise ValueError(
                "The code_dim of the concat composition is output_dim / D = "
                f"{output_dim // D}. Received: code_dim={code_dim}"
            )

    def compose(self, embedded):
        return ops.reshape(
            embedded, (*ops.shape(embedded)[:-2], self.output_dim)
        )


def output_kernel(layer):
    """Creates H `(d', d)`, or gives None where d' = d makes it needless."""
    if layer.code_dim == layer.output_dim:
        return None
    return layer.add_weight(
        shape=(layer.code_dim, layer.output_dim),
        initializer="glorot_uniform",
        name="kernel",
    )


def apply_kernel(total, kernel):
    return total if kernel is None else ops.matmul(total, kernel)
