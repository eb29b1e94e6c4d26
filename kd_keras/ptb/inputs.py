"""What the commands of `kd-keras ptb` read: the text, words and codes."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kd_keras.datasets.ptb.corpus import Corpus, read_corpus
from kd_keras.datasets.ptb.ptb_files import ptb_files
from kd_keras.utils.errors import BadInputError


def read_text(given: argparse.Namespace, backend: str) -> Corpus:
    """Reads the text; with tensorflow-datasets if TensorFlow is the backend.

    Args:
        given: Options `data_dir` and `any_text`.
        backend: str. The name of Keras' backend.

    Returns:
        A `Corpus`.

    Raises:
        BadInputError: If there is no such text, or it is not Penn Treebank's
            and `any_text` is not set.
    """
    if given.any_text and given.data_dir is None:
        raise BadInputError(
            "--any-text needs --data-dir. Received: no --data-dir"
        )
    ptb_files(given.data_dir, given.any_text)
    if backend != "tensorflow" or given.any_text:
        return read_corpus(given.data_dir, given.any_text)
    with need_extra("ptb", "tensorflow_datasets"):
        from kd_keras.datasets.ptb.penn_treebank import read_corpus_by_tfds
    return read_corpus_by_tfds(given.data_dir)


def load_codes(folder: str, corpus: Corpus) -> Any:
    """Loads codes that `compress` or `ptb learn-codes` wrote.

    Args:
        folder: str. The folder.
        corpus: `Corpus`. The text whose words the codes must be for.

    Returns:
        A built `KDEmbedding`.

    Raises:
        BadInputError: If it cannot be read or is for other words.
    """
    import keras

    import kd_keras.layers.kd_embedding  # noqa: F401  (registers the layer)

    path = Path(folder) / "embedding.keras"
    try:
        embedding = keras.saving.load_model(path, compile=False).layers[0]
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"{path} cannot be read: {' '.join(str(error).split())}"
        ) from None
    if embedding.tiers is not None:
        raise BadInputError(
            "The codes of all words must have the same number of positions "
            f"here. Received: {folder}, with tiers"
        )
    # Codes for vectors without words have no vocabulary; ids must match.
    words = path.with_name("vocabulary.txt")
    if words.exists():
        check_words(folder, read_words(words), corpus)
    elif embedding.input_dim != len(corpus.vocabulary):
        raise BadInputError(
            f"The codes must be for the text's {len(corpus.vocabulary):,} "
            f"words. Received: {folder}, with codes for "
            f"{embedding.input_dim:,} symbols"
        )
    return embedding


def read_words(path: Path) -> list[str]:
    """Reads the words of a vocabulary file, one per line.

    Args:
        path: path of a file that a command of kd_keras wrote.

    Returns:
        list of str.

    Raises:
        BadInputError: If it cannot be read.
    """
    try:
        return path.read_text("utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} cannot be read: {error}") from None


def check_words(path: str, words: list[str], corpus: Corpus) -> None:
    """Checks that words are those of a text, in its order.

    Args:
        path: str. What was trained on the words, for the error.
        words: list of str.
        corpus: `Corpus`.

    Raises:
        BadInputError: If they differ.
    """
    if words != corpus.vocabulary:
        raise BadInputError(
            f"{path} was trained on another text: its vocabulary of "
            f"{len(words):,} words differs from this text's vocabulary of "
            f"{len(corpus.vocabulary):,} words"
        )


@contextlib.contextmanager
def need_extra(extra: str, *packages: str) -> Iterator[None]:
    """Turns a missing optional package into a one-line error with the remedy.

    Args:
        extra: str. The extra of kd_keras that installs the packages.
        *packages: str. Names of the modules that may be missing.

    Raises:
        BadInputError: If one of the modules is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in packages:
            raise
        raise BadInputError(
            f"{error.name} is not installed; install it with: pip install "
            f"'kd_keras[{extra}]'"
        ) from None
