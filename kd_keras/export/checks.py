"""Checks of the arguments of an export."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kd_keras.export.saved_model_folder import MARKER, others_in
from kd_keras.export.size.coded_model import CodedModel
from kd_keras.folders.place_folder import contents, fixed
from kd_keras.layers.find_layers import coded_layers
from kd_keras.utils.checks import check_utf8_path, is_integer, short_repr


def check_model(model: Any) -> CodedModel:
    """Checks that a layer or model can be exported.

    Args:
        model: Any object, as the caller of an export passed it.

    Returns:
        A `CodedModel`.

    Raises:
        ValueError: If it is not a built Keras layer or model with coded
            layers, if a layer does not compute in float32, or if Keras does
            not run on TensorFlow.
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
        _check_no_look_up(layer)
        dtype = layer.compute_dtype or "float32"
        if "float" in dtype and dtype != "float32":
            raise ValueError(
                "An export needs layers that compute in float32: set their "
                "dtype_policy, or build the model in float32 and load its "
                f"weights. Received: {layer.name!r}, {dtype}"
            )
    return CodedModel.of(model)


def check_outputs(coded: CodedModel) -> None:
    """Checks that a model does not return one tensor as two outputs.

    LiteRT's runtimes then return only one of them.
    """
    outputs = getattr(coded.model, "outputs", None) or []
    if len({id(output) for output in outputs}) < len(outputs):
        raise ValueError(
            "A model for LiteRT must not return the same tensor twice: export "
            "a keras.Model with each output once. Received: "
            f"{coded.model.name!r} with {len(outputs)} outputs"
        )


def _check_no_look_up(layer: keras.layers.Layer) -> None:
    """Refuses layers that turn strings or integers into ids by a table."""
    kinds = {
        keras.layers.TextVectorization: "string",
        keras.layers.StringLookup: "string",
        keras.layers.IntegerLookup: "int64",
    }
    for kind, dtype in kinds.items():
        if isinstance(layer, kind):
            raise ValueError(
                "An export needs a model whose inputs are ids or other "
                f"numbers, without {kind.__name__}: export what follows it, "
                f"keras.Model(model.get_layer({layer.name!r}).output, "
                "model.output), and pass its get_vocabulary() as "
                f"`vocabulary`. Received: {layer.name!r}, dtype={dtype}"
            )


def check_vocabulary(
    coded: CodedModel, vocabulary: Any, unknown_id: Any
) -> tuple[list[str] | None, int | None]:
    """Checks that a vocabulary and an unknown id fit a model.

    Args:
        coded: `CodedModel`.
        vocabulary: list of str, one per symbol, or None.
        unknown_id: int or None. The id of the unknown symbol.

    Returns:
        `(words, unknown_id)`: the vocabulary as a list, or None; the id as a
        Python int, or None.

    Raises:
        ValueError: If they do not fit the model.
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
    # Sets have no order, and a string would be read letter by letter.
    if not isinstance(vocabulary, Iterable) or isinstance(
        vocabulary, (str, bytes, Mapping, set, frozenset)
    ):
        raise ValueError(
            "`vocabulary` must be a list of strings, one per symbol. "
            f"Received: {short_repr(vocabulary)}"
        )
    words = list(vocabulary)
    if len(words) != sizes[0]:
        raise ValueError(
            f"`vocabulary` must have one string for each of the {sizes[0]:,} "
            f"symbols. Received: {len(words):,} strings"
        )
    seen: set[str] = set()
    for i, word in enumerate(words):
        if not isinstance(word, str) or not _is_line(word):
            raise ValueError(
                "`vocabulary` must contain strings without line breaks, valid "
                f"in UTF-8. Received: {short_repr(word)} for id {i}"
            )
        if word in seen:
            raise ValueError(
                "`vocabulary` must not contain a string twice. Received: "
                f"{word!r} for id {i} and an earlier id"
            )
        seen.add(word)
    return words, unknown_id


def _is_line(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:  # a lone half of a UTF-16 pair
        return False
    return "\n" not in word and "\r" not in word


def check_tolerance(tolerance: Any) -> None:
    """Checks the largest accepted distance from Keras.

    Args:
        tolerance: float or None.

    Raises:
        ValueError: If it is neither a positive finite number nor None.
    """
    if tolerance is None:
        return
    if not isinstance(tolerance, int | float) or not 0 < tolerance < np.inf:
        raise ValueError(
            "`tolerance` must be a positive number or None. "
            f"Received: tolerance={short_repr(tolerance)}"
        )


def check_path(path: Any, is_folder: bool = False) -> Path:
    """Checks that an export can be written to a path; writes nothing.

    Args:
        path: path of the file or folder to write. It may be an earlier
            export, which will be replaced.
        is_folder: bool. Whether the export is a folder.

    Returns:
        The path with symbolic links resolved.

    Raises:
        ValueError: If the export cannot be written there.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ValueError(
            "`path` must be a string or pathlib.Path that names a file or "
            f"folder. Received: {short_repr(path)}"
        )
    check_utf8_path("`path`", path)
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise ValueError(
            f"`path` must be in a folder that exists. Received: {path}, but "
            f"there is no {path.parent}"
        )
    if is_folder and path.is_dir():
        _check_folder(path)
    else:
        _try_beside(path)
    if not is_folder and path.is_dir():
        raise ValueError(f"`path` must name a file. Received: {path}, a folder")
    if is_folder and path.exists() and not path.is_dir():
        raise ValueError(f"`path` must name a folder. Received: {path}, a file")
    return path


def _try_beside(path: Path) -> None:
    """Checks that a temporary folder can be made beside a path."""
    try:
        with tempfile.TemporaryDirectory(
            prefix=f".{path.name}.", suffix=".kd-keras.partial", dir=path.parent
        ):
            pass
    except OSError as error:
        raise ValueError(
            "`path` must be in a folder that can be written to. "
            f"Received: {path}, {error.strerror}"
        ) from None


def _check_folder(path: Path) -> None:
    """Checks that a SavedModel can fill or replace a folder."""
    inside = contents(path)
    if not inside:
        if not os.access(path, os.W_OK):
            raise ValueError(
                "`path` must be a folder that can be written to. "
                f"Received: {path}"
            )
        return
    others = [] if path.joinpath(MARKER).is_file() else [inside[0]]
    if others := others_in(path) or others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise ValueError(
            "`path` must be a new or empty folder, or a SavedModel of kd_keras "
            "without other files, since it is replaced. Received: "
            f"{path}, which contains other files: {others[0]!r}{more}"
        )
    if why := fixed(path):
        raise ValueError(
            "`path` must be a folder that can be replaced by a rename. "
            f"Received: {path}, {why}"
        )
