"""Checks of tables of vectors that a user passes in."""

import numpy as np
import numpy.typing as npt

from kd_keras.utils.checks import plain_array
from kd_keras.utils.row_blocks import Rows, row_blocks
from kd_keras.vectors.mapped_rows import MappedRows, is_mapped

BLOCK_FLOATS = 1 << 20


def check_vectors(vectors: npt.ArrayLike) -> np.ndarray:
    """Checks a table of vectors and returns it as float32.

    Args:
        vectors: array of float or int, shape `(N, d)`, N and d at least 1. A
            memory map is read block by block.

    Returns:
        The vectors, shape `(N, d)`, float32. If `vectors` already has this
        dtype, it is returned without a copy, also if it is a memory map.

    Raises:
        ValueError: If the rank, dtype or size is wrong, or if a value is not
            finite in float32. The message names the first such row.

    Example:

    >>> check_vectors([[1, 2], [3, 4]]).dtype
    dtype('float32')
    """
    rows = check_rows(vectors)
    return rows.whole() if isinstance(rows, MappedRows) else rows


def check_rows(
    vectors: npt.ArrayLike | MappedRows,
) -> np.ndarray | MappedRows:
    """Checks a table of vectors but does not load a memory map.

    Args:
        vectors: array as for `check_vectors`, or a `MappedRows`. The latter is
            not checked again, since `open_vectors` has checked it.

    Returns:
        The vectors, shape `(N, d)`, float32. For a memory map of any dtype, a
        `MappedRows` instead of the whole table.

    Raises:
        ValueError: As `check_vectors` does.

    Example:

    >>> check_rows([[1, 2], [3, 4]]).dtype
    dtype('float32')
    """
    if isinstance(vectors, MappedRows):
        return vectors
    # A memory map stays one: `np.asarray` returns a view of it.
    array = plain_array("vectors", vectors, "a rectangular (N, d) array")
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            "vectors must have the shape (N, d), with at least one row and "
            f"one column. Received: shape={array.shape}"
        )
    if array.dtype.kind not in "fiu":
        raise ValueError(
            "vectors must have a floating-point or integer dtype. "
            f"Received: dtype={array.dtype}"
        )
    rows: np.ndarray | MappedRows = array
    if is_mapped(array):
        rows = MappedRows(array)
    elif array.dtype != np.float32:
        with np.errstate(over="ignore"):  # infinity is refused below
            rows = np.array(array, np.float32)
    if bad := find_not_finite(rows):
        row, column, value = bad
        raise ValueError(
            f"vectors must be finite in float32. Received: {value} in row "
            f"{row}, dimension {column}"
        )
    return rows


def find_not_finite(
    vectors: Rows, rows: slice = slice(None)
) -> tuple[int, int, float] | None:
    """Finds the first NaN or infinity, a block of rows at a time.

    Args:
        vectors: `Rows`, shape `(N, d)`.
        rows: slice. The rows to look at.

    Returns:
        The row, column and value, or None if all values are finite.

    Example:

    >>> find_not_finite(np.array([[0, np.inf], [np.nan, 0]]), slice(1, 2))
    (1, 0, nan)
    """
    N, d = vectors.shape
    begin, end, _ = rows.indices(N)
    for block in row_blocks(end, max(1, BLOCK_FLOATS // d), begin):
        values = vectors[block]
        wrong = ~np.isfinite(values)
        if wrong.any():
            row, column = np.argwhere(wrong)[0].tolist()
            return block.start + row, column, float(values[row, column])
    return None
