"""A text as ids: its vocabulary and its three splits."""

import collections
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kd_keras.datasets.ptb.ptb_files import SPLITS, ptb_files
from kd_keras.utils.errors import BadInputError

END_OF_LINE = "<eos>"

# What `Corpus.digest` returns for it.
PENN_TREEBANK = "15acd9ad60543b7c"


class Corpus(NamedTuple):
    """A text as ids.

    Attributes:
        vocabulary: List of strings. The index of a word is its id.
        train: array of int32. Ids of the training text.
        valid: array of int32. Ids of the validation text.
        test: array of int32. Ids of the test text.
    """

    vocabulary: list[str]
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray

    def digest(self) -> str:
        """Returns a short digest that identifies the text.

        Returns:
            A str of 16 hexadecimal digits.
        """
        words = "\n".join(self.vocabulary).encode()
        digest = hashlib.sha256(words)
        for split in (self.train, self.valid, self.test):
            digest.update(split.astype("<i4").tobytes() + b"|")
        return digest.hexdigest()[:16]


def read_corpus(
    data_dir: str | os.PathLike[str] | None = None, any_text: bool = False
) -> Corpus:
    """Reads the Penn Treebank.

    Args:
        data_dir: As for `ptb_files`.
        any_text: As for `ptb_files`.

    Returns:
        A `Corpus`. Its vocabulary is that of the training text, sorted from
        frequent to rare, with ties in alphabetical order, as in the TensorFlow
        tutorial.

    Raises:
        BadInputError: As `ptb_files`, or if a file is not UTF-8.
    """
    paths = ptb_files(data_dir, any_text)
    return corpus_of_lines(
        {split: read_lines(path) for split, path in paths.items()}
    )


def read_lines(path: Path) -> list[str]:
    """Reads the lines of a text file.

    Args:
        path: path. The file.

    Returns:
        List of strings, without line breaks.

    Raises:
        BadInputError: If the file is not UTF-8.
    """
    try:
        return path.read_text("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise BadInputError(
            f"{path} must be UTF-8 text. Received: byte {error.start} is not "
            "UTF-8"
        ) from None


def corpus_of_lines(lines: Mapping[str, Iterable[str]]) -> Corpus:
    """Makes a corpus from the lines of its three splits.

    Args:
        lines: Dictionary from the names of the splits to their lines. Words
            are separated by white space.

    Returns:
        A `Corpus`.

    Raises:
        BadInputError: If a split has a word that does not occur in the
            training text.

    Example:

    >>> from kd_keras.datasets.ptb.corpus import corpus_of_lines
    >>> text = ["b a b", "b c"]
    >>> corpus = corpus_of_lines({"train": text, "valid": text, "test": text})
    >>> print(corpus.vocabulary, corpus.train.tolist())
    ['b', '<eos>', 'a', 'c'] [0, 2, 0, 1, 0, 3, 1]
    """
    tokens = {split: _tokens(lines[split]) for split in SPLITS}
    counts = collections.Counter(tokens["train"])
    vocabulary = sorted(counts, key=lambda word: (-counts[word], word))
    ids = {word: i for i, word in enumerate(vocabulary)}
    splits = []
    for split in SPLITS:
        unknown = next((w for w in tokens[split] if w not in ids), None)
        if unknown is not None:
            raise BadInputError(
                "All words must occur in the training text (rare ones as "
                f"<unk>). Received: {unknown!r} in the {split} text"
            )
        splits.append(np.array([ids[w] for w in tokens[split]], np.int32))
    return Corpus(vocabulary, *splits)


def _tokens(lines: Iterable[str]) -> list[str]:
    """Splits lines into words and adds `<eos>` at the end of each line."""
    return [word for line in lines for word in [*line.split(), END_OF_LINE]]
