"""Word vectors as text: GloVe's lines, and word2vec's with a header.

A line is a word and d numbers. The numbers are taken from the right, so that
a word may hold spaces, as GloVe's ". . ." does.
"""

import collections
import re
from collections.abc import Iterator, Sequence

import numpy as np

from kd_keras.vectors.table import Table, VectorFileError, check_header, stack

HEADER = re.compile(rb"(\d{1,12})[ \t]+(\d{1,12})\s*")
NUMBER = re.compile(
    rb"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)", re.IGNORECASE
)
SPACE = re.compile(rb"\s")  # of ASCII only: U+0085 is a word in GloVe
BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 1 << 26
SAMPLE = 100  # lines from which the width of a file without header is told


def read_text(blocks: Iterator[bytes], verified: bool) -> Table:
    """Parses the blocks of bytes of a text file.

    Args:
        blocks: The file from its start, cut anywhere.
        verified: Whether the end is known to be the end, as gzip does; if not,
            a last line without line end gives a note.

    Returns:
        A `Table`.

    Raises:
        VectorFileError: If the text is not a table of vectors.

    Example:

    >>> blocks = [b"the 0.5 1\\n. . 2 ", b"-3\\n"]
    >>> table = read_text(iter(blocks), verified=True)
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
    for lines in _lines(blocks, notes if not verified else []):
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
                "Only the end of the file may be blank. "
                f"Received: rows after line {blank}, which is blank"
            )
        if blank is None and line + len(lines) < end:
            blank = line + len(lines)
        if not lines:
            continue
        if N is not None and rows + len(lines) > N:
            raise VectorFileError(
                f"The header in line 1 promises {N} rows. Received: another "
                f"row in line {line + N - rows}"
            )
        d = d or _infer_width(lines[:SAMPLE])
        some, vectors = _parse(lines, d, line, strict=N is None)
        words += _decode(some, line)
        tables.append(vectors)
        rows += len(lines)
        line += len(lines)
    if N is not None and rows < N:
        raise VectorFileError(
            f"The file is cut: the header in line 1 promises {N} rows. "
            f"Received: {rows} rows"
        )
    if not rows:
        raise VectorFileError("The file must hold rows. Received: blank lines")
    first_line = 1 if N is None else 2
    return Table(words, stack(tables), first_line, tuple(notes))


def write_text(
    path: str, words: Sequence[str], vectors: np.ndarray, header: bool
) -> None:
    """Writes lines that `read_text` reads back; see `write_vectors`."""
    for row, word in enumerate(words):
        if problem := _word_problem(word.encode()):
            raise ValueError(
                f"A word of a text file must not {problem}. "
                f"Received: {word!r} in row {row}"
            )
    pattern = " %.9g" * vectors.shape[1] + "\n"  # 9 digits tell all float32
    first = words[0] + pattern % tuple(vectors[0].tolist())
    raw = first.encode()
    if not header and (raw.startswith(BOM) or HEADER.fullmatch(raw)):
        raise ValueError(
            "The first line must not read as a header or a byte order mark; "
            f"write one with header=True. Received: {first.rstrip()!r}"
        )
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        if header:
            file.write(f"{len(words)} {vectors.shape[1]}\n")
        for word, vector in zip(words, vectors, strict=True):
            file.write(word + pattern % tuple(vector.tolist()))


def _lines(blocks: Iterator[bytes], notes: list[str]) -> Iterator[list[bytes]]:
    """Cuts blocks into lists of whole lines; never gives an empty list."""
    tail, number = b"", 1
    for block in blocks:
        lines = (tail + block).split(b"\n")
        tail = lines.pop()
        number += len(lines)
        if len(tail) > LONGEST_LINE:
            raise VectorFileError(
                "A line of text must end. Received: more than "
                f"{LONGEST_LINE} bytes in line {number}"
            )
        if lines:
            yield lines
    if tail:
        if tail.strip():
            notes.append(
                f"line {number}, the last, has no line end: if the file was "
                "cut there, its last number may be wrong"
            )
        yield [tail]


def _parse(
    lines: list[bytes], d: int, first: int, strict: bool
) -> tuple[list[bytes], np.ndarray]:
    """Splits lines into words and a `(len(lines), d)` float32 array."""
    # Mostly a word is what stands before the first space. Where that is not
    # so, the numbers do not come out as a table of width d.
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
            # Raised below, after the lines above it had their turn.
            wrong = VectorFileError(
                f"Line {number} must be a word and {d} numbers. "
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
    """Parses lines of d numbers, one space between them; None if they differ.

    `loadtxt` has the fastest parser of numpy, about 120 MB/s on one core.
    """
    if not all(numbers):  # lines that loadtxt would leave out
        return None
    # Not "strict": a byte that is not ASCII becomes one that is no digit.
    text = [line.decode("ascii", "replace") for line in numbers]
    try:
        values = np.loadtxt(
            text, np.float32, comments=None, delimiter=" ", ndmin=2
        )
    except ValueError:
        return None
    return values if values.shape == (len(numbers), d) else None


def _infer_width(lines: list[bytes]) -> int:
    """Returns the width of most lines; of equally many, the larger one."""
    counts = collections.Counter(map(_count_numbers, lines))
    d = max(counts, key=lambda width: (counts[width], width))
    if d == 0:  # and then of line 1 as well, or of most lines below it
        line = next(line for line in lines if not _count_numbers(line))
        raise VectorFileError(
            "A vector file in text must have lines of a word and numbers. "
            f"Received: {line[:40].decode('utf-8', 'backslashreplace')!r} in "
            f"line {lines.index(line) + 1}"
        )
    return d


def _count_numbers(line: bytes) -> int:
    """Counts the numbers that a line ends in, the first field left out."""
    count = 0
    for field in reversed(line.split()[1:]):
        if not NUMBER.fullmatch(field):
            break
        count += 1
    return count


def _word_problem(word: bytes) -> str | None:
    """Returns why a word would not come back from a text file, or None."""
    if not word.strip():
        return "be empty"
    if b"\n" in word:
        return "hold a line end"
    if word != word.strip():
        return "start or end with a space"
    if any(map(NUMBER.fullmatch, word.split()[1:])):
        return "hold a number after a space"
    return None


def _decode(words: list[bytes], first: int) -> list[str]:
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
        raise  # not reached: the line that fails together fails alone
