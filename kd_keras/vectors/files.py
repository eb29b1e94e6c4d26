"""Reading, checking and writing files of word vectors."""

import contextlib
import dataclasses
import gzip
import io
import itertools
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy.typing as npt

from kd_keras.vectors.checks import check_vectors, find_not_finite
from kd_keras.vectors.formats import (
    GZIP_MAGIC,
    find_format,
    mismatch,
    promised_formats,
)
from kd_keras.vectors.mapped_rows import MappedRows
from kd_keras.vectors.table import Source, Table, VectorFileError
from kd_keras.vectors.text import write_text

BLOCK_BYTES = 1 << 22
HEAD_BYTES = 1 << 16  # used to detect the format

Progress = Callable[[int, int], object]


@dataclasses.dataclass(frozen=True)
class WordVectors:
    """Words and their vectors, returned by `read_vectors`.

    Attributes:
        words: N strings, all different, or None if the file has no words.
        vectors: array of float32, shape `(N, d)`, finite. It is a read-only
            memory map if the file is a `.npy` file of float32. `open_vectors`
            returns a `MappedRows` for any `.npy` file.
        format: str. The format of the file, in words.
        dropped: int. Number of rows left out because their word occurs in an
            earlier row.
        notes: Strings. Warnings about the file, which could be read.
    """

    words: list[str] | None
    vectors: Any
    format: str
    dropped: int = 0
    notes: tuple[str, ...] = ()


def read_vectors(
    path: str | os.PathLike[str],
    duplicates: str = "error",
    progress: Progress | None = None,
) -> WordVectors:
    """Reads a file of word vectors and detects its format from the content.

    A text file is UTF-8, plain or gzip. Each line has a word and d numbers.
    The numbers are taken from the right, so that a word may contain spaces.
    There are two formats of text:

    - word2vec: the first line is the header "N d". Any first line of just two
      whole numbers is read as a header, so a table of 1-dimensional vectors
      whose first line looks like that needs a header.
    - GloVe: there is no header, and d is the width of most of the first lines.
      If a word contains a space, no number may follow the space: the line is
      then too wide and is refused.

    Other formats are word2vec binary, plain or gzip; `.npy` of rank 2, which
    is memory-mapped; and `.npz` with an array `vectors` (or a single float
    array of rank 2) and optionally `words`.

    Args:
        path: path. If the suffix is .npy, .npz, .bin, .txt, .vec or .gz, the
            content must match it; any other suffix is ignored.
        duplicates: One of `"error"`, `"first"`. What to do if a word occurs
            again: raise an error, or keep its first row only.
        progress: Function or None. It is called with the number of bytes read
            and the number of bytes of the file.

    Returns:
        A `WordVectors`.

    Raises:
        VectorFileError: If the file does not exist, is empty or truncated,
            does not have the format of its suffix, has rows of different
            widths, or contains a non-finite number, invalid UTF-8 or a
            repeated word. The message is one line that begins with the path.
        ValueError: If `duplicates` is not one of its values.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.txt")
    >>> _ = path.write_text("the 0.5 1\\n. . 2 -3\\n")
    >>> table = read_vectors(path)
    >>> table.words, table.vectors.tolist()
    (['the', '. .'], [[0.5, 1.0], [2.0, -3.0]])
    """
    table = open_vectors(path, duplicates, progress)
    if isinstance(table.vectors, MappedRows):
        return dataclasses.replace(table, vectors=table.vectors.whole())
    return table


def open_vectors(
    path: str | os.PathLike[str],
    duplicates: str = "error",
    progress: Progress | None = None,
    rows: Callable[[int], slice] | None = None,
) -> WordVectors:
    """Reads a file of word vectors but does not load a `.npy` file.

    Args:
        path: As for `read_vectors`.
        duplicates: As for `read_vectors`.
        progress: As for `read_vectors`.
        rows: Function or None. Called with N, it returns the slice of rows
            that will be used; only these rows of a `.npy` file are checked.
            None means all rows.

    Returns:
        A `WordVectors`. For a `.npy` file of any precision, its vectors are a
        `MappedRows`.

    Raises:
        VectorFileError: As `read_vectors`.
        ValueError: As `read_vectors`.
    """
    if duplicates not in ("error", "first"):
        raise ValueError(
            'duplicates must be "error" or "first". '
            f"Received: duplicates={duplicates!r}"
        )
    path = os.fspath(path)
    try:
        table, found = _read(path, progress)
        if 0 in table.vectors.shape:
            raise VectorFileError(
                "The table must have rows and columns. "
                f"Received: shape={table.vectors.shape}"
            )
        _check_words(table)
        used = slice(None)
        if rows is not None and isinstance(table.vectors, MappedRows):
            used = rows(len(table.vectors))
        if bad := find_not_finite(table.vectors, used):
            row, column, value = bad
            raise VectorFileError(
                f"Vectors must be finite. Received: {value} in "
                f"{_place(table, row)}, dimension {column}"
            )
        return _without_duplicates(table, found, duplicates)
    except VectorFileError as error:
        raise VectorFileError(f"{path}: {error}") from None
    except OSError as error:
        raise VectorFileError(
            f"{path}: The file must be readable. Received: "
            f"{error.strerror or error}"
        ) from None


def write_vectors(
    path: str | os.PathLike[str],
    words: Sequence[str],
    vectors: npt.ArrayLike,
    header: bool = True,
) -> None:
    """Writes word vectors as text that `read_vectors` reads back exactly.

    Args:
        path: path. An existing file is replaced.
        words: N strings, all different. A word must not be empty, contain a
            line break, start or end with a space, or contain a number after a
            space.
        vectors: array of float or int, shape `(N, d)`. Written as float32.
        header: bool. Whether to write the header "N d" of word2vec as the
            first line; GloVe has none.

    Raises:
        ValueError: If the words or the vectors cannot be written in this
            format. Nothing is written in this case.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.vec")
    >>> write_vectors(path, ["the", "of"], [[0.5, 1], [2, -3]])
    >>> path.read_text()
    '2 2\\nthe 0.5 1\\nof 2 -3\\n'
    """
    array = check_vectors(vectors)
    if len(words) != len(array) or len(set(words)) != len(words):
        raise ValueError(
            "There must be one word per vector, and all words must differ. "
            f"Received: {len(words)} words, {len(set(words))} different, "
            f"{len(array)} vectors"
        )
    write_text(os.fspath(path), words, array, header)


def _read(path: str, progress: Progress | None) -> tuple[Table, str]:
    """Reads a file into a table; returns the table and its format."""
    if not os.path.exists(path):
        raise VectorFileError("The file must exist. Received: no such file")
    if os.path.isdir(path):
        raise VectorFileError("This must be a file. Received: a directory")
    size = os.path.getsize(path)
    if size == 0:
        raise VectorFileError("The file must contain rows. Received: 0 bytes")
    name = Path(path)
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(open(path, "rb"))
        head = raw.read(HEAD_BYTES)
        raw.seek(0)
        zipped = head.startswith(GZIP_MAGIC)
        if zipped and promised_formats(name.name):
            raise mismatch(name.name, head)
        if name.suffix.lower() == ".gz":
            name = name.with_suffix("")
            if not zipped:
                raise mismatch(".gz", head)
        stream: BinaryIO = raw
        if zipped:
            unzipped = stack.enter_context(gzip.GzipFile(fileobj=raw))
            stream = cast(BinaryIO, io.BufferedReader(unzipped))
        blocks = _blocks(stream, raw, size, progress)
        first = b""
        while len(first) < HEAD_BYTES and (more := next(blocks, b"")):
            first += more
        if not first:
            raise VectorFileError(
                "The file must contain rows. Received: 0 bytes"
            )
        found = find_format(name.name, first[:HEAD_BYTES])
        if zipped and not found.in_gzip:
            raise VectorFileError(
                "A gzip file must contain text or word2vec binary; unpack any "
                f"other format first. Received: {found.name} in gzip"
            )
        source = Source(
            path, itertools.chain([first], blocks), None if zipped else size
        )
        table = found.read(source)
    if progress is not None:
        progress(size, size)
    return table, f"{found.name}, gzip" if zipped else found.name


def _blocks(
    stream: BinaryIO, raw: BinaryIO, size: int, progress: Progress | None
) -> Iterator[bytes]:
    """Yields blocks of a file, unpacked, and reports the progress."""
    while True:
        try:
            block = stream.read(BLOCK_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise VectorFileError(
                "The gzip file must be complete and undamaged. Received: "
                f"{' '.join(str(error).split())}"
            ) from None
        if progress is not None:
            progress(min(raw.tell(), size), size)
        if not block:
            return
        yield block


def _check_words(table: Table) -> None:
    """Refuses words that a vocabulary file, one word per line, cannot hold."""
    words = table.words or []
    if not all(words) or any("\n" in word for word in words):
        row = next(i for i, w in enumerate(words) if not w or "\n" in w)
        raise VectorFileError(
            "A word must not be empty or contain a line break. Received: "
            f"{words[row]!r} in {_place(table, row, word=False)}"
        )


def _without_duplicates(
    table: Table, found: str, duplicates: str
) -> WordVectors:
    """Refuses repeated words, or keeps the first row of each."""
    words, vectors = table.words, table.vectors
    dropped = 0
    if words is not None and len(set(words)) != len(words):
        first: dict[str, int] = {}
        for row, word in enumerate(words):
            before = first.setdefault(word, row)
            if before != row and duplicates == "error":
                raise VectorFileError(
                    "A word must occur in one row only. Received: "
                    f"{word!r} in {_place(table, before, word=False)} and "
                    f"{_place(table, row, word=False)}"
                )
        dropped = len(words) - len(first)
        words, vectors = list(first), vectors[list(first.values())]
    return WordVectors(words, vectors, found, dropped, table.notes)


def _place(table: Table, row: int, word: bool = True) -> str:
    """Returns "line 7 ('the')" for text, else "row 5 ('the')", from 0."""
    text = table.first_line is not None
    place = f"line {row + (table.first_line or 0)}" if text else f"row {row}"
    told = word and table.words is not None
    return f"{place} ({table.words[row]!r})" if told else place  # type: ignore[index]
