"""Reading and checking files of word vectors."""

import dataclasses
import itertools
import os
from collections.abc import Callable

from kd_keras.vectors.checks import find_not_finite
from kd_keras.vectors.formats import SAFETENSORS, find_format
from kd_keras.vectors.given_words import Words, given_words
from kd_keras.vectors.mapped_rows import MappedRows
from kd_keras.vectors.open_file import HEAD_BYTES, ReadProgress, open_file
from kd_keras.vectors.table import Source, Table, VectorFileError
from kd_keras.vectors.table_words import (
    check_words,
    place_of,
    with_words,
    without_duplicates,
)
from kd_keras.vectors.word_vectors import WordVectors


def read_vectors(
    path: str | os.PathLike[str],
    duplicates: str = "error",
    progress: ReadProgress | None = None,
    words: Words = None,
    tensor: str | None = None,
) -> WordVectors:
    """Reads a file of word vectors and detects its format from the content.

    A text file is UTF-8. Each line has a word and d numbers. The numbers are
    taken from the right, so that a word may contain spaces. There are two
    formats of text:

    - word2vec: the first line is the header "N d". Any first line of just two
      whole numbers is read as a header, so a table of 1-dimensional vectors
      whose first line looks like that needs a header.
    - GloVe: there is no header, and d is the width of most of the first lines.
      If a word contains a space, no number may follow the space: the line is
      then too wide and is refused.

    A GloVe text in which every line consists of numbers only is refused,
    since its first column may be words or numbers: `words` decides.

    Other formats are word2vec binary; `.npy` of rank 2, which is
    memory-mapped; `.npz` with an array `vectors` (or a single float array of
    rank 2) and optionally `words`; and `.safetensors`, of which one tensor of
    rank 2 is memory-mapped (float16, bfloat16, float32 or float64). Text and
    word2vec binary may be packed as gzip, bzip2, xz, or zip with a single
    file. A pipe is read as well.

    Args:
        path: path. If the suffix is .npy, .npz, .safetensors, .bin, .txt,
            .vec, .gz, .bz2, .xz or .zip, the content must match it; any other
            suffix is ignored.
        duplicates: One of `"error"`, `"first"`. What to do if a word occurs
            again: raise an error, or keep its first row only.
        progress: Function or None. It is called with the number of bytes read
            and the number of bytes of the file.
        words: None for the words in the file, if it has any. False for a file
            without words: each line of a text is then d numbers separated by
            spaces, tabs or commas, as `numpy.savetxt` writes them. True for a
            text whose words may all be numbers. N strings, or the path of a
            file with one word per line or a JSON list of strings, for the
            words of such a file without words.
        tensor: str or None. The name of the tensor in a `.safetensors` file.
            None for the only one of rank 2.

    Returns:
        A `WordVectors`.

    Raises:
        VectorFileError: If the file does not exist, is empty or truncated,
            does not have the format of its suffix, has rows of different
            widths, or contains a non-finite number, invalid UTF-8 or a
            repeated word, or does not have words as `words` says or a tensor
            as `tensor` says. The message is one line that begins with the
            path.
        ValueError: If `duplicates` or `words` is not one of its values.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "two.txt")
    >>> _ = path.write_text("the 0.5 1\\n. . 2 -3\\n")
    >>> table = read_vectors(path)
    >>> table.words, table.vectors.tolist()
    (['the', '. .'], [[0.5, 1.0], [2.0, -3.0]])
    >>> _ = path.write_text("0.5 1\\n2 -3\\n")
    >>> read_vectors(path, words=["the", "of"]).vectors.shape
    (2, 2)
    """
    table = open_vectors(path, duplicates, progress, words=words, tensor=tensor)
    if isinstance(table.vectors, MappedRows):
        return dataclasses.replace(table, vectors=table.vectors.whole())
    return table


def open_vectors(
    path: str | os.PathLike[str],
    duplicates: str = "error",
    progress: ReadProgress | None = None,
    rows: Callable[[int], slice] | None = None,
    words: Words = None,
    tensor: str | None = None,
) -> WordVectors:
    """Reads a file of word vectors but loads no `.npy` or `.safetensors`.

    Args:
        path: As for `read_vectors`.
        duplicates: As for `read_vectors`.
        progress: As for `read_vectors`.
        rows: Function or None. Called with N, it returns the slice of rows
            that will be used; only these rows of a memory-mapped file are
            checked. None means all rows.
        words, tensor: As for `read_vectors`.

    Returns:
        A `WordVectors`. For a `.npy` or `.safetensors` file of any precision,
        its vectors are a `MappedRows`.

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
    given, said = given_words(words)
    first_column = given if isinstance(given, bool | None) else False
    try:
        table, found = _read(path, progress, first_column, tensor)
        if 0 in table.vectors.shape:
            raise VectorFileError(
                "The table must have rows and columns. "
                f"Received: shape={table.vectors.shape}"
            )
        table = with_words(table, given, said)
        check_words(table)
        used = slice(None)
        if rows is not None and isinstance(table.vectors, MappedRows):
            used = rows(len(table.vectors))
        if bad := find_not_finite(table.vectors, used):
            row, column, value = bad
            raise VectorFileError(
                f"Vectors must be finite. Received: {value} in "
                f"{place_of(table, row)}, dimension {column}"
            )
        return without_duplicates(table, found, duplicates)
    except VectorFileError as error:
        raise VectorFileError(f"{path}: {error}") from None
    except OSError as error:
        raise VectorFileError(
            f"{path}: The file must be readable. Received: "
            f"{error.strerror or error}"
        ) from None


def _read(
    path: str,
    progress: ReadProgress | None,
    words: bool | None,
    tensor: str | None,
) -> tuple[Table, str]:
    """Reads a file into a table; returns the table and its format."""
    with open_file(path, progress) as opened:
        found = find_format(opened.name, opened.head[:HEAD_BYTES])
        packing = opened.packing
        if packing is not None and not found.packed:
            raise VectorFileError(
                f"A {packing} file must contain text or word2vec binary; "
                "unpack any other format first. Received: "
                f"{found.name} in {packing}"
            )
        if tensor is not None and found is not SAFETENSORS:
            raise VectorFileError(
                "Only a .safetensors file has tensors by name: leave out "
                f"tensor= (--tensor). Received: {found.name}"
            )
        source = Source(
            opened.path,
            itertools.chain([opened.head], opened.blocks),
            None if packing is not None else opened.size,
            words,
            tensor,
        )
        table = found.read(source)
    is_numbers = table.words is None and table.first_line is not None
    name = "text of numbers only" if is_numbers else found.name
    return table, name if packing is None else f"{name}, {packing}"
