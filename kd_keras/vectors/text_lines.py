"""Lines of text with numbers, for the readers of text."""

import re
from collections.abc import Iterator

import numpy as np

from kd_keras.vectors.table import Source, VectorFileError

HEADER = re.compile(rb"(\d{1,12})[ \t]+(\d{1,12})\s*")
NUMBER = re.compile(
    rb"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)", re.IGNORECASE
)
SPACE = re.compile(rb"\s")  # ASCII only, because U+0085 is a word in GloVe
BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 1 << 26


def text_lines(
    source: Source, notes: list[str]
) -> Iterator[tuple[int, list[bytes]]]:
    """Yields lists of lines, none of them empty or blank.

    Args:
        source: `Source`.
        notes: List of strings. A note is added if the last line may be cut.

    Yields:
        The number of the first line, from 1, and the lines, without a byte
        order mark and without space at their ends.

    Raises:
        VectorFileError: If a line is too long, or blank and not at the end.
    """
    line = 1
    blank: int | None = None
    seen = [] if source.size is None else notes
    for lines in _lines(source.blocks, seen):
        end = line + len(lines)
        if line == 1:
            lines[0] = lines[0].removeprefix(BOM)
        lines = [text.rstrip() for text in lines]
        while lines and not lines[-1]:
            lines.pop()
        if lines and (blank is not None or b"" in lines):
            blank = line + lines.index(b"") if blank is None else blank
            raise VectorFileError(
                "Blank lines are only allowed at the end of the file. "
                f"Received: rows after line {blank}, which is blank"
            )
        if blank is None and line + len(lines) < end:
            blank = line + len(lines)
        if lines:
            yield line, lines
        line = end


def _lines(blocks: Iterator[bytes], notes: list[str]) -> Iterator[list[bytes]]:
    """Cuts blocks into lists of whole lines; never yields an empty list."""
    tail, number = b"", 1
    for block in blocks:
        lines = (tail + block).split(b"\n")
        tail = lines.pop()
        number += len(lines)
        if len(tail) > LONGEST_LINE:
            raise VectorFileError(
                f"A line of text must have at most {LONGEST_LINE} bytes. "
                f"Received: more than {LONGEST_LINE} bytes in line {number}"
            )
        if lines:
            yield lines
    if tail:
        if tail.strip():
            notes.append(
                f"line {number}, the last line, does not end in a line break; "
                "if the file was truncated there, its last number may be wrong"
            )
        yield [tail]


def floats(numbers: list[bytes], d: int) -> np.ndarray | None:
    """Parses lines of d numbers separated by one space, or returns None.

    `loadtxt` is numpy's fastest parser, about 120 MB/s on one core.
    """
    if not all(numbers):  # loadtxt would skip empty lines
        return None
    # Not "strict": a non-ASCII byte becomes a character that is not a digit.
    text = [line.decode("ascii", "replace") for line in numbers]
    try:
        values = np.loadtxt(
            text, np.float32, comments=None, delimiter=" ", ndmin=2
        )
    except ValueError:
        return None
    return values if values.shape == (len(numbers), d) else None


def shown(line: bytes) -> str:
    """Returns the start of a line for a message."""
    text = line[:40].decode("utf-8", "backslashreplace")
    return repr(text) + ("..." if len(line) > 40 else "")
