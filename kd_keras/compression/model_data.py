"""Data that a model is trained on, in any form that `fit` takes."""

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kd_keras.compression.data_values import (
    as_array,
    fed,
    for_call,
    of_each,
    unpacked,
)
from kd_keras.utils.checks import short_repr
from kd_keras.utils.errors import BadInputError

BATCH_SIZE = 256  # of arrays, where nothing is trained
# Where something is, batches are so large that an epoch has about so many.
STEPS, LEAST, MOST = 400, 32, 1024
MANY = 10_000  # batches, after which a user may want to know
VALIDATION = 0.1  # share of arrays that is held back


class ModelData:
    """Inputs of a model, perhaps with targets.

    Args:
        name: str. The name of the argument, for errors.
        data: An array, or a list or dict of arrays for several inputs: inputs
            alone. A tuple: inputs, targets and perhaps sample weights. Or a
            `tf.data.Dataset` or `keras.utils.PyDataset` of batches.
        batch_size: int or None. Of arrays; None for the default.

    Attributes:
        is_arrays: bool. Whether the data are arrays, not a data set.
        has_targets: bool.

    Raises:
        BadInputError: If the data are of another kind, empty, or of different
            lengths.
    """

    def __init__(
        self, name: str, data: Any, batch_size: int | None = None
    ) -> None:
        self.name, self.batch_size = name, batch_size
        self._told = False
        self._steps: int | None = None
        self.is_arrays = not _is_dataset(data)
        if self.is_arrays:
            whole = data if isinstance(data, tuple) else (data,)
            if not 1 <= len(whole) <= 3:
                raise BadInputError(
                    f"`{name}` must be inputs, or (inputs, targets) or "
                    "(inputs, targets, sample weights). Received: a tuple of "
                    f"{len(whole)}"
                )
            while len(whole) > 1 and whole[-1] is None:
                whole = whole[:-1]
            if whole[0] is None:
                raise BadInputError(
                    f"`{name}` must have inputs. Received: None in their place"
                )
            self._whole = of_each(as_array, whole)
            leaves = keras.tree.flatten(self._whole)
            lengths = {len(x) for x in leaves if x is not None}
            if len(lengths) != 1 or 0 in lengths:
                raise BadInputError(
                    f"`{name}` must consist of arrays with one row for each "
                    f"example. Received: {sorted(lengths)} rows"
                )
            [self.rows] = lengths
            if batch_size is not None:  # whole batches only
                self.rows -= self.rows % batch_size
                if not self.rows:
                    raise BadInputError(
                        f"`{name}` must have at least one batch of the model, "
                        f"{batch_size} rows. Received: {lengths.pop()}"
                    )
                self._whole = self._rows(slice(self.rows))
            self.has_targets = len(whole) > 1 and whole[1] is not None
            return
        self._whole = data
        if _is_endless(data):
            raise BadInputError(
                f"`{name}` must end: leave out `repeat`. Received: a data set "
                "without an end"
            )
        first = next(iter(self._elements()), None)
        if first is None:
            raise BadInputError(
                f"`{name}` must not be empty. Received: {short_repr(data)}"
            )
        self.has_targets = unpacked(first)[1] is not None

    def batches(self, most: int | None = None) -> Iterator[tuple]:
        """Yields `(x, y, sample_weight)` of each batch, or of the first ones.

        Of arrays, `most` batches are spread over all rows.
        """
        if not self.is_arrays:
            elements = itertools.islice(self._counted(), most)
            yield from map(for_call, map(unpacked, elements))
            return
        size = self.batch_size or BATCH_SIZE
        starts = np.arange(0, self.rows, size)
        if most is not None and len(starts) > most:
            starts = starts[np.linspace(0, len(starts) - 1, most).astype(int)]
        for start in starts.tolist():
            part = self._rows(slice(start, start + size))
            yield for_call((*part, None, None)[:3])

    def split(self) -> tuple["ModelData", "ModelData"]:
        """Returns data to train on and data to validate with.

        Of arrays, a tenth of the rows is held back, drawn at random; if the
        model has a batch size of its own, the last tenth, in whole batches. A
        data set is not split.
        """
        unit = self.batch_size or 1
        if not self.is_arrays or self.rows < 2 / VALIDATION * unit:
            return self, self
        count = int(VALIDATION * self.rows / unit) * unit
        if self.batch_size is None:
            held = _drawn(self.rows, count)
        else:
            held = np.arange(self.rows) >= self.rows - count
        train, valid = (
            ModelData(self.name, self._rows(kept), self.batch_size)
            for kept in (~held, held)
        )
        return train, valid

    def _rows(self, kept: Any) -> Any:
        return of_each(lambda x: x[kept], self._whole)

    def part(self, most: int) -> "ModelData":
        """Returns the data, or a part of `most` batches; a `PyDataset` whole.

        Of arrays, the rows are drawn at random.
        """
        if not self.is_arrays:
            if hasattr(self._whole, "take"):
                return ModelData(self.name, self._whole.take(most))
            return self
        rows = most * self.training_batch
        if self.rows <= rows:
            return self
        # Consecutive batches of a text.
        kept = slice(rows) if self.batch_size else _drawn(self.rows, rows)
        return ModelData(self.name, self._rows(kept), self.batch_size)

    @property
    def training_batch(self) -> int:
        """Size of a batch of arrays in training, a power of two."""
        if self.batch_size is not None:
            return self.batch_size
        wanted = max(1, self.rows // STEPS)
        return min(MOST, max(LEAST, 1 << (wanted - 1).bit_length()))

    def fit_arguments(self) -> dict[str, Any]:
        """Returns the keyword arguments by which `fit` gets the data."""
        if not self.is_arrays:
            return {"x": self._whole}
        names = ("x", "y", "sample_weight")
        values = of_each(fed, self._whole)
        named = dict(zip(names, values, strict=False))
        return named | {"batch_size": self.training_batch}

    def steps(self) -> int:
        """Returns the number of batches of an epoch."""
        if self.is_arrays:
            return -(-self.rows // self.training_batch)
        if self._steps is None:
            try:
                self._steps = _length(self._whole)
            except TypeError:  # of unknown length
                self._steps = sum(1 for _ in self._counted())
        return self._steps

    def _counted(self) -> Iterator[Any]:
        """Yields the batches of a data set; says so if they may never end."""
        for i, element in enumerate(self._elements()):
            if (
                i == MANY
                and not self._told
                and _has_unknown_length(self._whole)
            ):
                self._told = True
                warnings.warn(
                    f"`{self.name}` has given {MANY:,} batches, and its length "
                    "is unknown. If it never ends, interrupt this and use "
                    "`take(n)`",
                    stacklevel=2,
                )
            yield element

    def _elements(self) -> Iterator[Any]:
        data = self._whole
        if isinstance(data, keras.utils.PyDataset):
            return (data[i] for i in range(_length(data)))
        return iter(data)


def _drawn(rows: int, count: int) -> np.ndarray:
    """Draws rows; returns a mask. The same each time."""
    drawn = np.zeros(rows, bool)
    rng = np.random.default_rng(0)
    drawn[rng.choice(rows, count, replace=False)] = True
    return drawn


def _length(data: Any) -> int:
    """Returns the number of batches of a data set."""
    if isinstance(data, keras.utils.PyDataset):
        return int(data.num_batches or 0)
    return len(data)


def _is_dataset(data: Any) -> bool:
    if isinstance(data, keras.utils.PyDataset):
        return True
    return hasattr(data, "element_spec") and hasattr(data, "__iter__")


def _is_endless(data: Any) -> bool:
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is None
    return (
        int(data.cardinality()) == -1 if hasattr(data, "cardinality") else False
    )


def _has_unknown_length(data: Any) -> bool:
    return hasattr(data, "cardinality") and int(data.cardinality()) == -2
