"""An LSTM composition that starts near the linear one."""

from typing import Any

import numpy as np

from kd_keras.learning.output_scale import set_scale

# Gates of the near-linear start: the input and output gates nearly open, the
# forget gate nearly shut.
OPEN = 3.0


def start_near_linear(
    composition: Any, code_embeddings: np.ndarray, H: np.ndarray | None = None
) -> None:
    """Sets an `LSTMComposition` to compute nearly what a linear one does.

    With U = 0, open input and output gates and a shut forget gate,
    h_j = s tanh(s tanh(W_j)), s = sigmoid(3), which is an invertible function
    of each entry of W_j. The LSTM then sums the code embeddings of the linear
    composition, since the output scale brings all of them within |h_j| < 0.7,
    and is trained from there.

    Args:
        composition: `LSTMComposition`, built and scaled. It is changed in
            place.
        code_embeddings: array of float, shape `(D, K, d'')`, of the linear
            solution; d'' is at most d'.
        H: array of float, shape `(d'', d)`, of the linear solution; None if
            d'' = d.
    """
    D, K, inner = code_embeddings.shape
    width = composition.code_dim
    scale = max(np.abs(code_embeddings).max() / 0.5, 1e-30)
    set_scale(composition, scale)
    if composition.kernel is not None:
        kernel = np.zeros((width, composition.output_dim), np.float32)
        kernel[:inner] = np.eye(inner) if H is None else H
        composition.kernel.assign(kernel)
    s = 1 / (1 + np.exp(-OPEN))
    start = np.zeros((D, K, width), np.float32)
    inside = code_embeddings / (scale * s)
    start[..., :inner] = np.arctanh(np.arctanh(inside) / s * 0.999)
    composition.code_embeddings.assign(start)
    composition.recurrent_kernel.assign(np.zeros((width, 4 * width)))
    composition.bias.assign(np.repeat([-OPEN, OPEN, OPEN, 0.0], width))
