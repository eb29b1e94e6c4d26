"""The rows of a large table from which code embeddings are learned."""

import numpy as np

# More rows than this make the code embeddings hardly any better.
LEARNING_ROWS = 50_000


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
    most = max(LEARNING_ROWS, 4 * K)
    if N <= most:
        return None
    drawn = np.random.default_rng(seed).choice(N, most, replace=False)
    return np.sort(drawn)
