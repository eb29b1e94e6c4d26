"""Checks of what would otherwise fail only after hours of learning."""

import json
import os
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from kd_keras.utils.checks import check_utf8_path
from kd_keras.utils.errors import BadInputError, as_bad_input

BACKENDS = ("tensorflow", "jax")


def check_backend(for_export: bool = False) -> None:
    """Checks that Keras can start, and export if needed; imports nothing.

    Args:
        for_export: bool. Whether the command exports a model.

    Raises:
        BadInputError: If the backend is unknown or not installed, or cannot
            export.
    """
    backend, source = _backend()
    if backend not in BACKENDS:
        raise BadInputError(
            "Keras must run on tensorflow or jax: set KERAS_BACKEND. "
            f"Received: {source}"
        )
    if for_export and backend != "tensorflow":
        raise BadInputError(
            "An export needs Keras on TensorFlow: set "
            f"KERAS_BACKEND=tensorflow. Received: {source}"
        )
    if backend not in sys.modules and find_spec(backend) is None:
        raise BadInputError(
            "Keras' backend must be installed: install it, or set "
            f"KERAS_BACKEND to another. Received: {source}, which is not"
        )


def check_start(output: str | None, litert: str | None) -> None:
    """Checks what Keras and an export need, before the work.

    Args:
        output: str or None. The folder to write, if it is known.
        litert: str or None. The precision of a `.tflite` file to write in it.

    Raises:
        BadInputError: If Keras cannot start, or the export could not be
            written.
    """
    check_backend(for_export=litert is not None)
    if litert is not None:
        as_bad_input(check_utf8_path, "With --litert, --output", output or ".")


def import_keras() -> None:
    """Imports Keras.

    Raises:
        BadInputError: If Keras cannot run on its backend, or refuses its
            configuration file.
    """
    check_backend()
    try:
        import keras  # noqa: F401
    except AssertionError as error:  # of the values in keras.json
        raise BadInputError(
            "Keras must be able to use its keras.json: correct or remove "
            f"it. Received: {str(error) or 'a value that it refuses'}"
        ) from None


def check_tokens(words: Iterable[str], source: str) -> None:
    """Checks that the vocabulary of a `.tflite` file can hold all words.

    Args:
        words: iterable of str, without line feeds.
        source: str. The file that they are from.

    Raises:
        BadInputError: If a word contains a carriage return.
    """
    for i, word in enumerate(words):
        if "\r" in word:
            raise BadInputError(
                "With --litert, no word may contain a carriage return, since "
                "the vocabulary in the .tflite file is one word per line. "
                f"Received: {word!r}, symbol {i} in {source}"
            )


def _backend() -> tuple[str, str]:
    """Returns Keras' backend, found as Keras finds it, and where it is set."""
    if "keras" in sys.modules:
        backend = sys.modules["keras"].config.backend()
        return backend, f"KERAS_BACKEND={backend}"
    if backend := os.environ.get("KERAS_BACKEND"):
        return backend, f"KERAS_BACKEND={backend}"
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    path = Path(home, "keras.json")
    try:
        backend = json.loads(path.read_text("utf-8"))["backend"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "tensorflow", "no setting, which means tensorflow"
    return str(backend), f"the backend {backend!r} in {path}"
