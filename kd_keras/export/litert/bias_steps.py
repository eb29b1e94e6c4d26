"""The bias of an output layer in one byte for each symbol."""

import numpy as np

# Steps of a bias, in units of logits, that are too coarse. Rounding then
# changes a probability by up to a twentieth.
COARSE = 0.1


def in_steps(bias: np.ndarray) -> tuple[np.ndarray, float, float] | None:
    """Rounds a bias to 256 steps of equal size.

    Args:
        bias: array of float32, shape `(N,)`.

    Returns:
        `(steps, low, step)`: array of uint8, shape `(N,)`, and floats, so that
        the bias is about `low + step * steps`. None if the steps would be
        coarse: a number that is not finite, or far from the others to ban a
        symbol.
    """
    values = bias.astype(np.float64)
    if not np.isfinite(values).all():
        return None
    low, high = float(values.min()), float(values.max())
    step = (high - low) / 255 or 1.0
    if step > COARSE:
        return None
    return np.round((values - low) / step).astype(np.uint8), low, step
