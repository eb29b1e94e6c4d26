"""The paper's first composition: a sum of code embeddings."""

import keras
from keras import ops

from kd_keras.layers.compositions.composition import (
    Composition,
    apply_kernel,
    output_kernel,
)


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
