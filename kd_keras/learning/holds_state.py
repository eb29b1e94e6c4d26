"""Finds out whether an object holds layers or weights."""

import functools
import inspect
import types
from typing import Any

import keras

_STATE = (
    keras.Layer, keras.Variable, keras.Metric, keras.Optimizer,
    keras.random.SeedGenerator,
)  # fmt: skip
# The parts of these are not looked at.
_SIMPLE = (
    type(None), bool, int, float, complex, str, bytes, type, range,
    types.ModuleType, types.BuiltinFunctionType,
)  # fmt: skip
_PASSED = ("keras", "numpy", "builtins", "jax", "tensorflow")


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
    return _holds(value, set())


def _holds(value: Any, seen: set[int]) -> bool:
    if isinstance(value, _STATE):
        return True
    if isinstance(value, _SIMPLE) or id(value) in seen:
        return False
    seen.add(id(value))
    if keras.ops.is_tensor(value):  # a variable of TensorFlow is one too
        return hasattr(value, "assign")
    return any(_holds(part, seen) for part in _parts(value))


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if inspect.ismethod(value):
        return [value.__self__, value.__func__]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if inspect.isfunction(value):
        cells = [_contents(x) for x in value.__closure__ or ()]
        return [*cells, value.__defaults__, value.__kwdefaults__]
    if isinstance(value, _PASSED_KINDS) or _module(value) in _PASSED:
        return []
    slots = [
        getattr(value, name, None)
        for kind in type(value).__mro__
        for name in _names(getattr(kind, "__slots__", ()))
    ]
    return [*slots, *getattr(value, "__dict__", {}).values()]


# Objects of Keras that have parts of their own are state, see above.
_PASSED_KINDS = (keras.DTypePolicy, keras.KerasTensor)


def _module(value: Any) -> str:
    return type(value).__module__.split(".")[0]


def _names(slots: Any) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None
