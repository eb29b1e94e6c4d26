"""Text that consists of numbers only, as `numpy.savetxt` writes it."""

import re

import numpy as np

from kd_keras.vectors.table import (
    Source,
    Table,
    VectorFileError,
    check_header,
    stack,
)
from kd_keras.vectors.text_lines import (
    HEADER,
    NUMBER,
    floats,
    shown,
    text_lines,
)

COMMENT = re.compile(rb"[ \t]*[#%]")


def read_numbers(source: Source) -> Table:
    """Parses lines of d numbers, separated by spaces, tabs or commas.

    Comments at the start, which begin with "#", are skipped, and so is a
    header "N d" if N rows of d numbers follow.

    Args:
        source: `Source`.

    Returns:
        A `Table` without words.

    Raises:
        VectorFileError: If a line is not such a row.

    Example:

    >>> blocks = [b"# x y\\n0.5,1\\n2,", b"-3\\n"]
    >>> table = read_numbers(Source("v.csv", iter(blocks), None))
    >>> table.words, table.vectors.tolist()
    (None, [[0.5, 1.0], [2.0, -3.0]])
    """
    notes: list[str] = []
    tables: list[np.ndarray] = []
    header: tuple[int, int] | None = None
    first_line = d = rows = 0
    commas = False
    for number, lines in text_lines(source, notes):
        line = number
        if not d:
            while lines and COMMENT.match(lines[0]):
                del lines[0]
                line += 1
        if lines and not d and header is None:
            if found := HEADER.fullmatch(lines[0]):
                header = (int(found[1]), int(found[2]))
                if header[1] != 2:  # else it may be a row of two numbers
                    check_header(*header)
                    del lines[0]
                    line += 1
            first_line = line
        if not lines:
            continue
        if not d:
            first_line = line
            commas = b"," in lines[0]
            d = len(_fields(lines[0], commas))
            if header is not None and header[1] != d:
                raise VectorFileError(
                    f"Line {line} must consist of {header[1]} numbers, as the "
                    f"header promises. Received: {d} numbers"
                )
        tables.append(_parse(lines, d, line, commas))
        rows += len(lines)
    if not rows:
        raise VectorFileError(
            "The file must contain rows. Received: blank lines"
        )
    vectors = stack(tables)
    if header is not None and d == 2 and header[0] == rows - 1:
        vectors, first_line = vectors[1:], first_line + 1
    elif header is not None and d != 2 and header[0] != rows:
        raise VectorFileError(
            f"There must be {header[0]} rows: the header promises "
            f"{header[0]} rows. Received: {rows} rows"
        )
    return Table(None, vectors, first_line, tuple(notes))


def _fields(line: bytes, commas: bool) -> list[bytes]:
    """Splits a line into fields."""
    if not commas:
        return line.split()
    return [field.strip() for field in line.rstrip(b", \t").split(b",")]


def _parse(lines: list[bytes], d: int, first: int, commas: bool) -> np.ndarray:
    """Parses lines of d numbers to an array of float32."""
    split = [_fields(line, commas) for line in lines]
    if all(len(fields) == d for fields in split):
        vectors = floats([b" ".join(fields) for fields in split], d)
        if vectors is not None:
            return vectors
    for number, fields in enumerate(split, first):
        for field in fields:
            if not NUMBER.fullmatch(field):
                raise VectorFileError(
                    f"Line {number} must consist of numbers only, since the "
                    "file is read without words. "
                    f"Received: {shown(field)}, not a number"
                )
        if len(fields) != d:
            raise VectorFileError(
                f"Line {number} must consist of {d} numbers. "
                f"Received: {len(fields)} numbers"
            )
    raise VectorFileError(f"Line {first} cannot be read")
