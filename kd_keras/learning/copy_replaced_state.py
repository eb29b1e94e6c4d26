"""Copies the state of a model into a copy that has other layers."""

from collections.abc import Container
from typing import Any

import keras
import numpy as np

from kd_keras.learning.copy_layer_state import (
    check_weights,
    copy_own_state,
    copy_settings,
)
from kd_keras.learning.from_configuration import NotCopiedError
from kd_keras.learning.layer_states import state_of
from kd_keras.utils.checks import short_repr

NEEDS = "replace_layers needs a model of which a copy can be made"


def copy_state(
    model: Any, both: list[tuple[Any, Any]], pairs: list[tuple[Any, Any]]
) -> None:
    """Copies the state of the layers that stay, and of the replacements.

    Raises `ValueError` if that cannot be done.

    Args:
        model: Keras model, for messages.
        both: list of (layer, its copy), see `layer_pairs`.
        pairs: list of (old layer, new layer).
    """
    replaced = {id(old): new for old, new in pairs}
    for source, target in both:
        new = replaced.get(id(source))
        try:
            if new is None:
                copy_settings(source, target)
                _copy_layer(source, target)
                continue
            if not target.built:
                target.build_from_config(new.get_build_config() or {})
            for given, mine in zip(
                new._flatten_layers(), target._flatten_layers(), strict=True
            ):
                _copy_layer(given, mine)
        except Exception as error:
            raise ValueError(
                f"{NEEDS}. Received: {short_repr(model)}, in whose copy "
                f"{target.name} cannot hold the same weights: "
                f"{short_repr(error)}"
            ) from error

    stay = [pair for pair in both if id(pair[0]) not in replaced]
    check_weights(stay, [old for old, _ in pairs])


def layer_pairs(
    source: Any, copy: Any, pairs: list[tuple[Any, Any]]
) -> list[tuple[Any, Any]]:
    """Pairs the layers of a model with those of its copy.

    Args:
        source: The model, or a plain one of the same layers.
        copy: Keras model with copies of them.
        pairs: list of (old layer, new layer).

    Returns:
        list of (layer, its copy or what replaces it), the model itself first:
        it may have weights that are those of no layer in it.

    Raises:
        NotCopiedError: If the copy has other layers, or layers in other
            states.
    """
    replaced = {id(old): new for old, new in pairs}
    sources = _layers(source, [old for old, _ in pairs])
    kinds = {(old.name, type(new)) for old, new in pairs}
    made = [
        x
        for x in copy._flatten_layers(include_self=False)
        if (x.name, type(x)) in kinds
    ]
    targets = _layers(copy, made)
    # Names are new where a subclassed model leaves them to Keras.
    if _kinds(sources, replaced) != _kinds(targets, {id(x) for x in made}):
        raise NotCopiedError(
            "its copy has other layers: two models or layers in it may hold "
            "the same layer, or its configuration may not describe all of it"
        )
    return [(source, copy), *zip(sources, targets, strict=True)]


def _copy_layer(source: Any, target: Any) -> None:
    """Copies the state of a layer, without that of the layers inside it."""
    copy_own_state(source, target)
    if len(list(source._flatten_layers())) > 1:
        return
    # The state of random generators too. Loading may have changed shapes: it
    # merges the weights of LoRA.
    pairs = list(zip(source.variables, target.variables, strict=False))
    if len(source.variables) == len(target.variables) and all(
        a.shape == b.shape for a, b in pairs
    ):
        for given, mine in pairs:
            mine.assign(np.array(given.numpy()))


def _kinds(layers: list[Any], replaced: Container[int]) -> list[str]:
    return [
        x.name if id(x) in replaced else f"{type(x).__name__} {state_of(x)}"
        for x in layers
    ]


def _layers(model: Any, replaced: list[Any]) -> list[Any]:
    """Lists a model's layers without inputs and those inside replaced ones."""
    kept = {id(x) for x in replaced}
    inside = {
        id(x)
        for layer in replaced
        for x in layer._flatten_layers(include_self=False)
    } - kept
    return [
        x
        for x in model._flatten_layers(include_self=False)
        if id(x) not in inside and not isinstance(x, keras.layers.InputLayer)
    ]
