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
