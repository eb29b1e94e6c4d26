"""Finds the ids that the inputs of a model may contain, by calling it.

A model may slice its ids, shift them, pass them to nested models or look up
positions as well, so its layers alone do not say which ids are allowed. The
ids that arrive at each embedding when the model is called do.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kd_keras.export.size.coded_model import CodedModel
from kd_keras.layers.calls_replaced import (
    calls_replaced,
    can_replace,
)
from kd_keras.layers.find_layers import is_reversed
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.utils.errors import told_by

# Up to this many columns of an input are tried one by one: `user(x[:, 0])` and
# `item(x[:, 1])` have different ranges.
_MOST_COLUMNS = 64

# Layer and ids of each call of an embedding.
_Asked = list[tuple[Any, np.ndarray]]


class IdProbe:
    """Calls a model on chosen inputs and records the ids its embeddings get.

    Args:
        coded: `CodedModel` of a built Keras model.
        call: Function of a list of arrays, the inputs, that calls the model.
        shapes: list of the shapes of these arrays, without None.
        dtypes: list of their dtypes.

    Attributes:
        first_id: int. The smallest id: 0, or 1 if an embedding gets a negative
            id when the inputs are 0.

    Raises:
        ValueError: If the model cannot be called on such inputs.
    """

    def __init__(
        self,
        coded: CodedModel,
        call: Callable[[list[np.ndarray]], Any],
        shapes: Sequence[Sequence[int]],
        dtypes: Sequence[str],
    ) -> None:
        asked = [x for x in coded.layers if isinstance(x, KDEmbedding)]
        self._layers = [*asked, *coded.tables]
        self._call = call
        # If no ids are recorded: whether some may have reached an embedding all
        # the same. Not if it is called on hidden states, by `reverse=True`.
        self._is_blind = not all(map(can_replace, self._layers)) or not any(
            is_reversed(x)
            for layer in self._layers
            for x in layer._inbound_nodes
        )
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
                    + told_by(error)
                ) from error
            if all((ids >= 0).all() for _, ids in self._at_base):
                break

    def share_of_ids(self, number: int) -> float:
        """Finds the share of an input that reaches an embedding as ids.

        Numbers that the model sorts into bins are not ids.

        Args:
            number: int, at least 0. The input's place in the list.

        Returns:
            float, 0 to 1. The share for the embedding that gets the most.
        """
        if not self._layers:
            return 0.0
        if not self._at_base:
            return float(self._is_blind)
        far = 7 + max(layer.input_dim for layer, _ in self._at_base)
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

    def ends(self, number: int) -> int | np.ndarray:
        """Finds the smallest id beyond an input's range.

        Args:
            number: int, at least 0. The input's place in the list.

        Returns:
            int; if the columns differ, an array of int, with the input's
            shape without its first axis.
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

    def layers_reached(self, number: int) -> tuple[Any, ...]:
        """Finds the embeddings whose ids change with an input.

        Args:
            number: int, at least 0. The input's place in the list.

        Returns:
            tuple of layers, each once. If no call can be recorded, all.
        """
        if not self._at_base:
            return tuple(self._layers) if self._is_blind else ()
        reached = self._reached(number, ...)
        found = {
            id(layer): layer
            for (layer, _), where in zip(self._at_base, reached, strict=False)
            if where.any()
        }
        return tuple(found.values())

    def _end(self, number: int, place: Any) -> int:
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

    def _reached(self, number: int, place: Any) -> list[np.ndarray]:
        """Marks, for each call, the ids that change with an input."""
        near = self._asked_with(number, self.first_id + 1, place) or []
        return [
            a != _fitted(b, a)
            for (_, a), (_, b) in zip(self._at_base, near, strict=False)
        ]

    def _ends_of(self, reached: Sequence[np.ndarray]) -> tuple[int, int]:
        """Returns the least and the greatest end if ids are only shifted.

        An input that reaches no embedding, such as a length, is tried as ids
        of the smallest embedding.
        """
        ends = [
            layer.input_dim - id_ + self.first_id
            for (layer, ids), where in zip(self._at_base, reached, strict=False)
            for id_ in ids[where].tolist()
        ] or [min((layer.input_dim for layer in self._layers), default=1)]
        least = max(min(ends), self.first_id + 1)
        return least, max(max(ends), least)

    def _is_known(
        self,
        number: int,
        place: Any,
        value: int,
        reached: Sequence[np.ndarray],
    ) -> bool:
        """Checks whether every embedding gets ids in its range."""
        asked = self._asked_with(number, value, place)
        return asked is not None and all(
            ((ids >= 0) & (ids < layer.input_dim) | ~_fitted(where, ids)).all()
            for (layer, ids), where in zip(asked, reached, strict=False)
        )

    def _asked_with(
        self, number: int, value: int, place: Any = ...
    ) -> _Asked | None:
        inputs = list(self._base)
        inputs[number] = inputs[number].copy()
        inputs[number][place] = value
        try:
            return self._asked(inputs)
        except tf.errors.InvalidArgumentError:
            return None  # out of range for a look-up outside the embeddings

    def _asked(self, inputs: list[np.ndarray]) -> _Asked:
        """Lists `(layer, ids)` of each call of an embedding."""
        asked: list[Any] = []
        with _recorded(self._layers, asked):
            self._call(inputs)
        known = [(layer, ids) for layer, ids in asked if ids is not None]
        self._is_blind |= len(known) < len(asked)
        return known


def _fitted(array: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Returns an array, or ones if its shape differs from that of another.

    The number of ids that arrive may depend on their values, for example if
    only the distinct ids of a batch do.
    """
    if array.shape == like.shape:
        return array
    return np.ones(like.shape, array.dtype)


@contextlib.contextmanager
def _recorded(layers: Sequence[Any], asked: list[Any]) -> Iterator[None]:
    """Makes embeddings record their ids and return zeros while it is open.

    Only in this thread: in others they compute as usual. In a graph inside the
    model ids have no values, and None is recorded.
    """

    def noted(layer: Any) -> Callable[[Any], Any]:
        def call(inputs: Any) -> Any:
            if not hasattr(inputs, "numpy"):
                asked.append((layer, None))
                return None
            ids = np.asarray(keras.ops.cast(inputs, "int64"))
            asked.append((layer, ids))
            return keras.ops.zeros((*ids.shape, layer.output_dim))

        return call

    with calls_replaced({x: noted(x) for x in layers if can_replace(x)}):
        yield
