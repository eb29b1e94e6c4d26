"""Tables that are read one block of rows at a time."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np


class Rows(Protocol):
    """A table whose rows can be read by slice or by index.

    It may be a numpy array, a memory map, or an object that computes rows on
    demand.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, index: Any) -> np.ndarray: ...


def rows_at_a_time(d: int, most_rows: int, most_floats: int) -> int:
    """Returns the rows of a block that stays small if rows are long.

    Args:
        d: int. Size of a row.
        most_rows: int. Rows of a block of short rows.
        most_floats: int. The most numbers in a block of several rows.

    Example:

    >>> rows_at_a_time(64, 4096, 1 << 22), rows_at_a_time(8960, 4096, 1 << 22)
    (4096, 468)
    """
    return max(1, min(most_rows, most_floats // max(1, d)))


def row_blocks(N: int, step: int, start: int = 0) -> Iterator[slice]:
    """Yields slices of at most `step` rows that cover rows `start` to N - 1.

    Args:
        N: int. Number of rows of the table.
        step: int, at least 1. Most rows in a slice.
        start: int. First row.

    Example:

    >>> list(row_blocks(3, 2))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    for begin in range(start, N, step):
        yield slice(begin, min(begin + step, N))
