"""The classes and functions of a model that Keras does not know."""

import inspect
from collections.abc import Iterable
from typing import Any

import keras

from kd_keras.utils.checks import short_repr


def classes_of(source: Any, user: str) -> dict[str, Any]:
    """Lists the model's own classes and functions; they need no registration.

    They are those of layers, and of the activations, initializers,
    regularizers, constraints and other functions that layers hold.

    Args:
        source: Keras layer or model.
        user: str. The function that needs them, for the error.

    Returns:
        dict from registered names to classes and functions.

    Raises:
        ValueError: If two of them have one name.
    """
    parts = (
        keras.Initializer,
        keras.Regularizer,
        keras.constraints.Constraint,
    )
    held: list[Any] = []
    others: list[Any] = []
    for layer in source._flatten_layers():
        held.append(layer)
        for name, value in vars(layer).items():
            if isinstance(value, parts):
                held.append(value)
            elif _is_function(value) and not hasattr(type(layer), name):
                is_activation = name.endswith("activation")
                (held if is_activation else others).append(value)
    try:
        found = own_objects(held)
    except ValueError as error:
        raise ValueError(
            f"{user} needs classes and functions of different names. "
            f"Received: {short_repr(source)}, with {error}"
        ) from None
    # These may be no part of the configuration. Of two with one name it may
    # hold either, so Keras is left to say that it knows none.
    twice = set()
    for value in others:
        if not _is_of_keras(value):
            name = keras.saving.get_registered_name(value)
            if found.setdefault(name, value) is not value:
                twice.add(name)
    return {name: x for name, x in found.items() if name not in twice}


def compiled_objects(model: Any) -> dict[str, Any]:
    """Lists the own classes and functions that a model was compiled with.

    Args:
        model: Keras model, compiled.

    Returns, raises: See `own_objects`.
    """
    given = getattr(getattr(model, "_compile_config", None), "config", {})
    kinds = (keras.losses.Loss, keras.metrics.Metric)
    found = []
    for x in keras.tree.flatten(given):
        if isinstance(x, kinds):  # Keras wraps functions in its own
            found += [x, *filter(_is_function, vars(x).values())]
        elif isinstance(x, keras.optimizers.Optimizer):
            found += [x, x._learning_rate]  # it may be a schedule
        elif _is_function(x):
            found.append(x)
    return own_objects(found)


def own_objects(objects: Iterable[Any]) -> dict[str, Any]:
    """Names functions, and classes of objects, that are not of Keras.

    Args:
        objects: Iterable of any objects.

    Returns:
        dict from registered names to classes and functions.

    Raises:
        ValueError: If two of them have one name, or a function that is not
            registered has the name of an activation of Keras, which Keras
            would then take.
    """
    found: dict[str, Any] = {}
    for x in objects:
        kind = x if _is_function(x) else type(x)
        if _is_of_keras(kind):
            continue
        name = keras.saving.get_registered_name(kind)
        is_unregistered = kind is x and name == x.__name__
        if is_unregistered and hasattr(keras.activations, name):
            raise ValueError(f"a function of the name of Keras' {name}")
        if found.setdefault(name, kind) is not kind:
            raise ValueError(f"two of the name {name}")
    return found


def is_own(kind: type) -> bool:
    """Tells whether a class is a user's own."""
    return kind.__module__.split(".")[0] not in ("keras", "kd_keras")


def _is_of_keras(kind: Any) -> bool:
    return kind.__module__.split(".")[0] in ("keras", "builtins")


def _is_function(value: Any) -> bool:
    """Tells whether it is a function that can be found by its name."""
    return inspect.isfunction(value) and value.__name__ != "<lambda>"
