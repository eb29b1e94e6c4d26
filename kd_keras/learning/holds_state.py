"""Finds out whether an object holds layers or weights."""

import collections
import functools
import inspect
import types
import weakref
from typing import Any

import keras
import numpy as np

_STATE = (
    keras.Layer, keras.Variable, keras.Metric, keras.Optimizer,
    keras.random.SeedGenerator,
)  # fmt: skip
# The parts of these are not looked at.
_SIMPLE = (
    type(None), bool, int, float, complex, str, bytes, type, range,
    types.ModuleType, types.BuiltinFunctionType, keras.DTypePolicy,
    keras.KerasTensor,
)  # fmt: skip
_CONTAINERS = (list, tuple, set, frozenset, collections.deque)
# Attributes of objects of TensorFlow that have variables.
_OF_VARIABLES = ("resource_handle", "variables", "state")
_MOST = 10_000  # parts, after which an object is taken to hold layers


def holds_state(value: Any) -> bool:
    """Tells whether two layers that share an object would share their state.

    Args:
        value: Any object. Containers, functions (what they were made with: the
            variables around them and their defaults) and objects are looked
            through. A function that uses a global name is not.

    Returns:
        bool. Whether there is a layer, a weight, a metric, an optimizer or a
        variable of a backend in it.
    """
    seen: dict[int, Any] = {}
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, _SIMPLE) or id(part) in seen:
            continue
        seen[id(part)] = part
        if isinstance(part, _STATE) or len(seen) > _MOST:
            return True
        if keras.ops.is_tensor(part):  # a variable of TensorFlow is one too
            if hasattr(part, "assign"):
                return True
            continue
        module = type(part).__module__.split(".")[0]
        if module == "tensorflow" and (
            any(hasattr(part, x) for x in _OF_VARIABLES)
        ):
            return True
        waiting += _parts(part, module)
    return False


def _parts(value: Any, module: str) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, _CONTAINERS):
        return list(value)
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype == object else []
    if isinstance(value, weakref.ref):
        return [value()]
    if inspect.ismethod(value):
        return [value.__self__, value.__func__]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if inspect.isfunction(value):
        cells = [_contents(x) for x in value.__closure__ or ()]
        return [*cells, value.__defaults__, value.__kwdefaults__, vars(value)]
    if hasattr(value, "python_function"):  # of `tf.function`
        return [value.python_function]
    if module in ("keras", "tensorflow", "jax", "numpy") and not isinstance(
        value, keras.callbacks.Callback
    ):
        return []
    slots = [
        getattr(value, name, None)
        for kind in type(value).__mro__
        for name in _names(getattr(kind, "__slots__", ()))
    ]
    return [*slots, *getattr(value, "__dict__", {}).values()]


def _names(slots: Any) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None
