"""What the commands of `kd-keras ptb` read: the text, words and codes."""

import argparse
import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kd_keras.datasets.ptb.corpus import Corpus, read_corpus
from kd_keras.datasets.ptb.ptb_files import ptb_files
from kd_keras.utils.errors import BadInputError


def read_text(given: argparse.Namespace, backend: str) -> Corpus:
    """Reads the text; with tensorflow-datasets if TensorFlow is the backend."""
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
    import keras

    import kd_keras.layers.kd_embedding  # noqa: F401  (registers the layer)

    path = Path(folder) / "embedding.keras"
    try:
        embedding = keras.saving.load_model(path, compile=False).layers[0]
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"{path} cannot be read: {' '.join(str(error).split())}"
        ) from None
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


def command_line(given: argparse.Namespace, path: str) -> str:
    """Rebuilds the command line without options that change no result."""
    words = ["kd-keras", "ptb", given.step]
    left_out = {
        "command", "step", "output", "results", "quiet", "data_dir",
    }  # fmt: skip
    for name, value in vars(given).items():
        if name in left_out or value is None or value is False:
            continue
        option = "from" if name == "run" else name.replace("_", "-")
        words.append(f"--{option}")
        if value is not True:
            words.append(str(value))
    return shlex.join([*words, "--output", path])


def read_words(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} cannot be read: {error}") from None


def check_words(path: str, words: list[str], corpus: Corpus) -> None:
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
