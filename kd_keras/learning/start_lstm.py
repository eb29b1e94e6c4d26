"""An LSTM composition that starts near the linear one."""

import numpy as np

# Gates of the near-linear start: the input and output gates nearly open, the
# forget gate nearly shut.
OPEN = 3.0


def start_near_linear(composition, code_embeddings, H=None):
    """Sets an `LSTMComposition` to compute nearly what a linear one does.

    With U = 0, the input and output gates open and the forget gate shut,
    h_j = s tanh(s tanh(W_j)), s = sigmoid(3), an invertible function of each
    entry of W_j; the LSTM then sums the linear composition's code embeddings,
    as far as |h_j| < 0.7, and is trained from there.

    Args:
        composition: `LSTMComposition`, changed in place.
        code_embeddings: Float array `(D, K, d'')`, d'' at most d'.
        H: Float array `(d'', d)`, or None where d'' = d.
    """
    D, K, inner = code_embeddings.shape
    width = composition.code_dim
    if composition.kernel is not None:
        # H takes the scale, so that no code embedding is beyond the range.
        scale = max(np.abs(code_embeddings).max() / 0.5, 1e-30)
        code_embeddings = code_embeddings / scale
        kernel = np.zeros((width, composition.output_dim), np.float32)
        kernel[:inner] = scale * (np.eye(inner) if H is None else H)
        composition.kernel.assign(kernel)
    s = 1 / (1 + np.exp(-OPEN))
    start = np.zeros((D, K, width), np.float32)
    inside = np.clip(code_embeddings / s, -0.74, 0.74)
    start[..., :inner] = np.arctanh(np.arctanh(inside) / s * 0.999)
    composition.code_embeddings.assign(start)
    composition.recurrent_kernel.assign(np.zeros((width, 4 * width)))
    composition.bias.assign(np.repeat([-OPEN, OPEN, OPEN, 0.0], width))
