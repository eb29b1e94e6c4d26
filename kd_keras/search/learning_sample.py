"""The rows of a large table from which code embeddings are learned."""

import numpy as np

# Up to this many rows, or 4 K, codes and code embeddings of all are learned
# together. Above, code embeddings are learned from so many and the codes of all
# are found under them. Four times as many are no better for other rows.
LEARNING_ROWS = 50_000


# A composition that is trained does gain by more rows: they are this many, or
# fewer where vectors are long, but not fewer than for a search.
TRAINING_ROWS, TRAINING_FLOATS = 200_000, 1 << 24


def is_large(N: int, K: int) -> bool:
    """Tells whether code embeddings are learned from a sample of N rows."""
    return N > _searched_rows(K)


def _searched_rows(K: int) -> int:
    return max(LEARNING_ROWS, 4 * K)


def learning_sample(N: int, K: int, seed: int) -> np.ndarray | None:
    """Draws the rows that code embeddings are learned from.

    Args:
        N: int, rows of the table.
        K: int, values of a position.
        seed: int, decides the draw.

    Returns:
        Ascending row numbers, or None where the table is learned whole: up to
        50,000 rows, or 4 K if that is more.

    Example:

    >>> learning_sample(1_000, 16, 0), len(learning_sample(10**6, 16, 0))
    (None, 50000)
    """
    return _draw(N, _searched_rows(K), seed)


def training_sample(N: int, K: int, d: int, seed: int) -> np.ndarray | None:
    """Draws the rows that a composition is trained on.

    Args:
        N: int, rows of the table.
        K: int, values of a position.
        d: int, size of a row.
        seed: int, decides the draw.

    Returns:
        Ascending row numbers, or None for all: 200,000, or 2^24 / d if that is
        less, but no fewer than `learning_sample` would draw.

    Example:

    >>> len(training_sample(10**6, 16, 64, 0)), len(
    ...     training_sample(10**6, 16, 1000, 0)
    ... )
    (200000, 50000)
    """
    most = min(TRAINING_ROWS, TRAINING_FLOATS // d)
    return _draw(N, max(most, _searched_rows(K)), seed)


def _draw(N: int, most: int, seed: int) -> np.ndarray | None:
    if N <= most:
        return None
    drawn = np.random.default_rng(seed).choice(N, most, replace=False)
    return np.sort(drawn)
