"""Words that the user gives beside a file of vectors."""

import codecs
import json
import os
from collections.abc import Iterable, KeysView, Mapping, Set
from typing import Any

from kd_keras.vectors.table import VectorFileError

# What `words` of `read_vectors` may be.
Words = bool | str | os.PathLike[str] | Iterable[str] | None


def given_words(words: Words) -> tuple[bool | list[str] | None, str]:
    """Reads the words that are given beside a file of vectors.

    Args:
        words: See `read_vectors`.

    Returns:
        `(words, said)`: a list of strings, or what `words` is if it is None or
        a bool; and what to call it in a message.
    """
    if words is None or isinstance(words, bool):
        return words, "words=False (--no-words)"
    if isinstance(words, str | os.PathLike):
        return read_words(words), "the words of another file (--words)"
    return word_list(words), "words"


def word_list(words: Any) -> list[str]:
    """Checks words and returns them as a list.

    Args:
        words: Strings in order: a list, an array, the keys of a dictionary.

    Returns:
        List of strings.

    Raises:
        ValueError: If they are not strings in an order, or not UTF-8.

    Example:

    >>> word_list({"the": 0, "of": 1}.keys())
    ['the', 'of']
    """
    unordered = isinstance(words, Set) and not isinstance(words, KeysView)
    if (
        unordered
        or isinstance(words, str | bytes | bytearray | Mapping)
        or not isinstance(words, Iterable)
    ):
        raise ValueError(
            "words must be a list of strings, one per vector and in their "
            f"order. Received: {type(words).__name__}"
        )
    listed = list(words)
    for row, word in enumerate(listed):
        if not isinstance(word, str):
            raise ValueError(
                "Words must be strings. Received: "
                f"{_short(word)} ({type(word).__name__}) in row {row}"
            )
    try:
        "".join(listed).encode("utf-8")
    except UnicodeEncodeError:
        row = next(i for i, word in enumerate(listed) if not _is_utf8(word))
        raise ValueError(
            "Words must be valid in UTF-8. Received: "
            f"{_short(listed[row])} in row {row}"
        ) from None
    return [str(word) for word in listed]  # also if of a subclass of str


def read_words(path: str | os.PathLike[str]) -> list[str]:
    """Reads words from a file: one per line, or a JSON list of strings.

    Args:
        path: path. The file, in UTF-8. It is read as JSON if it is a list of
            strings in JSON.

    Returns:
        List of strings.

    Raises:
        VectorFileError: If the file cannot be read as such.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "words.txt")
    >>> _ = path.write_text("the\\n. . .\\n")
    >>> read_words(path)
    ['the', '. . .']
    """
    path = os.fspath(path)
    try:
        with open(path, "rb") as file:
            data = file.read()
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except OSError as error:
        raise VectorFileError(
            f"{path}: The file of words must be readable. Received: "
            f"{error.strerror or error}"
        ) from None
    except UnicodeDecodeError as error:
        raise VectorFileError(
            f"{path}: Words must be UTF-8. Received: byte "
            f"{data[error.start]:#04x} at {error.start}"
        ) from None
    is_json = path.lower().endswith(".json")
    if is_json or text.lstrip()[:1] == "[":
        listed = _parse_json(text)
        if listed is not None:
            return listed
        if is_json:
            raise VectorFileError(
                f"{path}: A JSON file of words must be a list of strings. "
                "Received: something else"
            )
    lines = text.removesuffix("\n").split("\n") if text else []
    return [line.removesuffix("\r") for line in lines]


def _parse_json(text: str) -> list[str] | None:
    """Returns a list of strings in JSON, or None for anything else."""
    try:
        return word_list(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _is_utf8(word: str) -> bool:
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 40 else text[:37] + "..."
