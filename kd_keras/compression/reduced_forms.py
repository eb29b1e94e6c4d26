"""The errors of reduced tables, computed exactly."""

import numpy as np

from kd_keras.compression.forms import Form

STEP = 1.12  # from one number of rows to the next
LEAST_ROWS, WIDTHS = 8, 24


def reduced_forms(
    rows: np.ndarray, shares: np.ndarray
) -> list[tuple[Form, float]]:
    """Lists reduced tables with their squared errors.

    Args:
        rows: array of float64, shape `(N, d)`; their weights fall.
        shares: array of float64, shape `(N,)`. The weights, with sum 1.

    Returns:
        list of `(form, error)`. The error is the weighted mean.
    """
    N, d = rows.shape
    counts = np.unique(
        np.append(
            np.geomspace(LEAST_ROWS, N - 1, _steps(LEAST_ROWS, N)).astype(int),
            N,
        )
    )
    widths = sorted(set(np.geomspace(1, d, WIDTHS).astype(int).tolist()) - {d})
    squares, first = np.zeros((d, d)), 0
    norms = np.cumsum((shares * np.square(rows).sum(axis=1))[::-1])[::-1]
    sums = np.cumsum((shares[:, None] * rows)[::-1], axis=0)[::-1]
    weights = np.cumsum(shares[::-1])[::-1]
    found = []
    for kept in counts.tolist():
        part = rows[first:kept]
        squares = squares + part.T @ (shares[first:kept, None] * part)
        first = kept
        all_squares, lost = squares, 0.0
        if kept < N:
            shared = sums[kept] / weights[kept]
            of_shared = weights[kept] * np.outer(shared, shared)
            lost = float(norms[kept] - np.trace(of_shared))
            all_squares = squares + of_shared
            found.append((Form(kept), lost))
        values = np.clip(np.linalg.eigvalsh(all_squares)[::-1], 0, None)
        rest = np.append(np.cumsum(values[::-1])[::-1], 0.0)
        found += [
            (Form(kept if kept < N else None, width), lost + float(rest[width]))
            for width in widths
        ]
    return found


def _steps(low: int, high: int) -> int:
    return max(2, int(np.log(high / low) / np.log(STEP)))
