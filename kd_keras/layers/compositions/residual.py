"""A composition that corrects the sum of code embeddings."""

from typing import Any

import keras
from keras import ops

from kd_keras.codes.sizes import RESIDUAL_WIDTH
from kd_keras.layers.compositions.composition import (
    Composition,
    apply_kernel,
    output_kernel,
)
from kd_keras.utils.checks import check_integer


@keras.saving.register_keras_serializable(package="kd_keras")
class ResidualComposition(Composition):
    """Sums the code embeddings and adds the correction of a hidden layer.

    With s the sum of the code embeddings,

        s = sum_j W_j
        v = s^T H + relu(s^T A + b)^T U

    This is the linear composition plus a correction, which can follow curves
    that a sum cannot. A `(d', hidden_dim)`, b and U `(hidden_dim, d)` do not
    grow with the number of symbols. U starts at zero, so that the layer starts
    as the linear one; H `(d', d)` is absent if d' = d.

    Args:
        K, D, output_dim, code_dim, embeddings_initializer: See `Composition`.
        hidden_dim: int or None. Number of hidden units. None: 4 d'.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments and output shape: see `Composition`.

    Example:

    >>> import numpy as np
    >>> from kd_keras import ResidualComposition
    >>> layer = ResidualComposition(K=4, D=3, output_dim=8)
    >>> print(layer(np.array([[0, 1, 3]])).shape, layer.hidden_dim)
    (1, 8) 32

    References:
        [Huijben et al., 2024](https://arxiv.org/abs/2401.14732). Their QINCo
        corrects after every position; this layer corrects once, after the
        sum, which needs 1/D of the weights.
    """

    def __init__(
        self,
        K: int,
        D: int,
        output_dim: int,
        code_dim: int | None = None,
        hidden_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(K, D, output_dim, code_dim, **kwargs)
        if hidden_dim is None:
            hidden_dim = RESIDUAL_WIDTH * self.code_dim
        self.hidden_dim = check_integer("`hidden_dim`", hidden_dim)

    def has_own_scale(self) -> bool:
        return self.code_dim == self.output_dim

    def build_composition(self) -> None:
        self.kernel = output_kernel(self)
        self.hidden_kernel = self.add_weight(
            shape=(self.code_dim, self.hidden_dim),
            initializer="glorot_uniform",
            name="hidden_kernel",
        )
        self.hidden_bias = self.add_weight(
            shape=(self.hidden_dim,), initializer="zeros", name="hidden_bias"
        )
        self.correction = self.add_weight(
            shape=(self.hidden_dim, self.output_dim),
            initializer="zeros",
            name="correction",
        )

    def compose_one_hot(self, one_hot: Any) -> Any:
        return self._correct(self.sum_one_hot(one_hot))

    def compose(self, embedded: Any) -> Any:
        return self._correct(ops.sum(embedded, axis=-2))

    def _correct(self, total: Any) -> Any:
        hidden = ops.relu(
            ops.matmul(total, self.hidden_kernel) + self.hidden_bias
        )
        correction = ops.matmul(hidden, self.correction)
        return apply_kernel(total, self.kernel) + correction

    def size_arguments(self) -> dict[str, Any]:
        return super().size_arguments() | {"hidden_dim": self.hidden_dim}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"hidden_dim": self.hidden_dim}
