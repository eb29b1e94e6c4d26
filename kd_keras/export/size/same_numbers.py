"""Tells whether a constant of a file holds the numbers of a weight."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from kd_keras.export.litert.flatbuffer import Tensor

_NUMBERS = {
    "FLOAT32": np.float32, "FLOAT16": np.float16, "INT8": np.int8,
    "UINT8": np.uint8, "INT16": np.int16, "INT32": np.int32,
}  # fmt: skip
_TRIED = 2048  # numbers of a constant that are compared, drawn at random
_MOST_PARTS = 16  # of an axis: an LSTM has 4, a GRU up to 6


@dataclasses.dataclass(frozen=True)
class Constant:
    """A constant of a file, as the numbers that are compared.

    Attributes:
        shape: tuple of int.
        dtype: dtype in the file.
        values: array `(n,)`. Numbers at `places`; int8 that the converter
            rounded is scaled back to float32.
        places: array of int `(n,)`. Their places in the flat constant.
        margin: float or array `(n,)`. Half a step of the rounding, or 0.
        is_uniform: bool. Whether all numbers are the same.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    values: np.ndarray
    places: np.ndarray
    margin: float | np.ndarray
    is_uniform: bool

    @classmethod
    def of(cls, tensor: Tensor, content: np.ndarray) -> "Constant | None":
        """Reads a constant; None if a weight cannot have its type."""
        dtype = np.dtype(_NUMBERS.get(tensor.dtype, np.void))
        size = int(np.prod(tensor.shape))
        if not size or dtype.itemsize * size != len(content):
            return None
        whole = content.view(dtype)
        places = np.arange(size)
        if size > _TRIED:
            places = np.random.default_rng(0).integers(0, size, _TRIED)
        values: Any = whole[places]
        margin: Any = 0.0
        if dtype == np.int8 and tensor.scales is not None:
            scales = tensor.scales[:1]
            if len(tensor.scales) > 1:
                by_axis = np.unravel_index(places, tensor.shape)
                scales = tensor.scales[by_axis[tensor.axis]]
            values = values * scales
            margin = 0.51 * scales
        is_uniform = bool((whole == whole[0]).all())
        return cls(tensor.shape, dtype, values, places, margin, is_uniform)

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return int(np.prod(self.shape))

    @property
    def is_float(self) -> bool:
        """Whether it holds floats, perhaps rounded to int8."""
        return self.values.dtype.kind == "f"


def is_part_of(constant: Constant, weight: np.ndarray) -> bool:
    """Tells whether a constant is a weight, or a part of its rows or columns.

    Its axes may be permuted and its numbers rounded.

    Args:
        constant: `Constant`.
        weight: array.

    Returns:
        bool. It is found by comparing up to 2,048 of its numbers.
    """
    if constant.is_float:
        if weight.dtype.kind != "f":
            return False
    elif weight.dtype != constant.dtype:
        return False
    return any(
        _equals(constant, turned)
        for part in _parts(weight, constant.size, constant.is_uniform)
        for turned in _turned(part)
    )


def _equals(constant: Constant, array: np.ndarray) -> bool:
    array = np.atleast_1d(array)  # a single number has no axis
    places = np.unravel_index(constant.places, array.shape)
    # A few tell most pairs apart.
    few = array[tuple(axis[:8] for axis in places)]
    margin = np.broadcast_to(constant.margin, constant.values.shape)
    if not _close(constant, few, constant.values[:8], margin[:8]):
        return False
    return _close(constant, array[places], constant.values, margin)


def _close(
    constant: Constant,
    numbers: np.ndarray,
    values: np.ndarray,
    margin: np.ndarray,
) -> bool:
    if not constant.is_float:
        return bool((numbers == values).all())
    if constant.dtype != np.int8:
        with np.errstate(over="ignore"):
            same = numbers.astype(constant.dtype) == values
        return bool((same | np.isnan(values)).all())
    return bool((np.abs(numbers - values) <= margin + 1e-12).all())


def _parts(
    weight: np.ndarray, size: int, only_equal: bool
) -> Iterator[np.ndarray]:
    """Yields the weight, or its parts of a size along each axis.

    Recurrent layers are cut into their gates, and a table of positions into
    the rows in use.
    """
    weight = np.atleast_1d(weight.squeeze())
    if weight.size == size:
        yield weight
        return
    if not 1 < size < weight.size:
        return
    for axis, length in enumerate(weight.shape):
        width, left = divmod(size * length, weight.size)
        if left or not width or (only_equal and length % width):
            continue
        starts = list(range(0, length - width + 1, width))[:_MOST_PARTS]
        for start in dict.fromkeys([*starts, length - width]):
            yield weight[
                (slice(None),) * axis + (slice(start, start + width),)
            ].squeeze()


def _turned(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yields an array with its axes in every order."""
    for axes in itertools.permutations(range(array.ndim)):
        yield array.transpose(axes)
