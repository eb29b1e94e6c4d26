"""Files of word vectors: read with their words, checked, and written."""

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

from kd_keras.vectors import formats as vector_formats
from kd_keras.vectors.checks import check_vectors, find_not_finite
from kd_keras.vectors.mapped_rows import MappedRows
from kd_keras.vectors.numpy_files import read_npy, read_npz
from kd_keras.vectors.table import Table, VectorFileError
from kd_keras.vectors.text import read_text, write_text
from kd_keras.vectors.word2vec_binary import read_word2vec_binary

__all__ = [
    "VectorFileError",
    "WordVectors",
    "check_vectors",
    "open_vectors",
    "read_vectors",
    "write_vectors",
]

BLOCK_BYTES = 1 << 22
HEAD_BYTES = 1 << 16  # from which the format is told

Progress = Callable[[int, int], object]


@dataclasses.dataclass(frozen=True)
class WordVectors:
    """Words and their vectors, made by `read_vectors`.

    Attributes:
        words: N strings, all different, or None where the file has none.
        vectors: Shape `(N, d)`, float32, finite; a read-only memory map of a
            `.npy` file of float32. `MappedRows` from `open_vectors`.
        format: What the file was found to be, for people to read.
        dropped: Rows left out since their word had come before.
        notes: What a person should know of the file though it was read.
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
    """Reads a file of word vectors; its content tells the format.

    Text, plain or gzip, UTF-8, a word and d numbers per line, numbers taken
    from the right so that a word may hold spaces:

    - word2vec: a first line of just two whole numbers is a header, "N d". So a
      table of 1-d vectors whose first line is of that kind needs a header.
    - GloVe: no header; d is the width of most of the first lines. A word with
      a space must have no number after it: that line is refused as too wide.

    Others: word2vec binary, plain or gzip; `.npy` of rank 2, memory-mapped;
    `.npz` with `vectors` (or one float array of rank 2) and maybe `words`.

    Args:
        path: The file. The suffixes .npy, .npz, .bin, .txt, .vec and .gz must
            be true; any other says nothing.
        duplicates: "error", or "first" to keep a word's first row.
        progress: Called with the bytes read and all bytes of the file, or
            None.

    Returns:
        A `WordVectors`.

    Raises:
        VectorFileError: If there is no such file, or it is empty, cut, of
            another format than its name says, not of one width, or holds what
            is no finite number, no UTF-8 or a word twice. One line that
            begins with the path.
        ValueError: If `duplicates` is neither.

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
    """Reads a file of word vectors but leaves a `.npy` file where it is.

    Args:
        path, duplicates, progress: As `read_vectors` takes them.
        rows: Called with N, gives the rows that are to be used. Of a `.npy`
            file only these are checked. None: all.

    Returns:
        A `WordVectors`; of a `.npy` file of any precision, its vectors are a
        `MappedRows`.

    Raises:
        VectorFileError, ValueError: As `read_vectors` does.
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
        path: The file, replaced if there is one.
        words: N strings, all different. None may be empty, hold a line end,
            start or end with a space, or hold a number after a space.
        vectors: Shape `(N, d)`, floats or integers; written as float32.
        header: Whether to write word2vec's first line, "N d"; GloVe has none.

    Raises:
        ValueError: If the words or the vectors cannot be written so; nothing
            is written then.

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
            "There must be one word per vector, each another. Received: "
            f"{len(words)} words, {len(set(words))} different, {len(array)} "
            "vectors"
        )
    write_text(os.fspath(path), words, array, header)


def _read(path: str, progress: Progress | None) -> tuple[Table, str]:
    """Reads a file into a table and says which format it had."""
    if not os.path.exists(path):
        raise VectorFileError("There must be a file. Received: no such file")
    if os.path.isdir(path):
        raise VectorFileError("There must be a file. Received: a directory")
    size = os.path.getsize(path)
    if size == 0:
        raise VectorFileError("The file must hold rows. Received: 0 bytes")
    name = Path(path)
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(open(path, "rb"))
        head = raw.read(HEAD_BYTES)
        raw.seek(0)
        zipped = vector_formats.tell_format(head) == vector_formats.GZIP
        if zipped and name.suffix.lower() in vector_formats.SUFFIXES:
            vector_formats.check_name(name.name, head)  # raises
        if name.suffix.lower() == ".gz":
            name = name.with_suffix("")
            if not zipped:
                raise VectorFileError(
                    "The file is not what its name says, gzip. Received: "
                    f"{vector_formats.tell_format(head)}"
                )
        stream: BinaryIO = raw
        if zipped:
            unzipped = stack.enter_context(gzip.GzipFile(fileobj=raw))
            stream = cast(BinaryIO, io.BufferedReader(unzipped))
        blocks = _blocks(stream, raw, size, progress)
        first = next(blocks, b"")
        if not first:
            raise VectorFileError("The file must hold rows. Received: 0 bytes")
        found = vector_formats.check_name(name.name, first[:HEAD_BYTES])
        blocks = itertools.chain([first], blocks)
        said = f"{found}, gzip" if zipped else found
        if found in (vector_formats.GLOVE_TEXT, vector_formats.WORD2VEC_TEXT):
            return read_text(blocks, verified=zipped), said
        if found == vector_formats.WORD2VEC_BINARY:
            length = None if zipped else size
            return read_word2vec_binary(blocks, length), said
        if zipped:
            raise VectorFileError(
                f"Only text and word2vec binary are read from gzip. "
                f"Received: {found} in it; unpack it first"
            )
    is_npy = found == vector_formats.NPY
    reader = read_npy if is_npy else read_npz
    table = reader(path)
    if progress is not None:
        progress(size, size)
    return table, found


def _blocks(
    stream: BinaryIO, raw: BinaryIO, size: int, progress: Progress | None
) -> Iterator[bytes]:
    while True:
        try:
            block = stream.read(BLOCK_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise VectorFileError(
                "The gzip file must be whole. Received: "
                f"{' '.join(str(error).split())}"
            ) from None
        if progress is not None:
            progress(min(raw.tell(), size), size)
        if not block:
            return
        yield block


def _check_words(table: Table) -> None:
    """Refuses words that a vocabulary file, one per line, cannot hold."""
    words = table.words or []
    if not all(words) or any("\n" in word for word in words):
        row = next(i for i, w in enumerate(words) if not w or "\n" in w)
        raise VectorFileError(
            "A word must not be empty or hold a line end. Received: "
            f"{words[row]!r} in {_place(table, row, word=False)}"
        )


def _without_duplicates(
    table: Table, found: str, duplicates: str
) -> WordVectors:
    words, vectors = table.words, table.vectors
    dropped = 0
    if words is not None and len(set(words)) != len(words):
        first: dict[str, int] = {}
        for row, word in enumerate(words):
            before = first.setdefault(word, row)
            if before != row and duplicates == "error":
                raise VectorFileError(
                    "A word must stand in one row only. Received: "
                    f"{word!r} in {_place(table, before, word=False)} and "
                    f"{_place(table, row, word=False)}"
                )
        dropped = len(words) - len(first)
        words, vectors = list(first), vectors[list(first.values())]
    return WordVectors(words, vectors, found, dropped, table.notes)


def _place(table: Table, row: int, word: bool = True) -> str:
    """Returns "line 7 ('the')" of a text, else "row 5 ('the')" from 0."""
    text = table.first_line is not None
    place = f"line {row + (table.first_line or 0)}" if text else f"row {row}"
    told = word and table.words is not None
    return f"{place} ({table.words[row]!r})" if told else place  # type: ignore[index]
