"""Counts training steps inside the graph, each once."""

import contextlib
import weakref
from typing import Any

import keras
from keras import ops

# Keras has no public functions that return the current scope and call.
from keras.src.backend.common.global_state import get_global_attribute
from keras.src.backend.common.stateless_scope import get_stateless_scope


class TrainingSteps:
    """Counts the training steps of a layer that may be called several times.

    Keras has one call context for everything inside the outermost call, so the
    first count inside a context is the step. On JAX, training calls the model
    inside a stateless scope instead, a new one in each step, without a call
    context.

    That first call may be inside a loop or branch, which runs any number of
    times. On TensorFlow the step is then counted in the graph in which the
    outermost call began. On JAX no variable can be changed from inside, so
    such a call counts nothing. No tensor is kept, since one that was made
    inside cannot be used outside.
    """

    def __init__(self) -> None:
        self._counted: weakref.WeakSet[Any] = weakref.WeakSet()
        self._graphs: weakref.WeakKeyDictionary[Any, Any] = (
            weakref.WeakKeyDictionary()
        )

    def call_begins(self) -> None:
        """Notes the graph in which an outermost call begins."""
        context = _call_context()
        if context is None or keras.backend.backend() != "tensorflow":
            return
        import tensorflow as tf

        if not tf.executing_eagerly():
            self._graphs[context] = tf.compat.v1.get_default_graph()

    def count(self, variable: Any) -> Any:
        """Counts the step if that has not been done.

        Args:
            variable: `keras.Variable`, int scalar. The number of steps so far.

        Returns:
            Scalar tensor of float. The present step, counted from 0.
        """
        context = get_stateless_scope() or _call_context()
        if context in self._counted:
            return ops.cast(variable - 1, "float32")
        graph = None if context is None else self._graphs.get(context)
        with contextlib.nullcontext() if graph is None else graph.as_default():
            step = ops.cast(variable, "float32")
            following = variable + 1
            if _can_hold(variable.value, following):
                variable.assign(following)
                if context is not None:
                    self._counted.add(context)
        return step


def _call_context() -> Any:
    """Returns Keras' context of the outermost call, or None outside calls."""
    return get_global_attribute("current_call_ctx")


def _can_hold(value: Any, following: Any) -> bool:
    """Returns whether a variable can get a value that was computed from its.

    On JAX, and in stateless scopes, the value of a variable is a tensor. If it
    is outside of a loop, the variable cannot get one that is inside.
    """
    return hasattr(value, "assign") or _place(value) is _place(following)


def _place(tensor: Any) -> Any:
    """Returns the trace (JAX) or graph (TensorFlow) of a tensor, or None."""
    trace = getattr(tensor, "_trace", None)
    return getattr(tensor, "graph", None) if trace is None else trace
