"""Copies a layer or model with all its state."""

from collections import Counter
from typing import Any

import keras
import numpy as np

from kd_keras.layers.contexts import (
    codes_fixed_in_copies,
    codes_looked_up,
)
from kd_keras.layers.find_layers import coded_layers
from kd_keras.learning.copies import Copies
from kd_keras.learning.copy_layer_state import (
    check_weights,
    copy_own_state,
    copy_settings,
)
from kd_keras.learning.from_configuration import why_not_copied
from kd_keras.learning.own_objects import classes_of
from kd_keras.learning.random_inputs import random_inputs
from kd_keras.utils.checks import short_repr

# What a copy may differ by, relative to the largest output: some devices do
# not add in the same order each time.
TOLERANCE = 1e-4
TOLERANCE_OF_HALVES = 0.05  # of float16 and bfloat16


def copy_with_fixed_codes(source: Any) -> Any:
    """Copies a layer or model; its coded layers hold fixed codes.

    The copy is made from the configuration or, if there is none, from the
    attributes. The state of each layer is then copied as Keras saves and loads
    it, which covers look-up tables, the statistics of an adapted
    `Normalization`, and quantized weights.

    Args:
        source: Keras layer or model, built. It is not changed.

    Returns:
        A layer or model of the same class. It is not compiled.

    Raises:
        ValueError: If no copy can be made, or it does not compute what the
            original computes.
    """
    classes = classes_of(source, "freeze")
    try:
        with codes_fixed_in_copies():
            copy = Copies(classes).of(source)
    except Exception as error:  # whatever Keras or the model's code raises
        raise ValueError(
            "freeze needs a model of which a copy can be made. Received: "
            f"{short_repr(source)}: {why_not_copied(error)}"
        ) from error
    for layer, target in zip(
        coded_layers(source), coded_layers(copy), strict=True
    ):
        target.codes = layer.codes
    _copy_state(source, copy)
    _check(source, copy)
    return copy


def _copy_state(source: Any, copy: Any) -> None:
    sources, copies = _stateful_layers(source), _stateful_layers(copy)
    kinds = [type(x).__name__ for x in sources]
    kinds_of_copy = [type(x).__name__ for x in copies]
    if kinds != kinds_of_copy:
        only = Counter(kinds), Counter(kinds_of_copy)
        raise ValueError(
            "freeze needs a model of which a copy can be made, and "
            "no KDCodeLearner that is used both in a KDEmbedding and outside. "
            f"Received: {short_repr(source)}; only the model has "
            f"{sorted(only[0] - only[1])}, only its copy "
            f"{sorted(only[1] - only[0])}"
        )
    for layer, target in zip(sources, copies, strict=True):
        try:
            copy_settings(layer, target)
            copy_own_state(layer, target)
        except Exception as error:
            raise ValueError(
                "freeze needs a model of which a copy can be made. "
                f"Received: {short_repr(source)}, in whose copy {layer.name} "
                f"cannot hold the same weights: {short_repr(error)}"
            ) from error
    check_weights(zip(sources, copies, strict=True))
    # To the last bit, and the state of random generators too. Loading may have
    # changed weights: it merges those of LoRA.
    before, after = _weights_beside_codes(source), _weights_beside_codes(copy)
    if [v.shape for v in before] == [v.shape for v in after]:
        _assign(after, _values(before))


def _values(variables: list[Any]) -> list[np.ndarray]:
    # As separate arrays: JAX variables would share one buffer, and training
    # one model would delete the other's.
    return [np.array(v.numpy()) for v in variables]


def _assign(variables: list[Any], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _stateful_layers(model: Any) -> list[Any]:
    """Lists all layers whose state is copied: not coded layers and learners."""
    coded = coded_layers(model)
    left_out = {id(x) for x in coded} | {id(x.learner) for x in coded}
    return [x for x in model._flatten_layers() if id(x) not in left_out]


def _weights_beside_codes(model: Any) -> list[Any]:
    """Lists the variables of a layer or model except logits and codes."""
    codes = {id(v) for x in coded_layers(model) for v in x.code_variables()}
    return [v for v in model.variables if id(v) not in codes]


def _check(source: Any, copy: Any) -> None:
    """Checks on random inputs that a copy computes what the original does.

    Not where that cannot be told: the model does not say what it takes, or
    does not compute the same twice.
    """
    inputs = random_inputs(source)
    recurrent = any(
        getattr(x, "stateful", False) for x in source._flatten_layers()
    )
    if inputs is None or recurrent:
        return
    try:
        wanted, again = outputs_of(source, inputs), outputs_of(source, inputs)
    except Exception:  # the inputs may not suit the model
        return
    if not all(map(are_close, wanted, again)):
        return
    try:
        found = outputs_of(copy, inputs)
    except Exception as error:
        raise ValueError(
            "freeze needs a model of which a copy can be made. "
            f"Received: {short_repr(source)}, whose copy "
            f"cannot be called: {short_repr(error)}"
        ) from error
    if not all(map(are_close, wanted, found)):
        raise ValueError(
            "freeze needs a model of which a copy can be made. "
            f"Received: {short_repr(source)}, whose copy "
            "computes other outputs"
        )


def outputs_of(model: Any, inputs: Any) -> list[np.ndarray]:
    """Computes outputs with the codes looked up; changes no state."""
    variables = _weights_beside_codes(model)
    values = _values(variables)
    try:
        with codes_looked_up():
            outputs = keras.tree.flatten(model(inputs, training=False))
    finally:
        _assign(variables, values)
    return [keras.ops.convert_to_numpy(x) for x in outputs]


def are_close(a: np.ndarray, b: np.ndarray) -> bool:
    """Returns whether two outputs are the same but for rounding."""
    is_single = a.dtype in (np.float32, np.float64)
    tolerance = TOLERANCE if is_single else TOLERANCE_OF_HALVES
    a, b = a.astype(np.float64), b.astype(np.float64)
    largest = np.max(np.abs(a), initial=1e-9, where=np.isfinite(a))
    return a.shape == b.shape and np.allclose(
        a, b, rtol=tolerance, atol=tolerance * largest, equal_nan=True
    )
