"""Writing word vectors as text."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kd_keras.utils.whole_file import whole_file
from kd_keras.vectors.checks import check_vectors
from kd_keras.vectors.given_words import word_list
from kd_keras.vectors.text import is_column
from kd_keras.vectors.text_lines import BOM, HEADER, NUMBER


def write_vectors(
    path: str | os.PathLike[str],
    words: Iterable[str],
    vectors: npt.ArrayLike,
    header: bool = True,
) -> None:
    """Writes word vectors as text that `read_vectors` reads back exactly.

    Args:
        path: path. An existing file is replaced.
        words: N strings, all different, such as a list or the keys of a
            dictionary. A word must not be empty, contain a line break, start
            or end with a space, or contain a number after a space. Without a
            header, not all words may be numbers.
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
    listed = word_list(words)
    if len(listed) != len(array) or len(set(listed)) != len(listed):
        raise ValueError(
            "There must be one word per vector, and all words must differ. "
            f"Received: {len(listed)} words, {len(set(listed))} different, "
            f"{len(array)} vectors"
        )
    _write_text(os.fspath(path), listed, array, header)


def _write_text(
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
        if problem := word_problem(word.encode()):
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
    if not header and all(is_column(word.encode()) for word in words):
        raise ValueError(
            "Without a header, a file whose words are all numbers looks like "
            "one of vectors without words; use header=True. "
            f"Received: {words[0]!r} in row 0"
        )
    with (
        whole_file(Path(path)) as temporary,
        open(temporary, "w", encoding="utf-8", newline="\n") as file,
    ):
        if header:
            file.write(f"{len(words)} {vectors.shape[1]}\n")
        for word, vector in zip(words, vectors, strict=True):
            file.write(word + pattern % tuple(vector.tolist()))


def word_problem(word: bytes) -> str | None:
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
