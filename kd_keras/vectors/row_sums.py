"""Sums over the rows of a table, in blocks: a copy in float64 may not fit."""

from collections.abc import Iterator

import numpy as np

from kd_keras.utils.row_blocks import Rows, row_blocks, rows_at_a_time

BLOCK_ROWS, BLOCK_FLOATS = 1 << 14, 1 << 24  # a block has at most so many


def weighted_mean(rows: Rows, shares: np.ndarray) -> np.ndarray:
    """Returns the mean of rows, float64 `(d,)`.

    Args:
        rows: `Rows` of float, shape `(N, d)`.
        shares: array of float, shape `(N,)`. The weights.
    """
    parts = (own @ block for block, own in _blocks(rows, shares))
    return np.asarray(sum(parts) / shares.sum())


def weighted_squares(rows: Rows, shares: np.ndarray) -> np.ndarray:
    """Returns the weighted sum of the rows' outer products, `(d, d)`.

    Args:
        rows, shares: See `weighted_mean`.
    """
    d = rows.shape[1]
    total = np.zeros((d, d))
    for block, own in _blocks(rows, shares):
        total += block.T @ (own[:, None] * block)
    return total


def constant_error(rows: Rows, shares: np.ndarray) -> float:
    """Returns the squared error of rows that share their weighted mean.

    Args:
        rows, shares: See `weighted_mean`.

    Returns:
        float. The weighted sum over the rows: a mean if the weights sum to 1.
    """
    mean = weighted_mean(rows, shares)
    return sum(
        float(own @ np.square(block - mean).sum(axis=1))
        for block, own in _blocks(rows, shares)
    )


def _blocks(
    rows: Rows, shares: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    N, d = rows.shape
    for block in row_blocks(N, rows_at_a_time(d, BLOCK_ROWS, BLOCK_FLOATS)):
        yield rows[block].astype(np.float64), shares[block]
