"""Reads the files of `kd-keras compress MODEL.keras`: model, data, counts."""

import importlib
import os
import re
import sys
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

# Registers the layers of the language model.
import kd_keras.language_model.model  # noqa: F401
from kd_keras.utils.errors import BadInputError
from kd_keras.vectors.counts import read_counts

# Short names of losses and metrics that Keras writes into `.h5` files but does
# not read from there.
_OF_H5 = {
    name: keras.losses.get(short)
    for short in ("mse", "mae", "mape", "msle", "bce", "kld")
    for name in (short, short.upper())
}

TARGETS, INPUTS, WEIGHTS = "y", "x", "sample_weight"


def load_model(path: str, custom: Sequence[str] = ()) -> Any:
    """Loads the model in a `.keras` or `.h5` file.

    Args:
        path: str.
        custom: sequence of str, `"module:Class"`. Classes of the model.

    Returns:
        Keras model.

    Raises:
        BadInputError: If the file is missing, damaged or of another kind, or
            has a class that Keras does not know.
    """
    is_h5 = Path(path).suffix in (".h5", ".hdf5")
    classes = (_OF_H5 if is_h5 else {}) | dict(map(_import, custom))
    if Path(path).suffix == ".tflite":
        raise BadInputError(
            "A .tflite file cannot be made small, since it does not say which "
            "of its numbers are tables: give the .keras file that it was made "
            f"from. Received: {path}"
        )
    if Path(path).is_dir():
        raise BadInputError(
            "A SavedModel holds functions, not the layers of a Keras model: "
            f"give the model as a .keras file (model.save). Received: {path}"
        )
    if not Path(path).is_file():
        raise BadInputError(f"{path} must exist. Received: no such file")
    try:
        with (
            keras.saving.custom_object_scope(classes),
            warnings.catch_warnings(),
        ):
            # The optimizer's variables are not needed.
            warnings.filterwarnings("ignore", ".*optimizer.*")
            model = keras.saving.load_model(path)
    except Exception as error:  # damage leads to errors of many kinds
        told = " ".join(str(error).split())
        if unknown := re.search(r"locate (?:class|function) '(\w+)'", told):
            name = unknown[1]
            raise BadInputError(
                f"{path} has a class or function that Keras does not know: "
                f"name where it is with --custom module:{name}. "
                f"Received: {name}"
            ) from None
        if "safe_mode" in told:
            raise BadInputError(
                f"{path} has a Python lambda, which a command does not run: "
                "call kd_keras.compress on the model, or name a function. "
                "Received: a Lambda layer of a lambda"
            ) from None
        if not is_h5 and not zipfile.is_zipfile(path):
            told = "not a .keras file"
        raise BadInputError(
            f"{path} cannot be loaded as a Keras model: {told[:300]}"
        ) from None
    if not isinstance(model, keras.Model):
        raise BadInputError(
            f"{path} must hold a model. Received: {type(model).__name__}"
        )
    return model


def _import(custom: str) -> tuple[str, Any]:
    module, _, name = custom.partition(":")
    try:
        sys.path.insert(0, os.getcwd())
        try:
            found = getattr(importlib.import_module(module), name)
        finally:
            sys.path.remove(os.getcwd())
    except (ImportError, AttributeError, ValueError) as error:
        raise BadInputError(
            "--custom must be module:name, which Python can import from the "
            f"working directory. Received: --custom {custom}, {error}"
        ) from None
    return name, found


def read_inputs(path: str | None, model: Any) -> Any:
    """Reads inputs of a model, perhaps with targets.

    Args:
        path: path of a `.npy` file with the inputs; of a `.npz` file with `x`
            or with an array for each input by its name, and perhaps `y` and
            `sample_weight`; or of a text with one input per line, for a model
            that takes text. None for no data.
        model: Keras model.

    Returns:
        What `ModelData` takes, or None.

    Raises:
        BadInputError: If the file cannot be read or does not fit the model.
    """
    if path is None:
        return None
    inputs = getattr(model, "inputs", None) or ()
    takes_text = any(
        keras.backend.standardize_dtype(x.dtype) == "string" for x in inputs
    )
    try:
        if Path(path).suffix == ".npy":
            return np.load(path, allow_pickle=False)
        if Path(path).suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                return _of_arrays(path, dict(file), model)
        if takes_text:
            lines = Path(path).read_text("utf-8").split("\n")
            return np.array([line for line in lines if line], object)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        told = " ".join(str(error).split())[:200]
        raise BadInputError(f"{path} cannot be read: {told}") from None
    raise BadInputError(
        "--data must be a .npy file of ids or a .npz file with x and perhaps "
        "y; a text is for a model that takes text. Received: "
        f"{path}, and {model.name!r}, which takes "
        + (", ".join(str(x.dtype) for x in inputs) or "other inputs")
    )


def _of_arrays(path: str, arrays: dict[str, Any], model: Any) -> Any:
    names = [x.name for x in getattr(model, "inputs", None) or ()]
    # Keras has no public name for how a functional model takes its inputs; a
    # Sequential one takes its only one as it is.
    alone = names[0] if len(names) == 1 else names
    wanted = getattr(model, "_inputs_struct", alone)
    targets = [arrays.pop(x, None) for x in (TARGETS, WEIGHTS)]
    x: Any
    if set(arrays) == {INPUTS} and len(names) != 1:
        x = arrays[INPUTS]
    elif arrays and set(arrays) in ({INPUTS}, set(names)):
        parts = [arrays.get(name, arrays.get(INPUTS)) for name in names]
        x = keras.tree.pack_sequence_as(wanted, parts)
    else:
        raise BadInputError(
            f"--data must have the array {INPUTS!r}, or one for each input "
            f"({', '.join(names)}), and perhaps {TARGETS!r}. Received: "
            f"{path} with {', '.join(sorted(arrays)) or 'no inputs'}"
        )
    if targets[0] is None and targets[1] is not None:
        raise BadInputError(
            f"--data with {WEIGHTS!r} must have {TARGETS!r} too. Received: "
            f"{path} without it"
        )
    if targets[0] is None:
        return x
    return (x, *(array for array in targets if array is not None))


def read_model_counts(path: str | None) -> np.ndarray | None:
    """Reads counts, one a line; they are for tables of as many symbols."""
    if path is None:
        return None
    try:
        N = len(Path(path).read_bytes().splitlines())
    except OSError as error:
        raise BadInputError(
            f"--counts {path} cannot be read: {error.strerror}"
        ) from None
    return read_counts(path, N)
