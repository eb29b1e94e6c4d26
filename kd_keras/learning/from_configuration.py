"""Makes layers and models from the configurations of others."""

import inspect
from typing import Any

import keras

from kd_keras.learning.global_policy import global_policy
from kd_keras.learning.own_class import OwnClass
from kd_keras.learning.own_objects import is_own
from kd_keras.utils.checks import reason_of

_ALIAS = "copied by kd_keras>"  # before the names of the source's classes
_SOURCE = "the outermost"


class NotCopiedError(Exception):
    """A model or layer of which no copy can be made; says why."""


def why_not_copied(error: Exception) -> str:
    """Tells in one line why a copy cannot be made."""
    return str(error) if isinstance(error, NotCopiedError) else reason_of(error)


def from_configuration(
    source: Any, config: dict[str, Any], classes: dict[str, Any]
) -> Any:
    """Makes a layer or model of the class of another one.

    Args:
        source: Keras layer or model, built.
        config: dict. Its configuration, which may have been changed.
        classes: dict. The classes and functions in it by their registered
            names, as `classes_of` lists them.

    Returns:
        A built layer or model.
    """
    functions = {x: y for x, y in classes.items() if inspect.isfunction(y)}
    classes = {x: y for x, y in classes.items() if x not in functions}
    classes |= {_SOURCE: type(source)}
    whole = {
        "class_name": type(source).__name__,
        "registered_name": _ALIAS + _SOURCE,
        "config": _with_aliases(config, classes),
    }
    scope = {_ALIAS + x: _own(kind) for x, kind in classes.items()} | functions
    with (
        global_policy(source.dtype_policy),
        keras.saving.custom_object_scope(scope),
    ):
        # Not safe mode: a Python lambda in it is the caller's own.
        copy = keras.saving.deserialize_keras_object(whole, safe_mode=False)
    if source.built and not copy.built:
        _build(copy, source.get_build_config() or {})
        copy.built = True  # as Keras does when it loads a model
    return copy


def _build(layer: Any, config: dict[str, Any]) -> None:
    """Builds a layer that has been made from a configuration."""
    shapes = config.get("input_shape")
    if not _has_no_build(type(layer)) or shapes is None:
        layer.build_from_config(config)
        return
    # Keras would build nothing of it, and warn. A call builds what it holds.
    layer(keras.tree.map_shape_structure(keras.KerasTensor, shapes))


def _has_no_build(kind: Any) -> bool:
    """Tells whether layers of a class are built by Keras alone."""
    return issubclass(kind, keras.Layer) and all(
        getattr(kind, name) is getattr(keras.Layer, name)
        for name in ("build", "build_from_config")
    )


def _own(kind: type) -> Any:
    is_layer = issubclass(kind, keras.Layer)
    return OwnClass(kind) if is_layer and is_own(kind) else kind


def _with_aliases(config: Any, classes: dict[str, type]) -> Any:
    """Names classes so that Keras finds those of the source.

    By their own names it would find those that are registered now: a class
    may have been defined again since.
    """
    if isinstance(config, (list, tuple)):
        return type(config)(_with_aliases(x, classes) for x in config)
    if not isinstance(config, dict):
        return config
    config = {name: _with_aliases(x, classes) for name, x in config.items()}
    registered = config.get("registered_name")
    if isinstance(registered, str) and registered in classes:
        config["registered_name"] = _ALIAS + registered
        if _has_no_build(classes[registered]):
            # It builds nothing, and warns: its first call builds the layer.
            config.pop("build_config", None)
    return config
