"""Word vectors as text, in GloVe's format or word2vec's, which has a header.

A line is a word and d numbers. The numbers are taken from the right, so that
a word may contain spaces, as ". . ." in GloVe does.
"""

import codecs
import collections
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kd_keras.utils.whole_file import whole_file
from kd_keras.vectors.table import (
    Source,
    Table,
    VectorFileError,
    check_header,
    stack,
)

HEADER = re.compile(rb"(\d{1,12})[ \t]+(\d{1,12})\s*")
NUMBER = re.compile(
    rb"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)", re.IGNORECASE
)
SPACE = re.compile(rb"\s")  # ASCII only, because U+0085 is a word in GloVe
BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 1 << 26
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
    rows = d = 0
    N: int | None = None
    line = 1  # of the next row
    blank: int | None = None
    seen = [] if source.size is None else notes
    for lines in _lines(source.blocks, seen):
        if line == 1 and not d:
            lines[0] = lines[0].removeprefix(BOM)
            if header := HEADER.fullmatch(lines[0]):
                N, d = int(header[1]), int(header[2])
                check_header(N, d)
                del lines[0]
                line = 2
        end = line + len(lines)
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
        if not lines:
            continue
        if N is not None and rows + len(lines) > N:
            raise VectorFileError(
                f"There must be {N} rows, as the header in line 1 promises. "
                f"Received: another row in line {line + N - rows}"
            )
        d = d or _infer_width(lines[:SAMPLE])
        some, vectors = _parse(lines, d, line, strict=N is None)
        words += _decode(some, line)
        tables.append(vectors)
        rows += len(lines)
        line += len(lines)
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


def write_text(
    path: str, words: Sequence[str], vectors: np.ndarray, header: bool
) -> None:
    """Writes lines that `read_text` reads back.

    Args:
        path: str. An existing file is replaced.
        words: N strings.
        vectors: array of float32, shape `(N, d)`.
        header: bool. Whether to write the header "N d" as the first line.

    Raises:
        ValueError: If a word, or the first line without a header, would not
            be read back. Nothing is written in this case.
    """
    for row, word in enumerate(words):
        if problem := _word_problem(word.encode()):
            raise ValueError(
                f"A word in a text file must not {problem}. "
                f"Received: {word!r} in row {row}"
            )
    # 9 digits are exact for float32.
    pattern = " %.9g" * vectors.shape[1] + "\n"
    first = words[0] + pattern % tuple(vectors[0].tolist())
    raw = first.encode()
    if not header and (raw.startswith(BOM) or HEADER.fullmatch(raw)):
        raise ValueError(
            "The first line must not look like a header or a byte order mark; "
            f"use header=True. Received: {first.rstrip()!r}"
        )
    with (
        whole_file(Path(path)) as temporary,
        open(temporary, "w", encoding="utf-8", newline="\n") as file,
    ):
        if header:
            file.write(f"{len(words)} {vectors.shape[1]}\n")
        for word, vector in zip(words, vectors, strict=True):
            file.write(word + pattern % tuple(vector.tolist()))


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


def _parse(
    lines: list[bytes], d: int, first: int, strict: bool
) -> tuple[list[bytes], np.ndarray]:
    """Splits lines into words and a `(len(lines), d)` float32 array."""
    # Usually the word ends at the first space. If a word contains a space, the
    # rest of its line does not parse as d numbers, and the slow path is taken.
    parts = [line.partition(b" ") for line in lines]
    words = [part[0] for part in parts]
    if all(words) and not SPACE.search(b"".join(words)):
        vectors = _floats([part[2] for part in parts], d)
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
            wrong = VectorFileError(
                f"Line {number} must consist of a word and {d} numbers. "
                f"Received: {_count_numbers(line)} numbers"
            )
            break
        split.append(fields)
    numbers = [b" ".join(fields[1:]) for fields in split]
    vectors = _floats(numbers, d) if numbers else None
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


def _floats(numbers: list[bytes], d: int) -> np.ndarray | None:
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


def _infer_width(lines: list[bytes]) -> int:
    """Returns the most common width of lines; the larger one in a tie."""
    counts = collections.Counter(map(_count_numbers, lines))
    d = max(counts, key=lambda width: (counts[width], width))
    if d == 0:  # then some line has no numbers
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


def _word_problem(word: bytes) -> str | None:
    """Returns why a word would not be read back, or None if it would."""
    if not word.strip():
        return "be empty"
    if b"\n" in word:
        return "contain a line break"
    if word != word.strip():
        return "start or end with a space"
    if any(map(NUMBER.fullmatch, word.split()[1:])):
        return "contain a number after a space"
    return None


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
