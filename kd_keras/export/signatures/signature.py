"""A function of an exported file."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

# The name of a file's only signature in SavedModel and LiteRT.
DEFAULT = "serving_default"


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of an exported file.

    Attributes:
        name: str.
        function: Function from tensors, by name, to a dict of tensors. It is
            traced.
        inputs: dict of `tf.TensorSpec`.
        vocabularies: dict from the name of each input of ids to its number of
            symbols; an array of int if its columns differ.
        reference: Function from numpy arrays, by name, to a dict of numpy
            arrays: the computation in Keras.
        carried: dict from the name of each input that takes a state to the
            name of the output of the previous call that returns it.
        restart: Function. Called before the first of a series of calls.
        one_row: bool. Whether the reference takes the rows of only one call.
        first_id: int. The smallest id of any input.
        embeddings: dict from the name of each input of ids to a tuple of the
            layers that get them.
        aliases: dict from names in Keras to the names of inputs.
    """

    name: str
    function: Callable[..., dict[str, Any]]
    inputs: dict[str, Any]
    vocabularies: dict[str, Any]
    reference: Callable[..., dict[str, np.ndarray]]
    carried: dict[str, str] = dataclasses.field(default_factory=dict)
    restart: Callable[[], Any] = lambda: None
    one_row: bool = False
    first_id: int = 0
    embeddings: dict[str, tuple[Any, ...]] = dataclasses.field(
        default_factory=dict
    )
    aliases: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def is_static(self) -> bool:
        """Whether every size is known."""
        return all(None not in spec.shape for spec in self.inputs.values())

    @property
    def has_open_batch(self) -> bool:
        """Whether the number of rows of an input is dynamic."""
        return any(None in spec.shape[:1] for spec in self.inputs.values())


def compiled(
    function: Callable[..., dict[str, Any]],
) -> Callable[..., dict[str, np.ndarray]]:
    """Compiles a function of tensors to one of numpy arrays.

    Args:
        function: Function from tensors, by name, to a dict of tensors.

    Returns:
        Function from numpy arrays, by name, to a dict of numpy arrays.
    """
    graph = tf.function(function, reduce_retracing=True)

    def call(**inputs: np.ndarray) -> dict[str, np.ndarray]:
        given = {name: tf.constant(value) for name, value in inputs.items()}
        # Not graph(**given), which warns after many exports in a row.
        outputs = graph.get_concrete_function(**given)(**given)
        return {name: value.numpy() for name, value in outputs.items()}

    return call


STEPS = 16  # length of a sequence if any length will do
