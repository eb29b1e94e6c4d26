"""Checks of the arguments of an export."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kd_keras.export.saved_model_folder import MARKER, others_in
from kd_keras.export.size.coded_model import TABLES, CodedModel
from kd_keras.export.without_look_up import LOOK_UPS, without_look_up
from kd_keras.folders.place_folder import contents, fixed
from kd_keras.layers.coded_layer import CodedLayer
from kd_keras.layers.find_layers import find_layers
from kd_keras.utils.checks import check_utf8_path, short_repr


def check_model(model: Any) -> CodedModel:
    """Checks that a layer or model can be exported.

    Args:
        model: Any object, as the caller of an export passed it.

    Returns:
        A `CodedModel`. It is of what follows the first layer, if that turns
        text into ids.

    Raises:
        ValueError: If it is not a built Keras layer or model with an
            embedding, if a layer does not compute in float32, or if Keras does
            not run on TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "An export needs Keras on TensorFlow: load the model with "
            "KERAS_BACKEND=tensorflow. Received: KERAS_BACKEND="
            + keras.backend.backend()
        )
    kinds = (CodedLayer, *TABLES)
    if not isinstance(model, keras.layers.Layer) or not find_layers(
        model, kinds
    ):
        raise ValueError(
            "An export needs a KDEmbedding, a keras.layers.Embedding or a "
            f"Keras model with one. Received: {short_repr(model)}"
        )
    if not model.built:
        raise ValueError(
            "An export needs a built model: call it once on ids. Received: "
            f"{model!r}, not built"
        )
    model = without_look_up(model)
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


def say_left_out(model: Any, coded: CodedModel) -> None:
    """Says on the standard error if an export leaves the first layer out."""
    if coded.model is not model:
        print(
            f"kd_keras: what is exported of {model.name!r} takes ids: the "
            "layer that turns text or other keys into ids is left out",
            file=sys.stderr,
        )


def check_outputs(coded: CodedModel) -> None:
    """Refuses outputs that LiteRT's runtimes do not return as they are.

    They are one tensor as two outputs, an input, and one number for a batch.
    """
    outputs = getattr(coded.model, "outputs", None) or []
    inputs = {id(x) for x in getattr(coded.model, "inputs", None) or []}
    for place, output in enumerate(outputs):
        if id(output) in inputs:
            raise ValueError(
                "A model for LiteRT must not return an input as it is. "
                f"Received: {coded.model.name!r}, whose output {place} is "
                f"its input {output.name!r}"
            )
        if not output.shape:
            raise ValueError(
                "An output of a model must have an axis of the batch. "
                f"Received: {coded.model.name!r}, whose output {place} is one "
                "number for the whole batch"
            )
    if len({id(output) for output in outputs}) < len(outputs):
        raise ValueError(
            "A model for LiteRT must not return the same tensor twice: export "
            "a keras.Model with each output once. Received: "
            f"{coded.model.name!r} with {len(outputs)} outputs"
        )


def _check_no_look_up(layer: keras.layers.Layer) -> None:
    """Refuses layers that turn strings or integers into ids by a table."""
    for kind, dtype in LOOK_UPS.items():
        if isinstance(layer, kind):
            raise ValueError(
                "An export needs a model whose inputs are ids or other "
                f"numbers: {kind.__name__} is left out only if it gives ids "
                "and is the first layer of a Sequential or functional model "
                "with one input; build a model of the layers that follow it. "
                f"Received: {layer.name!r}, dtype={dtype}"
            )


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
