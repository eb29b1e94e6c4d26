"""What every reader of a vector file returns, and the error it raises."""

from typing import Any, NamedTuple

import numpy as np


class VectorFileError(ValueError):
    """A vector file that cannot be read; one line says where and why."""


class Table(NamedTuple):
    """What a parser returns: `first_line` is that of row 0, None if binary."""

    words: list[str] | None
    vectors: Any  # `(N, d)`, float32: an array, of a .npy file a `MappedRows`
    first_line: int | None = None
    notes: tuple[str, ...] = ()


def stack(tables: list[np.ndarray]) -> np.ndarray:
    """Joins tables, letting go of each, so that they are not held twice."""
    whole = np.empty((sum(map(len, tables)), tables[0].shape[1]), np.float32)
    start = 0
    tables.reverse()
    while tables:
        table = tables.pop()
        whole[start : start + len(table)] = table
        start += len(table)
    return whole


def check_header(N: int, d: int) -> None:
    """Refuses a header of no rows or no columns."""
    if N < 1 or d < 1:
        raise VectorFileError(
            "The header must promise at least one row and one column. "
            f"Received: {N} rows, {d} columns"
        )
