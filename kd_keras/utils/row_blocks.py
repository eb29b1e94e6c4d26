"""Tables that are read by rows, a block at a time."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np


class Rows(Protocol):
    """A table of which rows can be had by slice or by index.

    A numpy array, a memory map, or something that computes its rows when they
    are asked for.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, index: Any) -> np.ndarray: ...


def row_blocks(N: int, step: int, start: int = 0) -> Iterator[slice]:
    """Yields slices of at most `step` rows that cover the rows up to N.

    Example:

    >>> list(row_blocks(3, 2))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    for begin in range(start, N, step):
        yield slice(begin, min(begin + step, N))
