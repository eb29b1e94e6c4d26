"""Weights of the rows of a table."""

import numpy as np
import numpy.typing as npt

from kd_keras.utils.checks import plain_array


def check_weights(weights: npt.ArrayLike, N: int) -> np.ndarray | None:
    """Checks the weights of N rows and scales them to a mean of 1.

    Args:
        weights: array of float or int, shape `(N,)`, positive and finite.
        N: int. Number of rows.

    Returns:
        array of float32, shape `(N,)`; None if all weights are the same.

    Raises:
        ValueError: If the shape or the dtype is wrong, or if a weight is not
            a positive, finite number. The message names the first such row.

    Example:

    >>> check_weights([1, 2, 3], 3)
    array([0.5, 1. , 1.5], dtype=float32)
    """
    given = plain_array("weights", weights, "an array of N numbers")
    if given.shape != (N,):
        raise ValueError(
            f"weights must have one number for each of the {N:,} vectors, "
            f"shape ({N},). Received: shape={given.shape}"
        )
    if given.dtype.kind not in "fiu":
        raise ValueError(
            "weights must have a floating-point or integer dtype. "
            f"Received: dtype={given.dtype}"
        )
    wrong = ~((given > 0) & np.isfinite(given))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            "weights must be positive and finite; give a symbol that never "
            f"occurs a small weight. Received: {given[row]} in row {row}"
        )
    if (given == given[0]).all():
        return None
    shares = given / np.float64(given.max())
    shares /= shares.mean()
    # A weight that float32 takes for 0 would be none at all.
    smallest = float(np.finfo(np.float32).tiny)
    return np.maximum(shares, smallest).astype(np.float32)
