"""Puts other layers in the place of layers of a model."""

import warnings
from collections.abc import Mapping
from typing import Any

import keras

# Without it, two layers of a copy could not share one.
from keras.src.saving.serialization_lib import ObjectSharingScope

from kd_keras.learning.copy_layer_state import check_graphs
from kd_keras.learning.copy_model import outputs_of
from kd_keras.learning.copy_replaced import copy_replaced
from kd_keras.learning.copy_replaced_state import NEEDS, copy_state
from kd_keras.learning.from_configuration import why_not_copied
from kd_keras.learning.own_objects import classes_of, compiled_objects
from kd_keras.learning.random_inputs import random_inputs
from kd_keras.learning.supplied_configurations import supplied_configurations
from kd_keras.utils.checks import reason_of, short_repr


def replace_layers(model: Any, replacements: Mapping[Any, Any]) -> Any:
    """Copies a model with other layers in the place of some.

    The copy has the same inputs, outputs, names of layers and weights, except
    for the layers that are replaced, and the same class. It is made
    from the configuration, so layers in nested models are replaced too, and
    masks pass as the new layers say. A subclassed model, or layer, whose
    configuration does not describe its layers is copied attribute by
    attribute. The original is not changed. A stateful RNN starts anew.

    A functional model, or one nested in it, may be of a class whose
    `get_config` holds other arguments than its layers, as the backbones and
    tasks of keras-hub are. The copy is then made from the graph: a plain
    `keras.Model`, without the methods of the class and without the nested
    models, whose layers it has itself.

    Args:
        model: Keras model, built: Sequential, functional, or subclassed.
        replacements: dict from a layer of the model, or its name, to a built
            layer that takes the same inputs. The copy holds a copy of it,
            with the name of the layer that it replaces; whether it is
            trainable is its own affair. For a table, what
            `learn_codes(layer)` returns; for an output layer, what
            `KDLogits.from_embedding` returns.

    Returns:
        A model of the same class, or a plain one, compiled like the original
        with a new optimizer, if that can be read from its configuration.

    Raises:
        ValueError: If a layer is not in the model, is one of several of its
            name, or is not part of the configuration; if a replacement is not
            built; if two nested models or layers hold the same layer; or if
            the copy computes outputs of other shapes.

    Example:

    >>> import keras, numpy as np, kd_keras
    >>> ids = keras.Input((5,), dtype="int32")
    >>> table = keras.layers.Embedding(300, 16, mask_zero=True)
    >>> model = keras.Model(ids, keras.layers.LSTM(4)(table(ids)))
    >>> coded = kd_keras.learn_codes(table, K=8, D=4, effort=0, verbose=0)
    >>> small = kd_keras.replace_layers(model, {table: coded})
    >>> print(small(np.ones((2, 5))).shape, small.layers[1].mask_zero)
    (2, 4) True
    >>> print(small.count_params() < model.count_params())
    True
    """
    copy = replace_uncompiled(model, replacements)
    _compile_like(model, copy)
    return copy


def replace_uncompiled(model: Any, replacements: Mapping[Any, Any]) -> Any:
    """Does what `replace_layers` does, but the copy is not compiled."""
    if not isinstance(replacements, Mapping):
        raise ValueError(
            "`replacements` must be a dict from layers or their names to new "
            f"layers. Received: {short_repr(replacements)}"
        )
    if not getattr(model, "built", False):
        raise ValueError(
            "replace_layers needs a built model: call it once on inputs. "
            f"Received: {short_repr(model)}, not built"
        )
    pairs = [
        (_find(model, key), _checked(new)) for key, new in replacements.items()
    ]
    if len({id(old) for old, _ in pairs}) < len(pairs):
        raise ValueError(
            "A layer can be replaced once. Received: "
            f"{short_repr(list(replacements))}"
        )
    check_graphs(model)
    classes = _classes(model, [new for _, new in pairs])
    try:
        with ObjectSharingScope(), supplied_configurations(model):
            copy, both = copy_replaced(model, pairs, classes)
    except Exception as error:
        raise ValueError(
            f"{NEEDS}, and replacements that fit. Received: "
            f"{short_repr(model)}: {why_not_copied(error)}"
        ) from error
    copy_state(model, both, pairs)
    _check_outputs(model, copy)
    return copy


def _classes(model: Any, replacements: list[Any]) -> dict[str, Any]:
    classes = classes_of(model, "replace_layers")
    for new in replacements:
        for name, kind in classes_of(new, "replace_layers").items():
            if classes.setdefault(name, kind) is not kind:
                raise ValueError(
                    "replace_layers needs classes and functions of different "
                    f"names. Received: {short_repr(new)}, whose {name} is not "
                    "the one of that name in the model"
                )
    return classes


def _find(model: Any, key: Any) -> Any:
    """Returns the layer that is meant."""
    layers = [
        x
        for x in model._flatten_layers(include_self=False)
        if not isinstance(x, keras.layers.InputLayer)
    ]
    if isinstance(key, str):
        named = [x for x in layers if x.name == key]
    else:
        named = [x for x in layers if x is key]
    if not named:
        raise ValueError(
            "A layer to be replaced must be in the model. Received: "
            f"{short_repr(key)}; the model has "
            f"{', '.join(sorted({x.name for x in layers}))}"
        )
    if len(named) > 1:
        raise ValueError(
            "A layer that is named must be the only one of its name: give the "
            f"layer. Received: {named[0].name!r}, the name of {len(named)} "
            "layers"
        )
    return named[0]


def _checked(new: Any) -> Any:
    if not isinstance(new, keras.layers.Layer) or not new.built:
        raise ValueError(
            "A replacement must be a built Keras layer. Received: "
            f"{short_repr(new)}"
        )
    return new


def _check_outputs(model: Any, copy: Any) -> None:
    """Checks the shapes of outputs on random inputs, where they are known."""
    inputs = random_inputs(model)
    layers = model._flatten_layers()
    if inputs is None or any(getattr(x, "stateful", False) for x in layers):
        return
    try:
        wanted = _shapes(model, inputs)
    except Exception:  # the inputs may not suit the model
        return
    try:
        found: Any = _shapes(copy, inputs)
    except Exception as error:
        found = reason_of(error)
    if found != wanted:
        raise ValueError(
            "With the replacements, the model must compute outputs of the same "
            "shapes. Received: "
            f"{short_repr(model)}, whose outputs have shapes {wanted}; with "
            f"the replacements: {found}"
        )


def _shapes(model: Any, inputs: Any) -> list[tuple[int, ...]]:
    return [x.shape for x in outputs_of(model, inputs)]


def _compile_like(model: Any, copy: Any) -> None:
    if not getattr(model, "compiled", False):
        return
    try:
        with keras.saving.custom_object_scope(compiled_objects(model)):
            copy.compile_from_config(model.get_compile_config())
    except Exception as error:  # of the user's own objects
        warnings.warn(
            "The copy is not compiled, since what the model was compiled with "
            f"cannot be made again: {short_repr(error)}",
            stacklevel=3,
        )
