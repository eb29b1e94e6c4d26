"""The rows of a large table from which code embeddings are learned."""

import numpy as np

# Up to this many rows, or 4 K, codes and code embeddings of all are learned
# together. Above, code embeddings are learned from so many and the codes of all
# are found under them. Of four times as many they are no better.
LEARNING_ROWS = 50_000
# A composition that is trained learns from so many, or from those that have so
# many floats, but no fewer than the above. Measured: from 200,000 in the place
# of 50,000 its error on other rows is 2 % lower.
TRAINING_ROWS, TRAINING_FLOATS = 200_000, 1 << 24


def is_large(N: int, K: int) -> bool:
    """Tells whether a table of N rows is learned from a sample."""
    return N > max(LEARNING_ROWS, 4 * K)


def learning_sample(
    N: int, d: int, K: int, seed: int, trained: bool
) -> np.ndarray | None:
    """Draws the rows that code embeddings are learned from.

    Args:
        N: int, rows of the table.
        d: int, its columns.
        K: int, values of a position.
        seed: int, decides the draw.
        trained: bool, whether a composition is trained.

    Returns:
        Ascending row numbers, or None where the table is learned whole.

    Example:

    >>> learning_sample(1_000, 64, 16, 0, trained=True)
    >>> [len(learning_sample(10**6, 64, 16, 0, t)) for t in (False, True)]
    [50000, 200000]
    """
    if not is_large(N, K):
        return None
    most = max(LEARNING_ROWS, 4 * K)
    if trained:
        most = max(most, min(TRAINING_ROWS, TRAINING_FLOATS // d))
    return draw_rows(N, most, seed)


def draw_rows(N: int, most: int, seed: int) -> np.ndarray:
    """Draws `most` of N row numbers, all if there are no more, ascending."""
    if N <= most:
        return np.arange(N)
    drawn = np.random.default_rng(seed).choice(N, most, replace=False)
    return np.sort(drawn)
