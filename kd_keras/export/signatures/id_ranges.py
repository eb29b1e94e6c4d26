"""Which ids the inputs of a model may hold, found by calling it.

A model may slice its ids, shift them, hand them to nested models or look up
positions beside them, so the layers say little. What does is the ids that
arrive at each embedding when the model is called.
"""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from kd_keras.layers.find_layers import find_layers
from kd_keras.layers.kd_embedding import KDEmbedding

# Columns of an input that are looked at one by one: `user(x[:, 0])` and
# `item(x[:, 1])` have ranges of their own.
_MOST_COLUMNS = 64


class IdProbe:
    """Calls a model on chosen inputs and sees what its embeddings are asked.

    Args:
        coded: `CodedModel` of a built Keras model.
        call: Callable from a list of arrays, the inputs, to anything.
        shapes: List of the shapes of these arrays, without None.
        dtypes: List of their dtypes.

    Attributes:
        first_id: 0; or 1 where an embedding is asked for -1 if ids are 0.

    Raises:
        ValueError: If the model cannot be called on such inputs.
    """

    def __init__(self, coded, call, shapes, dtypes):
        asked = [x for x in coded.layers if isinstance(x, KDEmbedding)]
        tables = find_layers(coded.model, keras.layers.Embedding)
        self._layers = [*asked, *tables]
        self._call = call
        for self.first_id in (0, 1):
            self._base = [
                np.full(shape, self.first_id, dtype)
                for shape, dtype in zip(shapes, dtypes, strict=True)
            ]
            try:
                self._at_base = self._asked(self._base)
            except Exception as error:  # whatever the model's code raises
                raise ValueError(
                    f"An export calls the model, here on {self.first_id}s of "
                    f"shape {', '.join(map(str, shapes))}. Received an error: "
                    + " ".join(str(error).split())[:300]
                ) from error
            if all((ids >= 0).all() for _, ids in self._at_base):
                break

    def share_of_ids(self, number):
        """Tells which share of an input reaches an embedding as ids.

        Numbers that the model puts into bins are none.

        Args:
            number: Integer, the input's place in the list.

        Returns:
            Float, 0 to 1, of the embedding that gets the most.
        """
        if not self._at_base:  # their calls cannot be seen: see `_recorded`
            return 1.0
        far = 7 + max(N for N, _ in self._at_base)
        near = self._asked_with(number, self.first_id + 1) or []
        apart = self._asked_with(number, far) or []
        counts = [0]
        for (_, a), (_, b), (_, c) in zip(
            self._at_base, near, apart, strict=False
        ):
            near_by, far_by = _fitted(b, a) - a, _fitted(c, a) - a
            if (far_by == near_by * (far - self.first_id)).all():
                counts.append(int(np.count_nonzero(near_by)))
        return min(max(counts) / self._base[number].size, 1.0)

    def ends(self, number):
        """Finds the first id that is out of an input's range.

        Args:
            number: Integer, the input's place in the list.

        Returns:
            Integer; or, where the columns differ, an integer array of the
            input's shape without its first axis.
        """
        shape = self._base[number].shape[1:]
        if int(np.prod(shape)) > _MOST_COLUMNS:
            return self._end(number, ...)
        reached = self._reached(number, ...)
        least, most = self._ends_of(reached)
        if least == most and self._is_known(number, ..., least - 1, reached):
            return least
        columns = [(slice(None), *place) for place in np.ndindex(shape)]
        ends = np.array([self._end(number, column) for column in columns])
        return int(ends[0]) if np.ptp(ends) == 0 else ends.reshape(shape)

    def _end(self, number, place):
        reached = self._reached(number, place)
        least, most = self._ends_of(reached)
        for end in (most, least):
            if self._is_known(number, place, end - 1, reached):
                return end
        known, unknown = self.first_id, least - 1
        while unknown - known > 1:
            middle = (known + unknown) // 2
            if self._is_known(number, place, middle, reached):
                known = middle
            else:
                unknown = middle
        return known + 1

    def _reached(self, number, place):
        """Lists, for each call, the elements of its ids that an input moves."""
        near = self._asked_with(number, self.first_id + 1, place) or []
        return [
            a != _fitted(b, a)
            for (_, a), (_, b) in zip(self._at_base, near, strict=False)
        ]

    def _ends_of(self, reached):
        """Gives the least and the greatest end, if ids are only shifted.

        What reaches no embedding, a length, say, is tried as the ids of the
        smallest.
        """
        ends = [
            N - id_ + self.first_id
            for (N, ids), where in zip(self._at_base, reached, strict=False)
            for id_ in ids[where].tolist()
        ] or [min(layer.input_dim for layer in self._layers)]
        least = max(min(ends), self.first_id + 1)
        return least, max(max(ends), least)

    def _is_known(self, number, place, value, reached):
        """Tells whether every embedding has the ids that it is asked for."""
        asked = self._asked_with(number, value, place)
        return asked is not None and all(
            ((ids >= 0) & (ids < N) | ~_fitted(where, ids)).all()
            for (N, ids), where in zip(asked, reached, strict=False)
        )

    def _asked_with(self, number, value, place=...):
        inputs = list(self._base)
        inputs[number] = inputs[number].copy()
        inputs[number][place] = value
        try:
            return self._asked(inputs)
        except tf.errors.InvalidArgumentError:
            return None  # a look-up that is no embedding knows it not

    def _asked(self, inputs):
        """Lists `(input_dim, ids)` of each call of an embedding."""
        asked: list = []
        with _recorded(self._layers, asked):
            self._call(inputs)
        return asked


def _fitted(array, like):
    """Gives an array, or ones where its shape is not that of another.

    How many ids arrive may depend on them: the different ones of a batch.
    """
    if array.shape == like.shape:
        return array
    return np.ones(like.shape, array.dtype)


@contextlib.contextmanager
def _recorded(layers, asked):
    """Makes embeddings note their ids, and answer zeros, while it lasts."""

    def note(layer):
        def call(inputs, **options):
            if not hasattr(inputs, "numpy"):  # in a graph inside the model
                return type(layer).call(layer, inputs, **options)
            ids = np.asarray(keras.ops.cast(inputs, "int64"))
            asked.append((layer.input_dim, ids))
            return keras.ops.zeros((*ids.shape, layer.output_dim))

        return call

    # A layer whose class computes something else is left as it is.
    known = (KDEmbedding.call, keras.layers.Embedding.call)
    noting = [layer for layer in layers if type(layer).call in known]
    try:
        for layer in noting:
            vars(layer)["call"] = note(layer)
        yield
    finally:
        for layer in noting:
            vars(layer).pop("call", None)
