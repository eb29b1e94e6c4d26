"""Rows that count more than once, or less: their errors, and draws of them."""

import numpy as np

# How many times each row counts, float32 `(N,)`, or None: once each.
Weights = np.ndarray | None


def weighted(values: np.ndarray, weights: Weights) -> np.ndarray:
    """Multiplies values of rows by the rows' weights.

    Args:
        values: array of float, shape `(..., N)`.
        weights: array of float32, shape `(N,)`, or None.

    Returns:
        array of float, shape `(..., N)`.
    """
    return values if weights is None else values * weights


def weighted_mean(values: np.ndarray, weights: Weights) -> float:
    """Returns the mean of values of rows, float.

    Args:
        values: array of float, shape `(N,)`.
        weights: array of float32, shape `(N,)`, or None.
    """
    if weights is None:
        return float(values.mean())
    return float(np.average(values, weights=weights))


def pick(values: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
    """Returns the values of some rows, or all if `rows` is None."""
    return values if rows is None else values[rows]


def draw_rows(
    N: int, most: int, rng: np.random.Generator, weights: Weights = None
) -> tuple[np.ndarray | None, Weights]:
    """Draws rows at random, heavy ones first.

    With weights, row i is drawn with the probability min(1, c w_i), and then
    counts w_i divided by that probability. So heavy rows are all drawn and
    keep their weights, the others all count the same, and sums over the drawn
    rows are right on average (Horvitz and Thompson, 1952).

    Args:
        N: int. Number of rows.
        most: int. Number of rows to draw.
        rng: `np.random.Generator`.
        weights: array of float32, shape `(N,)`, positive, or None.

    Returns:
        `(rows, weights)`: array of int, row numbers in ascending order, or
        None for all rows; and the weights of the drawn rows with mean 1, or
        None.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> rows, weights = draw_rows(4, 2, rng, np.array([1.0, 1.0, 1.0, 97.0]))
    >>> 3 in rows, weights.round(2)
    (True, array([0.06, 1.94]))
    """
    if most >= N:
        return None, weights
    if weights is None:
        return np.sort(rng.choice(N, most, replace=False)), None
    shares = _shares(weights.astype(np.float64), most)
    order = rng.permutation(N)
    # Ticks at distance 1, the first at random: a share of 1 always has one.
    ends = np.cumsum(shares[order])
    ticks = np.searchsorted(ends, rng.random() + np.arange(most), "right")
    rows = np.unique(order[np.minimum(ticks, N - 1)])
    if len(rows) < most:  # rounding has moved an end across a tick
        left = np.setdiff1d(np.arange(N), rows)
        heavy = left[np.argsort(-weights[left], kind="stable")]
        rows = np.union1d(rows, heavy[: most - len(rows)])
    drawn = weights[rows] / np.maximum(shares[rows], 1e-300)
    return rows, (drawn / drawn.mean()).astype(weights.dtype)


def _shares(weights: np.ndarray, most: int) -> np.ndarray:
    """Returns min(1, c w_i), of which the sum is `most`."""
    sure: np.ndarray = np.zeros(len(weights), bool)
    while True:
        scale = (most - sure.sum()) / weights[~sure].sum()
        shares = np.where(sure, 1.0, weights * scale)
        if (shares <= 1).all():
            return shares
        sure |= shares > 1
