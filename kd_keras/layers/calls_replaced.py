"""Replaces what layers compute in one thread.

Other threads may call the same model meanwhile, and export it.
"""

import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.layers.reduced_embedding import ReducedEmbedding

# A layer whose class overrides `call` is left as it is.
_KNOWN = (
    KDEmbedding.call,
    keras.layers.Embedding.call,
    keras.layers.ReversibleEmbedding.call,
    ReducedEmbedding.call,
)

# What this thread replaces, by the layer's `id`.
_calls: contextvars.ContextVar[Mapping[int, Callable[[Any], Any]]] = (
    contextvars.ContextVar("calls")
)
# How many threads replace the call of each layer, by the layer's `id`.
_replacing: dict[int, int] = {}
_lock = threading.Lock()


def can_replace(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer computes what its base class does."""
    return type(layer).call in _KNOWN


@contextlib.contextmanager
def calls_replaced(
    calls: Mapping[keras.layers.Layer, Callable[[Any], Any]],
) -> Iterator[None]:
    """Makes layers compute something else while it is open.

    Args:
        calls: dict from layers to functions of their only input. One that
            returns None leaves the result to the layer. An embedding's result
            can stand for ids only if `can_replace` holds.
    """
    with _lock:
        for layer in calls:
            _replacing[id(layer)] = _replacing.get(id(layer), 0) + 1
            vars(layer).setdefault("call", _call_of(layer))
    token = _calls.set({id(layer): call for layer, call in calls.items()})
    try:
        yield
    finally:
        _calls.reset(token)
        with _lock:
            for layer in calls:
                _replacing[id(layer)] -= 1
                if not _replacing[id(layer)]:
                    del _replacing[id(layer)]
                    vars(layer).pop("call", None)


def _call_of(layer: keras.layers.Layer) -> Callable[..., Any]:
    """Returns the `call` of a layer that computes something else if asked."""

    def call(inputs: Any, *more: Any, **options: Any) -> Any:
        replaced = _calls.get({}).get(id(layer))
        # `reverse` of a ReversibleEmbedding does not take ids.
        if replaced is not None and not any([*more, *options.values()]):
            found = replaced(inputs)
            if found is not None:
                return found
        return type(layer).call(layer, inputs, *more, **options)

    return call
