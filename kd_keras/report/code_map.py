"""A picture of how the values of each code position are used."""

from collections.abc import Iterable

import numpy as np

from kd_keras.code_statistics import value_counts

MOST_ROWS = 64
MOST_COLUMNS = 128
# How often a value is used, against all values equally often.
LEVELS = (0.25, 0.5, 1.0, 2.0, 4.0)
NAMES = ("unused", "below 1/4", "1/4 to 1/2", "1/2 to 1", "1 to 2", "2 to 4")
LEGEND = (*NAMES, "over 4")


def usage_levels(codes: np.ndarray, K: int) -> np.ndarray:
    """Sorts the values of each position by how often they are used.

    Args:
        codes: Codes, shape `(N, D)`.
        K: int, the values of a position.

    Returns:
        Levels, shape `(D, K)`, 0 where no symbol has the value, else 1 to 6,
        places in `LEGEND`. Above 64 positions or 128 values, neighbours are
        taken together, so that there are that many rows and columns at most.

    Example:

    >>> usage_levels(np.array([[0, 1], [0, 2], [0, 1]]), K=3).tolist()
    [[5, 0, 0], [0, 5, 4]]
    """
    counts = value_counts(codes, K).astype(np.float64)
    counts = _average(_average(counts, MOST_ROWS).T, MOST_COLUMNS).T
    even = len(codes) / K
    levels = 1 + np.searchsorted(LEVELS, counts / even, side="right")
    return np.where(counts > 0, levels, 0)


def code_map(codes: np.ndarray, K: int) -> str:
    """Draws the use of code values as SVG: a row per position.

    Args:
        codes: Codes, shape `(N, D)`.
        K: int, the values of a position.

    Returns:
        An `svg` element whose paths have the classes u0 (unused) to u6.
    """
    levels = usage_levels(codes, K)
    D, columns = levels.shape
    label = f"Use of {K} values at each of {codes.shape[1]} positions"
    paths = "".join(
        f'<path class="u{level}" d="{_cells(np.argwhere(levels == level))}"/>'
        for level in range(len(LEGEND))
        if (levels == level).any()
    )
    return (
        f'<svg class="map" viewBox="0 0 {columns} {D}" role="img" '
        f'preserveAspectRatio="none" aria-label="{label}">{paths}</svg>'
    )


def _cells(places: Iterable[np.ndarray]) -> str:
    return "".join(f"M{column} {row}h.92v.9h-.92z" for row, column in places)


def _average(counts: np.ndarray, most: int) -> np.ndarray:
    """Takes neighbouring rows together until there are `most` at most."""
    step = -(-len(counts) // most)
    starts = np.arange(0, len(counts), step)
    sums = np.add.reduceat(counts, starts, axis=0)
    return sums / np.diff([*starts, len(counts)])[:, None]
