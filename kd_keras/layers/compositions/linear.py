"""The paper's first composition: a sum of code embeddings."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kd_keras.layers.compositions.composition import (
    Composition,
    Tables,
    apply_kernel,
    output_kernel,
)
from kd_keras.layers.compositions.sum_of_rows import sum_of_rows


@keras.saving.register_keras_serializable(package="kd_keras")
class LinearComposition(Composition):
    """Sums the code embeddings and projects them: v = (sum_j W_j)^T H.

    H `(d', d)` is absent if d' = d, since W can absorb it.

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

    is_additive = True

    def build_composition(self) -> None:
        self.kernel = output_kernel(self)

    def has_own_scale(self) -> bool:
        return True

    def compose_one_hot(self, one_hot: Any) -> Any:
        return apply_kernel(self.sum_one_hot(one_hot), self.kernel)

    def compose(self, embedded: Any) -> Any:
        return apply_kernel(ops.sum(embedded, axis=-2), self.kernel)

    def score_composed(
        self, hidden: Any, codes: Any, training: bool = False
    ) -> Any:
        # H is applied to n hidden states instead of N sums.
        if self.is_one_hot(codes):
            sums = self.sum_one_hot(codes)
        else:
            sums = sum_of_rows(self.code_embeddings, codes, training)
        return ops.matmul(self._to_code_dim(hidden), ops.transpose(sums))

    def score_values(self, hidden: Any, code_embeddings: Any) -> Any:
        flat = ops.reshape(code_embeddings, (-1, self.code_dim))
        return ops.matmul(flat, ops.transpose(self._to_code_dim(hidden)))

    def _to_code_dim(self, hidden: Any) -> Any:
        if self.kernel is None:
            return hidden
        return ops.matmul(hidden, ops.transpose(self.kernel))

    def tables(self) -> Tables:
        rows = np.asarray(self.code_embeddings.numpy(), np.float32)
        if self.kernel is not None:
            rows = rows @ np.asarray(self.kernel.numpy(), np.float32)
        return Tables("sum", rows)
