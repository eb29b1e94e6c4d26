"""What every reader of a vector file takes, returns and raises."""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from kd_keras.utils.errors import BadInputError


class VectorFileError(BadInputError):
    """A vector file cannot be read; the message says where and why."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A file of vectors to be read.

    Attributes:
        path: str. The file.
        blocks: Iterator of bytes. Its content from the start, unpacked, in
            blocks that may end anywhere.
        size: int or None. Number of bytes of the content; None if it is packed
            (gzip and others), which also makes sure that it is complete.
        words: bool or None. Whether a line of text begins with a word; None if
            it does, but then not all words may be numbers.
        tensor: str or None. The name of a tensor of a `.safetensors` file.
    """

    path: str
    blocks: Iterator[bytes]
    size: int | None
    words: bool | None = None
    tensor: str | None = None


class Table(NamedTuple):
    """The words and vectors that a parser has read.

    Attributes:
        words: N strings, or None if the file has no words.
        vectors: array of float32, shape `(N, d)`; for a `.npy` or
            `.safetensors` file, a `MappedRows`.
        first_line: int or None. Line number of row 0, from 1; None for binary
            formats.
        notes: Strings. Warnings for the user.
    """

    words: list[str] | None
    vectors: Any
    first_line: int | None = None
    notes: tuple[str, ...] = ()


def clipped(value: object, most: int = 80) -> str:
    """Shows a value in a message: in one line, and not all of a long one.

    Args:
        value: A string, which is shown with quotes, or an exception.
        most: int. Number of characters from which it is cut.

    Returns:
        str.

    Example:

    >>> clipped("the"), clipped(ValueError("one\\ntwo"))
    ("'the'", 'one two')
    """
    if isinstance(value, BaseException):
        text = " ".join(str(value)[: 2 * most].split()) or type(value).__name__
    else:
        text = repr(value[: 2 * most] if isinstance(value, str) else value)
    return text if len(text) <= most else f"{text[:most]}..."


def stack(tables: list[np.ndarray]) -> np.ndarray:
    """Joins tables into one and frees each as soon as it is copied.

    Args:
        tables: List of arrays of float32, shape `(n, d)`. It is emptied.

    Returns:
        An array of float32, shape `(N, d)`.
    """
    whole = np.empty((sum(map(len, tables)), tables[0].shape[1]), np.float32)
    start = 0
    tables.reverse()
    while tables:
        table = tables.pop()
        whole[start : start + len(table)] = table
        start += len(table)
    return whole


def check_header(N: int, d: int) -> None:
    """Checks that a header promises rows and columns.

    Args:
        N: int. Number of rows.
        d: int. Number of columns.

    Raises:
        VectorFileError: If N or d is less than 1.
    """
    if N < 1 or d < 1:
        raise VectorFileError(
            "The header must promise at least one row and one column. "
            f"Received: {N} rows, {d} columns"
        )
