"""Copies layers and models attribute by attribute."""

import inspect
import types
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

# Keras refuses to load a Python lambda, also one that is here already.
from keras.src.saving.serialization_lib import SafeModeScope

from kd_keras.learning.copy_layer_state import OWN_WEIGHTS
from kd_keras.learning.from_configuration import NotCopiedError
from kd_keras.learning.holds_state import holds_state

# What `compile`, `fit` and TensorFlow's checkpoints add to a model.
_ADDED = {
    "optimizer", "stop_training", "stop_evaluating", "stop_predicting",
    "train_function", "test_function", "predict_function",
    "get_config",  # see `supplied_configurations`
}  # fmt: skip
_ADDED_BEGIN = ("_self_", "_compile", "_eval_epoch")
# Attributes of any layer that its `__init__` or `build` may have changed.
_CHANGED = (
    "activity_regularizer", "autocast", "_allow_non_tensor_positional_args",
    "_build_shapes_dict", "_convert_input_args", "_input_spec",
    "_supports_masking", "stateful", "supports_jit",
)  # fmt: skip
# What several layers may hold.
_SHARED = keras.Metric, keras.Optimizer, keras.random.SeedGenerator


def copy_attributes(
    layer: Any, copied: Callable[[Any], Any], made: dict[int, Any]
) -> Any:
    """Makes a layer of the same class that has copies of all attributes.

    Neither `__init__` nor `build` of the class is called, whose arguments are
    not known.

    Args:
        layer: Keras layer or model, built, not functional. It is not changed.
        copied: Function of a layer that it holds, which returns the copy.
        made: dict of copies by the `id` of what they are copies of. The copy
            is put there, and so are those of what several layers may hold.

    Returns:
        A layer, or a model that is not compiled. The values of its own weights
        are those of `layer`.

    Raises:
        NotCopiedError: If an attribute may hold layers or weights in a way
            that is not known.
    """
    return _Copier(layer, copied, made).copy


class _Copier:
    """Copies the attributes of one layer."""

    def __init__(
        self, layer: Any, copied: Callable[[Any], Any], shared: dict[int, Any]
    ) -> None:
        self.layer, self.copied, self.shared = layer, copied, shared
        self.made: dict[int, Any] = {}
        kind: Any = type(layer)
        self.copy = copy = kind.__new__(kind)
        shared[id(layer)] = copy  # a part of it may refer to it
        try:
            self._fill()
        except Exception:
            del shared[id(layer)]
            raise

    def _fill(self) -> None:
        layer, copy = self.layer, self.copy
        is_model = isinstance(layer, keras.Model)
        base: Any = keras.Model if is_model else keras.Layer
        base.__init__(copy, name=layer.name, dtype=layer.dtype_policy)
        for name in _CHANGED:
            if name in vars(layer):
                setattr(copy, name, getattr(layer, name))
        known = vars(copy).keys() | _ADDED
        for name, value in list(vars(layer).items()):
            is_added = name in known or name.startswith(_ADDED_BEGIN)
            if not is_added and not isinstance(value, keras.callbacks.History):
                setattr(copy, name, self._of(name, value))
        # In the order in which the layer got them, which decides how weights
        # are paired.
        for name in ("_layers", *OWN_WEIGHTS):
            values = getattr(layer, name)
            getattr(copy, name)[:] = [self._of("add_weight", x) for x in values]
        for name in OWN_WEIGHTS:
            for value in getattr(layer, name):
                self.made[id(value)].trainable = value.trainable
        copy.built = layer.built

    def _of(self, name: str, value: Any) -> Any:
        """Returns the copy of an attribute, or of a part of one."""
        if isinstance(value, dict):
            items = value.items()
            return {self._key(name, x): self._of(name, y) for x, y in items}
        if isinstance(value, (list, tuple, set, frozenset)):
            parts = [self._of(name, x) for x in value]
            if hasattr(value, "_fields"):  # a named tuple
                return type(value)(*parts)
            kinds = (list, tuple, set, frozenset)
            kind = next(x for x in kinds if isinstance(value, x))
            return kind(parts)
        made = self.shared if isinstance(value, _SHARED) else self.made
        if id(value) not in made:
            made[id(value)] = self._single(name, value)
        return made[id(value)]

    def _key(self, name: str, key: Any) -> Any:
        return self._of(name, key) if isinstance(key, keras.Layer) else key

    def _single(self, name: str, value: Any) -> Any:
        if isinstance(value, keras.Layer):
            return self.copied(value)
        if isinstance(value, keras.Variable):
            return _variable(value)
        if isinstance(value, keras.Metric):
            return self._metric(value)
        if isinstance(value, keras.Optimizer):
            # A new one, as when a model is compiled.
            kind: Any = type(value)
            return kind.from_config(value.get_config())
        if isinstance(value, keras.random.SeedGenerator):
            generator = keras.random.SeedGenerator(0, name=value.name)
            generator.state.assign(keras.ops.convert_to_numpy(value.state))
            return generator
        if inspect.ismethod(value) and isinstance(value.__self__, keras.Layer):
            owner = self.copied(value.__self__)
            return types.MethodType(value.__func__, owner)
        if isinstance(value, np.ndarray) and value.dtype != object:
            return value.copy()
        if holds_state(value):
            raise NotCopiedError(
                f"its attribute {name!r} of {self.layer.name}, a "
                f"{type(value).__name__}, may hold layers or weights"
            )
        return value

    def _metric(self, value: Any) -> Any:
        kind: Any = type(value)
        with SafeModeScope(False), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of lambdas
            metric = kind.from_config(value.get_config())
        for given, mine in zip(value.variables, metric.variables, strict=False):
            if given.shape == mine.shape:
                mine.assign(keras.ops.convert_to_numpy(given))
        return metric


def _variable(value: Any) -> Any:
    """Copies a weight."""
    copy = keras.Variable(
        np.array(keras.ops.convert_to_numpy(value)),
        dtype=value.dtype,
        autocast=value._autocast,
        aggregation=value.aggregation,
        name=value.name,
    )
    for name in ("regularizer", "constraint", "overwrite_with_gradient"):
        setattr(copy, name, getattr(value, name))
    copy._path = value.path
    return copy
