"""What is measured of a compressed table: error, neighbours, codes, bytes.

Numpy only: the vectors after compression are whatever gives rows.
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
from kd_keras.utils.row_blocks import Rows, row_blocks

BLOCK = 4096


def measure_error(before: Rows, after: Rows) -> dict[str, float | int | None]:
    """Measures how far the vectors after compression are from those before.

    Args:
        before: Table of shape `(N, d)`.
        after: Table of the same shape.

    Returns:
        `error`, squared, summed over the dimensions, averaged over the
        symbols; `variance`, the error of taking the mean vector for every
        symbol; `error_share`, error / variance, None where that is 0;
        `mean_cosine` over the rows that are not zero, None if all are;
        `zero_vectors`, how many are.

    Example:

    >>> before = np.array([[1, 0], [-1, 0]], np.float32)
    >>> measured = measure_error(before, 0.5 * before)
    >>> measured["error"], measured["variance"], measured["mean_cosine"]
    (0.25, 1.0, 1.0)
    """
    N, d = before.shape
    mean = np.zeros(d)
    for rows in row_blocks(N, BLOCK):
        mean += before[rows].sum(axis=0, dtype=np.float64) / N
    error = variance = cosines = 0.0
    zeros = 0
    for rows in row_blocks(N, BLOCK):
        old, new = before[rows], after[rows]
        exact = old.astype(np.float64)
        error += float(np.square(exact - new).sum()) / N
        variance += float(np.square(exact - mean).sum()) / N
        zeros += int((~old.any(axis=1)).sum())
        cosines += float((unit_rows(old) * unit_rows(new)).sum())
    return {
        "error": error,
        "variance": variance,
        "error_share": error / variance if variance else None,
        "mean_cosine": cosines / (N - zeros) if zeros < N else None,
        "zero_vectors": zeros,
    }


def measure_neighbours(
    before: Rows, after: Rows, seed: int = 0
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Measures how many nearest neighbours by cosine stay.

    Args:
        before: Table of shape `(N, d)`.
        after: Table of the same shape.
        seed: int, draws the symbols where there are too many for all.

    Returns:
        The measurements, `count` (neighbours looked up), `symbols` (that were
        looked up), `mean_kept` and `share_kept` over those whose vector is
        not zero, None if there are none; and the arrays of `neighbours.npz`:
        `symbols` `(M,)`, `before` and `after` `(M, count)`, ids.
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
    packed: np.ndarray,
    code_embeddings: int,
    composition: int,
    stored_dtype: str | None,
) -> dict[str, Any]:
    """Counts bytes before and after.

    Args:
        N: int, the number of symbols.
        d: int, the size of a symbol's vector.
        packed: The packed codes, as they were written.
        code_embeddings: int, the bytes of W.
        composition: int, the bytes of the composition's other weights.
        stored_dtype: The precision in the file of vectors, None for text.

    Returns:
        `float32_table`; `codes`, `code_embeddings` and `composition`, their
        sum `total`, and `ratio`, how many times smaller that is; `stored_as`,
        and where it is a dtype `stored_table` and `stored_ratio`, the same
        against a table of this precision.
    """
    total = packed.nbytes + code_embeddings + composition
    sizes: dict[str, Any] = {
        "float32_table": N * d * 4,
        "codes": packed.nbytes,
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
