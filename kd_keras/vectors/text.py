"""Word vectors as text, in GloVe's format or word2vec's, which has a header.

A line is a word and d numbers. The numbers are taken from the right, so that
a word may contain spaces, as ". . ." in GloVe does.
"""

import codecs
import collections
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
    BOM,
    HEADER,
    NUMBER,
    SPACE,
    floats,
    shown,
    text_lines,
)

SAMPLE = 100  # lines that decide the width of a file without header


def is_text(head: bytes, promised: bool = False) -> bool:
    """Returns whether bytes are UTF-8 without NUL, maybe cut in a letter."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\0" not in head


def is_text_with_header(head: bytes, promised: bool = False) -> bool:
    """Returns whether the first bytes of a file are a header and text."""
    first, _, rest = head.partition(b"\n")
    header = HEADER.fullmatch(first.removeprefix(BOM))
    return header is not None and (
        head.startswith(BOM)
        or ends_in_numbers(rest.partition(b"\n")[0], int(header[2]))
        or is_text(rest)
    )


def ends_in_numbers(line: bytes, d: int) -> bool:
    """Returns whether a line is a word and d numbers, d at least 1."""
    fields = line.rsplit(None, d) if d > 0 else []
    return len(fields) == d + 1 and all(map(NUMBER.fullmatch, fields[1:]))


def read_text(source: Source) -> Table:
    """Parses a text file.

    Args:
        source: `Source`. Unless gzip makes sure that it is complete, a note is
            added when the last line has no line break.

    Returns:
        A `Table`.

    Raises:
        VectorFileError: If the text is not a table of vectors.

    Example:

    >>> blocks = [b"the 0.5 1\\n. . 2 ", b"-3\\n"]
    >>> table = read_text(Source("v.txt", iter(blocks), None))
    >>> table.words, table.vectors.tolist()
    (['the', '. .'], [[0.5, 1.0], [2.0, -3.0]])
    """
    notes: list[str] = []
    words: list[str] = []
    tables: list[np.ndarray] = []
    d = 0
    N: int | None = None
    start = b""  # the first row
    # Whether all words so far may be columns of numbers.
    columns = source.words is None
    for first, lines in text_lines(source, notes):
        line = first
        if line == 1 and (header := HEADER.fullmatch(lines[0])):
            N, d = int(header[1]), int(header[2])
            check_header(N, d)
            del lines[0]
            line = 2
            columns = False
        if not lines:
            continue
        if N is not None and len(words) + len(lines) > N:
            raise VectorFileError(
                f"There must be {N} rows: the header in line 1 promises {N} "
                "rows. Received: another row in line "
                f"{line + N - len(words)}"
            )
        d = d or _infer_width(lines[:SAMPLE])
        some, vectors = _parse(lines, d, line, strict=N is None)
        columns = columns and all(map(is_column, some))
        start = start or lines[0]
        words += _decode(some, line)
        tables.append(vectors)
    rows = len(words)
    if rows and columns:
        raise _columns_error(start)
    if N is not None and rows < N:
        raise VectorFileError(
            f"The file is truncated: the header in line 1 promises {N} rows. "
            f"Received: {rows} rows"
        )
    if not rows:
        raise VectorFileError(
            "The file must contain rows. Received: blank lines"
        )
    first_line = 1 if N is None else 2
    return Table(words, stack(tables), first_line, tuple(notes))


def _parse(
    lines: list[bytes], d: int, first: int, strict: bool
) -> tuple[list[bytes], np.ndarray]:
    """Splits lines into words and a `(len(lines), d)` float32 array."""
    # Usually the word ends at the first space. If a word contains a space, the
    # rest of its line does not parse as d numbers, and the slow path is taken.
    parts = [line.partition(b" ") for line in lines]
    words = [part[0] for part in parts]
    if all(words) and not SPACE.search(b"".join(words)):
        vectors = floats([part[2] for part in parts], d)
        if vectors is not None:
            return words, vectors
    split, wrong = [], None
    for number, line in enumerate(lines, first):
        fields = line.rsplit(None, d)
        pieces = fields[0].split()[1:]
        if not strict:
            pieces = pieces[-1:]
        if len(fields) != d + 1 or any(map(NUMBER.fullmatch, pieces)):
            # Raised below, so that errors in earlier lines come first.
            wrong = _line_error(number, line, d)
            break
        split.append(fields)
    numbers = [b" ".join(fields[1:]) for fields in split]
    vectors = floats(numbers, d) if numbers else None
    if numbers and vectors is None:
        for number, fields in enumerate(split, first):
            for field in fields[1:]:
                if not NUMBER.fullmatch(field):
                    token = field[:40].decode("utf-8", "backslashreplace")
                    raise VectorFileError(
                        f"Line {number} must end in {d} numbers. "
                        f"Received: {token!r}, not a number"
                    )
    if wrong is not None or vectors is None:
        raise wrong or VectorFileError(f"Line {first} cannot be read")
    return [fields[0].lstrip() for fields in split], vectors


def _line_error(number: int, line: bytes, d: int) -> VectorFileError:
    """Returns the error for a line that is not a word and d numbers."""
    if b"\r" in line:
        return VectorFileError(
            "Lines must end in a line feed (LF), or in CR and LF. Received: a "
            f"carriage return (CR) alone inside line {number}"
        )
    fields = line.split()
    if len(fields) == d and all(map(NUMBER.fullmatch, fields)):
        return VectorFileError(
            f"Line {number} must begin with a word, not with a space or a "
            "number of the vector. Received: a line without a word, or with "
            f"one of spaces only, {shown(line)}"
        )
    return VectorFileError(
        f"Line {number} must consist of a word and {d} numbers. "
        f"Received: {_count_numbers(line)} numbers"
    )


def is_column(word: bytes) -> bool:
    """Returns whether a word may be a column of numbers, or several.

    Only if all words of a file without header are such is the file refused.

    Example:

    >>> is_column(b"0.5"), is_column(b"the, 0.5,"), is_column(b"at 5 pm")
    (True, True, False)
    """
    pieces = re.split(rb"[\s,;]+", word.strip(b" \t,;"))
    numbers = list(map(NUMBER.fullmatch, pieces))
    if all(numbers):
        return True
    return len(pieces) > 1 and all(numbers[1:]) and b" " in word.strip()


def _columns_error(line: bytes) -> VectorFileError:
    """Returns the error for a file whose words may all be numbers."""
    if NUMBER.fullmatch(re.split(rb"[\s,;]+", line.strip())[0]):
        return VectorFileError(
            "Each line must begin with a word, but all lines consist of "
            "numbers: read them without words (words=False, --no-words) or "
            "with the words of another file (words=PATH, --words FILE), or "
            "take the first column for the words (words=True, "
            f"--number-words). Received: {shown(line)} in the first row"
        )
    return VectorFileError(
        "Each line must consist of a word and numbers with spaces or tabs "
        f"between them. Received: {shown(line)} in the first row"
    )


def _infer_width(lines: list[bytes]) -> int:
    """Returns the most common width of lines; the larger one in a tie."""
    counts = collections.Counter(map(_count_numbers, lines))
    d = max(counts, key=lambda width: (counts[width], width))
    if d == 0:  # then some line has no numbers
        if all(map(is_column, lines)):
            raise _columns_error(lines[0])
        line = next(line for line in lines if not _count_numbers(line))
        raise VectorFileError(
            "Each line of a text file must consist of a word and numbers. "
            f"Received: {line[:40].decode('utf-8', 'backslashreplace')!r} in "
            f"line {lines.index(line) + 1}"
        )
    return d


def _count_numbers(line: bytes) -> int:
    """Counts the numbers at the end of a line, except in its first field."""
    count = 0
    for field in reversed(line.split()[1:]):
        if not NUMBER.fullmatch(field):
            break
        count += 1
    return count


def _decode(words: list[bytes], first: int) -> list[str]:
    """Decodes words, the first of which is in line `first`."""
    try:
        return b"\n".join(words).decode("utf-8").split("\n")
    except UnicodeDecodeError:
        for number, word in enumerate(words, first):
            try:
                word.decode("utf-8")
            except UnicodeDecodeError:
                raise VectorFileError(
                    f"Words must be UTF-8. Received: {word[:40]!r} in line "
                    f"{number}"
                ) from None
        raise  # not reached: some word must fail to decode by itself
