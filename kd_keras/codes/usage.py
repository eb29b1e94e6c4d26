"""How often the values of each code position are used, as a picture."""

import numpy as np

from kd_keras.codes.statistics import value_counts

MOST_ROWS = 64
MOST_COLUMNS = 128
# How often a value is used, against all values equally often.
LEVELS = (0.25, 0.5, 1.0, 2.0, 4.0)
LEVEL_NAMES = (
    "unused", "below 1/4", "1/4 to 1/2", "1/2 to 1", "1 to 2", "2 to 4",
    "over 4",
)  # fmt: skip


def usage_levels(codes: np.ndarray, K: int) -> np.ndarray:
    """Sorts the values of each position by how often they are used.

    Args:
        codes: Codes, shape `(N, D)`.
        K: int, the values of a position.

    Returns:
        Levels, shape `(D, K)`, 0 where no symbol has the value, else 1 to 6,
        places in `LEVEL_NAMES`. Above 64 positions or 128 values, neighbours
        are taken together, so that there are that many rows and columns at
        most.

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
    """Takes neighbouring rows together until there are `most` at most."""
    step = -(-len(counts) // most)
    starts = np.arange(0, len(counts), step)
    sums = np.add.reduceat(counts, starts, axis=0)
    return sums / np.diff([*starts, len(counts)])[:, None]
