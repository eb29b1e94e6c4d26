"""What is checked before an export begins."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import keras
import numpy as np

from kd_keras.export.size.coded_model import CodedModel
from kd_keras.layers.find_layers import coded_layers
from kd_keras.utils.checks import is_integer, short_repr


def check_model(model):
    """Checks that a layer or model can be exported.

    Returns:
        A `CodedModel`.

    Raises:
        ValueError: If it cannot.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "An export needs Keras on TensorFlow: load the model with "
            "KERAS_BACKEND=tensorflow. Received: KERAS_BACKEND="
            + keras.backend.backend()
        )
    if not isinstance(model, keras.layers.Layer) or not coded_layers(model):
        raise ValueError(
            "An export needs a KDEmbedding or a Keras model with one. "
            f"Received: {short_repr(model)}"
        )
    if not model.built:
        raise ValueError(
            "An export needs a built model: call it once on ids. Received: "
            f"{model!r}, not built"
        )
    for layer in model._flatten_layers():
        dtype = layer.compute_dtype or "float32"
        if "float" in dtype and dtype != "float32":
            raise ValueError(
                "An export needs layers that compute in float32: set their "
                "dtype_policy, or build the model in float32 and load its "
                f"weights. Received: {layer.name!r}, {dtype}"
            )
    return CodedModel.of(model)


def check_vocabulary(coded, vocabulary, unknown_id):
    """Checks symbols and the id of the unknown one against a model.

    Returns:
        `(words, unknown_id)`: the vocabulary as a list, or None; a Python
        integer, or None.

    Raises:
        ValueError: If they do not fit.
    """
    sizes = [layer.symbols for layer in coded.layers]
    if unknown_id is not None and (
        not is_integer(unknown_id) or not 0 <= unknown_id < min(sizes)
    ):
        raise ValueError(
            f"`unknown_id` must be None or an id, 0 to {min(sizes) - 1}. "
            f"Received: unknown_id={short_repr(unknown_id)}"
        )
    unknown_id = None if unknown_id is None else int(unknown_id)
    if vocabulary is None:
        return None, unknown_id
    # What has no order, or gives letters, is no list of words by id.
    if not isinstance(vocabulary, Iterable) or isinstance(
        vocabulary, (str, bytes, Mapping, set, frozenset)
    ):
        raise ValueError(
            "`vocabulary` must be a list of strings, a symbol each. "
            f"Received: {short_repr(vocabulary)}"
        )
    words = list(vocabulary)
    if len(words) != sizes[0]:
        raise ValueError(
            f"`vocabulary` must have a string for each of the {sizes[0]:,} "
            f"symbols. Received: {len(words):,} strings"
        )
    seen = set()
    for i, word in enumerate(words):
        if not isinstance(word, str) or not _is_line(word):
            raise ValueError(
                "`vocabulary` must hold strings without line ends, in UTF-8. "
                f"Received: {short_repr(word)} for id {i}"
            )
        if word in seen:
            raise ValueError(
                "`vocabulary` must not hold a string twice. Received: "
                f"{word!r} for id {i} and an earlier one"
            )
        seen.add(word)
    return words, unknown_id


def _is_line(word):
    try:
        word.encode()
    except UnicodeEncodeError:  # half of a pair of UTF-16
        return False
    return "\n" not in word and "\r" not in word


def check_tolerance(tolerance):
    """Checks the largest distance from Keras that passes.

    Raises:
        ValueError: If it is no positive number.
    """
    if tolerance is None:
        return
    if not isinstance(tolerance, int | float) or not 0 < tolerance < np.inf:
        raise ValueError(
            "`tolerance` must be a positive number or None. "
            f"Received: tolerance={short_repr(tolerance)}"
        )


def check_path(path, is_folder=False):
    """Checks that a file or folder can be put somewhere; writes nothing.

    Args:
        path: Path of the file or folder to be; an earlier export there will
            be replaced.
        is_folder: Boolean.

    Returns:
        The path with links resolved.

    Raises:
        ValueError: If it cannot.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ValueError(
            "`path` must be a string or pathlib.Path that names a file or "
            f"folder. Received: {short_repr(path)}"
        )
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise ValueError(
            f"`path` must be in a folder that exists. Received: {path}, but "
            f"there is no {path.parent}"
        )
    if not os.access(path.parent, os.W_OK):
        raise ValueError(
            "`path` must be in a folder that can be written to. "
            f"Received: {path}"
        )
    if not is_folder and path.is_dir():
        raise ValueError(f"`path` must name a file. Received: {path}, a folder")
    if is_folder and path.exists():
        if not path.is_dir():
            raise ValueError(
                f"`path` must name a folder. Received: {path}, a file"
            )
        if any(path.iterdir()) and not (path / "saved_model.pb").is_file():
            raise ValueError(
                "`path` must be a new or empty folder, or an earlier "
                f"SavedModel. Received: {path}, which holds something else"
            )
    return path
