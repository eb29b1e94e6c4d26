"""How often the values of each position are used, as levels for a picture."""

import numpy as np

from kd_keras.codes.statistics import value_counts

MOST_ROWS = 64
MOST_COLUMNS = 128
# How often a value is used, relative to equal use of all values.
LEVELS = (0.25, 0.5, 1.0, 2.0, 4.0)
LEVEL_NAMES = (
    "unused", "below 1/4", "1/4 to 1/2", "1/2 to 1", "1 to 2", "2 to 4",
    "over 4",
)  # fmt: skip


def usage_levels(codes: np.ndarray, K: int) -> np.ndarray:
    """Grades the values of each position by how often they are used.

    Args:
        codes: array of int, 0 to K-1, shape `(N, D)`.
        K: int, 2 to 65536.

    Returns:
        The levels, shape `(D, K)`: 0 for a value that no symbol has, else 1 to
        6. They are indices into `LEVEL_NAMES`. For more than 64 positions or
        128 values, neighbouring ones are averaged, so that there are at most
        64 rows and 128 columns.

    Example:

    >>> usage_levels(np.array([[0, 1], [0, 2], [0, 1]]), K=3).tolist()
    [[5, 0, 0], [0, 5, 4]]
    """
    counts = value_counts(codes, K).astype(np.float64)
    counts = _average(_average(counts, MOST_ROWS).T, MOST_COLUMNS).T
    even = len(codes) / K
    levels = 1 + np.searchsorted(LEVELS, counts / even, side="right")
    return np.where(counts > 0, levels, 0)


def _average(counts: np.ndarray, most: int) -> np.ndarray:
    """Averages neighbouring rows so that at most `most` rows remain."""
    step = -(-len(counts) // most)
    starts = np.arange(0, len(counts), step)
    sums = np.add.reduceat(counts, starts, axis=0)
    return sums / np.diff([*starts, len(counts)])[:, None]
