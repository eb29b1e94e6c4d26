"""A function of an exported file."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

# What SavedModel and LiteRT call the only signature of a file.
DEFAULT = "serving_default"


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of an exported file.

    Attributes:
        name: String.
        function: Callable from tensors, by name, to a dictionary of tensors;
            it is traced.
        inputs: Dictionary of `tf.TensorSpec`.
        vocabularies: Dictionary from each input of ids to the number of its
            symbols; an array of them where its columns differ.
        reference: Callable from numpy arrays, by name, to a dictionary of
            numpy arrays: what Keras computes.
        carried: Dictionary from each input that takes the state of the call
            before to the name of the output that gives it.
        restart: Called before the first of a series of calls.
        one_row: Whether the reference takes the rows of one call only.
        first_id: Integer, the smallest id of any input.
    """

    name: str
    function: Callable
    inputs: dict
    vocabularies: dict
    reference: Callable
    carried: dict = dataclasses.field(default_factory=dict)
    restart: Callable = lambda: None
    one_row: bool = False
    first_id: int = 0

    @property
    def is_static(self):
        """Whether every size is known."""
        return all(None not in spec.shape for spec in self.inputs.values())


def compiled(function):
    """Compiles what Keras computes: numpy arrays by name, in and out."""
    graph = tf.function(function, reduce_retracing=True)

    def call(**inputs):
        given = {name: tf.constant(value) for name, value in inputs.items()}
        # Not graph(**given): many exports in a row would be warned of.
        outputs = graph.get_concrete_function(**given)(**given)
        return {name: value.numpy() for name, value in outputs.items()}

    return call


STEPS = 16  # of a sequence where any length will do
