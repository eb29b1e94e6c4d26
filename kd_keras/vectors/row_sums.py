"""Sums over the rows of a table, in blocks: a copy in float64 may not fit."""

from collections.abc import Iterator

import numpy as np

ROWS = 1 << 14  # of a block


def weighted_mean(rows: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Returns the mean of rows, float64 `(d,)`.

    Args:
        rows: array of float, shape `(N, d)`.
        shares: array of float, shape `(N,)`. The weights.
    """
    parts = (own @ block for block, own in _blocks(rows, shares))
    return np.asarray(sum(parts) / shares.sum())


def weighted_squares(rows: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Returns the weighted sum of the rows' outer products, `(d, d)`.

    Args:
        rows, shares: See `weighted_mean`.
    """
    d = rows.shape[1]
    total = np.zeros((d, d))
    for block, own in _blocks(rows, shares):
        total += block.T @ (own[:, None] * block)
    return total


def constant_error(rows: np.ndarray, shares: np.ndarray) -> float:
    """Returns the weighted squared error of rows that share their mean.

    Args:
        rows, shares: See `weighted_mean`.
    """
    mean = weighted_mean(rows, shares)
    return sum(
        float(own @ np.square(block - mean).sum(axis=1))
        for block, own in _blocks(rows, shares)
    )


def _blocks(
    rows: np.ndarray, shares: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for first in range(0, len(rows), ROWS):
        block = slice(first, first + ROWS)
        yield rows[block].astype(np.float64), shares[block]
