"""Measurements of a compressed table: error, neighbours and bytes.

They only need numpy. The vectors after compression can be any object whose
rows can be read.
"""

from typing import Any

import numpy as np

from kd_keras.report.neighbours import (
    COUNT,
    nearest_neighbours,
    neighbours_kept,
    sample_symbols,
    unit_rows,
)
from kd_keras.utils.row_blocks import Rows, row_blocks, rows_at_a_time
from kd_keras.vectors.row_sums import weighted_mean

BLOCK, BLOCK_FLOATS = 4096, 1 << 22  # rows at a time, and numbers in them


def measure_error(
    before: Rows, after: Rows, weights: np.ndarray | None = None
) -> dict[str, float | int | None]:
    """Measures how far the vectors after compression are from those before.

    Args:
        before: `Rows`, shape `(N, d)`.
        after: `Rows` of the same shape.
        weights: array of float, shape `(N,)`, or None. How many times each
            symbol counts.

    Returns:
        Dictionary of measurements:

        - `error`: float. Squared, summed over the dimensions, averaged over
          the symbols.
        - `variance`: float. The error of using the mean vector for all
          symbols.
        - `error_share`: float or None. `error / variance`; None if the
          variance is 0.
        - `mean_cosine`: float or None. Mean over the rows that are not zero;
          None if all are zero.
        - `zero_vectors`: int. Number of rows that are zero.
        - `weighted_error`, `weighted_error_share`: float, and float or None.
          The same as `error` and `error_share` with each symbol counted as
          often as its weight, the mean included; only if there are weights.

    Example:

    >>> before = np.array([[1, 0], [-1, 0]], np.float32)
    >>> measured = measure_error(before, 0.5 * before)
    >>> measured["error"], measured["variance"], measured["mean_cosine"]
    (0.25, 1.0, 1.0)
    """
    N, d = before.shape
    mean = np.zeros(d)
    step = rows_at_a_time(d, BLOCK, BLOCK_FLOATS)
    for rows in row_blocks(N, step):
        mean += before[rows].sum(axis=0, dtype=np.float64) / N
    error = variance = cosines = 0.0
    zeros = 0
    for rows in row_blocks(N, step):
        old, new = before[rows], after[rows]
        exact = old.astype(np.float64)
        error += float(np.square(exact - new).sum()) / N
        variance += float(np.square(exact - mean).sum()) / N
        zeros += int((~old.any(axis=1)).sum())
        cosines += float((unit_rows(old) * unit_rows(new)).sum())
    measured: dict[str, float | int | None] = {
        "error": error,
        "variance": variance,
        "error_share": error / variance if variance else None,
        "mean_cosine": cosines / (N - zeros) if zeros < N else None,
        "zero_vectors": zeros,
    }
    if weights is not None:
        error, variance = _weighted(before, after, weights / weights.sum())
        measured["weighted_error"] = error
        share = error / variance if variance else None
        measured["weighted_error_share"] = share
    return measured


def _weighted(
    before: Rows, after: Rows, shares: np.ndarray
) -> tuple[float, float]:
    """Returns the weighted error and variance, for shares whose sum is 1."""
    mean = weighted_mean(before, shares)
    error = variance = 0.0
    N, d = before.shape
    for rows in row_blocks(N, rows_at_a_time(d, BLOCK, BLOCK_FLOATS)):
        exact = before[rows].astype(np.float64)
        new = after[rows]
        error += float(shares[rows] @ np.square(exact - new).sum(axis=1))
        variance += float(shares[rows] @ np.square(exact - mean).sum(axis=1))
    return error, variance


def measure_neighbours(
    before: Rows, after: Rows, seed: int = 0
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Measures how many nearest neighbours by cosine compression keeps.

    Args:
        before: `Rows`, shape `(N, d)`.
        after: `Rows` of the same shape.
        seed: int. Seed for the sample of symbols, if there are too many to
            measure all.

    Returns:
        A dictionary of measurements and a dictionary of arrays. The
        measurements:

        - `count`: int. Number of neighbours looked up per symbol.
        - `symbols`: int. Number M of symbols whose neighbours were looked up.
        - `mean_kept`: float or None. Mean number of neighbours kept, over
          those symbols whose vector is not zero; None if there are none.
        - `share_kept`: float or None. `mean_kept / count`.

        The arrays, as in `neighbours.npz`: `symbols`, shape `(M,)`; `before`
        and `after`, shape `(M, count)`. All contain ids.
    """
    N = before.shape[0]
    symbols = sample_symbols(N, seed)
    old = nearest_neighbours(before, symbols)
    new = nearest_neighbours(after, symbols)
    kept = neighbours_kept(old, new)[np.asarray(before[symbols]).any(axis=1)]
    count = min(COUNT, N - 1)
    mean = float(kept.mean()) if kept.size and count else None
    measured = {
        "count": count,
        "symbols": len(symbols),
        "mean_kept": mean,
        "share_kept": None if mean is None else mean / count,
    }
    dtype = np.min_scalar_type(N - 1)
    arrays = {"symbols": symbols, "before": old, "after": new}
    return measured, {k: v.astype(dtype) for k, v in arrays.items()}


def measure_bytes(
    N: int,
    d: int,
    codes: int,
    code_embeddings: int,
    composition: int,
    stored_dtype: str | None,
) -> dict[str, Any]:
    """Counts the bytes before and after compression.

    Args:
        N: int. Number of symbols.
        d: int. Dimension of a symbol's vector.
        codes: int. Bytes of the packed codes in the file.
        code_embeddings: int. Bytes of W.
        composition: int. Bytes of the composition's other weights.
        stored_dtype: str or None. Precision in the file of vectors; None for
            text.

    Returns:
        Dictionary of sizes in bytes and of ratios:

        - `float32_table`: size of the table in float32.
        - `codes`, `code_embeddings`, `composition`: sizes of the parts.
        - `total`: their sum.
        - `ratio`: how many times smaller `total` is than `float32_table`.
        - `stored_as`: the precision in the file, or `"text"`.
        - `stored_table`, `stored_ratio`: size of a table of this precision,
          and how many times smaller `total` is; absent for text.
    """
    total = codes + code_embeddings + composition
    sizes: dict[str, Any] = {
        "float32_table": N * d * 4,
        "codes": codes,
        "code_embeddings": code_embeddings,
        "composition": composition,
        "total": total,
        "ratio": N * d * 4 / total,
        "stored_as": stored_dtype or "text",
    }
    if stored_dtype:
        sizes["stored_table"] = N * d * np.dtype(stored_dtype).itemsize
        sizes["stored_ratio"] = sizes["stored_table"] / total
    return sizes
