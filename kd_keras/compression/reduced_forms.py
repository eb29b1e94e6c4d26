"""The errors of reduced tables, computed exactly."""

import itertools

import numpy as np

from kd_keras.compression.forms import Form

STEP = 1.12  # from one number of rows to the next
LEAST_ROWS, WIDTHS = 8, 24


def reduced_forms(
    rows: np.ndarray, shares: np.ndarray
) -> list[tuple[Form, float]]:
    """Lists reduced tables with their squared errors.

    Args:
        rows: array of float, shape `(N, d)`; their weights fall.
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
    ends = counts.tolist()
    norms, sums, weights = _from_each(ends, rows, shares)
    squares, first = np.zeros((d, d)), 0
    found = []
    for i, kept in enumerate(ends):
        part = rows[first:kept].astype(np.float64)
        squares = squares + part.T @ (shares[first:kept, None] * part)
        first = kept
        all_squares, lost = squares, 0.0
        if kept < N:
            shared = sums[i] / weights[i]
            of_shared = weights[i] * np.outer(shared, shared)
            lost = float(norms[i] - np.trace(of_shared))
            all_squares = squares + of_shared
            found.append((Form(kept), lost))
        values = np.clip(np.linalg.eigvalsh(all_squares)[::-1], 0, None)
        rest = np.append(np.cumsum(values[::-1])[::-1], 0.0)
        found += [
            (Form(kept if kept < N else None, width), lost + float(rest[width]))
            for width in widths
        ]
    return found


def _from_each(
    ends: list[int], rows: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums squares, rows and shares from each end on, for all but the last."""
    norms, sums, weights = [], [], []
    for part in itertools.starmap(slice, itertools.pairwise(ends)):
        block = rows[part].astype(np.float64)
        norms.append(shares[part] @ np.square(block).sum(axis=1))
        sums.append(shares[part] @ block)
        weights.append(shares[part].sum())
    return _to_the_end(norms), _to_the_end(sums), _to_the_end(weights)


def _to_the_end(parts: list[np.ndarray]) -> np.ndarray:
    return np.cumsum(parts[::-1], axis=0)[::-1]


def _steps(low: int, high: int) -> int:
    return max(2, int(np.log(high / low) / np.log(STEP)))
