"""Which ids the inputs of a model may hold, found by calling it.

A model may slice its ids, hand them to nested models or look up positions
beside them, so the layers say little. What does is the ids that arrive at
each embedding when the model is called.
"""

import contextlib
from unittest import mock

import keras
import numpy as np

from kd_keras.kd_embedding import KDEmbedding
from kd_keras.layer_search import find_layers

# Columns of an input that are looked at one by one: `user(x[:, 0])` and
# `item(x[:, 1])` have ranges of their own.
_MOST_COLUMNS = 64


class IdProbe:
    """Calls a model on chosen inputs and sees what its embeddings are asked.

    Args:
        model: Built Keras model.
        call: Callable from a list of arrays, the inputs, to anything.
        shapes: List of the shapes of these arrays, without None.
        dtypes: List of their dtypes.
    """

    def __init__(self, model, call, shapes, dtypes):
        self._model = model
        self._call = call
        self._zeros = [
            np.zeros(shape, dtype)
            for shape, dtype in zip(shapes, dtypes, strict=True)
        ]
        self._at_zero = self._asked(self._zeros)

    def is_ids(self, number):
        """Tells whether an input goes into an embedding as it is."""
        ones = self._asked_with(number, 1)
        return any(
            ids.size and not ids.any() and (ids_of_one == 1).all()
            for (_, ids), (_, ids_of_one) in zip(
                self._at_zero, ones, strict=True
            )
        )

    def input_dims(self, number):
        """Finds how many ids an input of ids may hold, from 0 on.

        Args:
            number: Integer, the input's place in the list.

        Returns:
            Integer; or, where the columns differ, an integer array of the
            input's shape without its first axis.
        """
        every = self._largest(number, ...)
        shape = self._zeros[number].shape[1:]
        columns = int(np.prod(shape))
        if len(self._fed_by(number, ...)) < 2 or columns > _MOST_COLUMNS:
            return every
        sizes = np.array(
            [
                self._largest(number, (slice(None), *place))
                for place in np.ndindex(shape)
            ]
        ).reshape(shape)
        return int(sizes.flat[0]) if np.ptp(sizes) == 0 else sizes

    def _largest(self, number, place):
        """Finds the largest size whose last id every embedding knows."""
        fed = self._fed_by(number, place)
        if not fed:
            return min(size for size, _ in self._at_zero)
        # An embedding may be asked for its id plus something.
        sizes = sorted({size - int(ids.max()) for size, ids in fed})
        for size in reversed(sizes):
            asked = self._asked_with(number, size - 1, place)
            if all(((ids >= 0) & (ids < N)).all() for N, ids in asked):
                return size
        return max(sizes[0], 1)

    def _fed_by(self, number, place):
        """Lists `(input_dim, ids at zero)` of the embeddings it changes."""
        ones = self._asked_with(number, 1, place)
        return [
            (size, ids)
            for (size, ids), (_, changed) in zip(
                self._at_zero, ones, strict=True
            )
            if ids.size and (ids != changed).any()
        ]

    def _asked_with(self, number, value, place=...):
        inputs = list(self._zeros)
        inputs[number] = inputs[number].copy()
        inputs[number][place] = value
        return self._asked(inputs)

    def _asked(self, inputs):
        """Lists `(input_dim, ids)` of each call of an embedding."""
        asked = []
        with _recorded(self._model, asked):
            self._call(inputs)
        return asked


@contextlib.contextmanager
def _recorded(model, asked):
    """Makes embeddings note their ids, and answer zeros, while it lasts."""

    def answer(layer, ids):
        ids = np.asarray(keras.ops.cast(ids, "int64"))
        asked.append((layer.input_dim, ids))
        return keras.ops.zeros((*ids.shape, layer.output_dim))

    layers = find_layers(model, KDEmbedding)
    try:
        for layer in layers:
            layer.device_form = lambda ids, layer=layer: answer(layer, ids)
        with mock.patch.object(keras.layers.Embedding, "call", answer):
            yield
    finally:
        for layer in layers:
            layer.device_form = None
