"""The rows of a large table from which code embeddings are learned."""

import numpy as np

from kd_keras import additive_codes


def learning_sample(N: int, K: int, seed: int) -> np.ndarray | None:
    """Draws the rows that code embeddings are learned on.

    Args:
        N: int, rows of the table.
        K: int, values of a position.
        seed: int, decides the draw.

    Returns:
        Ascending row numbers, or None where all rows are used: up to 50,000,
        or 4 K if that is more.

    Example:

    >>> learning_sample(1_000, 16, 0), len(learning_sample(10**6, 16, 0))
    (None, 50000)
    """
    most = max(additive_codes.LEARNING_ROWS, 4 * K)
    if N <= most:
        return None
    # The same draw as that of `fit_additive`.
    drawn = np.random.default_rng(seed).choice(N, most, replace=False)
    return np.sort(drawn)
