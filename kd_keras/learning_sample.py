"""The rows of a large table from which code embeddings are learned."""

import numpy as np

# Up to this many rows, or 4 K, codes and code embeddings of all are learned
# together. Above, code embeddings are learned from a sample and the codes of
# all are found under them.
LEARNING_ROWS = 50_000
# The sample: so many rows, or those that have so many floats, but no fewer than
# are learned whole. Measured: a composition that is trained on four times as
# many rows has a 2 % lower error on others.
SAMPLE_ROWS, SAMPLE_FLOATS = 200_000, 1 << 24


def is_large(N: int, K: int) -> bool:
    """Tells whether a table of N rows is learned from a sample."""
    return N > max(LEARNING_ROWS, 4 * K)


def learning_sample(N: int, d: int, K: int, seed: int) -> np.ndarray | None:
    """Draws the rows that code embeddings are learned from.

    Args:
        N: int, rows of the table.
        d: int, its columns.
        K: int, values of a position.
        seed: int, decides the draw.

    Returns:
        Ascending row numbers, or None where the table is learned whole.

    Example:

    >>> learning_sample(1_000, 64, 16, 0)
    >>> len(learning_sample(10**6, 64, 16, 0))
    200000
    """
    if not is_large(N, K):
        return None
    most = min(SAMPLE_ROWS, SAMPLE_FLOATS // d)
    most = min(N, max(most, LEARNING_ROWS, 4 * K))
    drawn = np.random.default_rng(seed).choice(N, most, replace=False)
    return np.sort(drawn)
