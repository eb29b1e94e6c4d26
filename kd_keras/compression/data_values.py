"""Values of data: as arrays, and as models take them."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kd_keras.utils.checks import short_repr
from kd_keras.utils.errors import BadInputError


def as_array(values: Any) -> np.ndarray:
    """Returns values as an array with a row for each example.

    Raises:
        BadInputError: If they are no arrays, or ragged.
    """
    if hasattr(values, "shape") and len(values.shape) == 0:
        raise _no_array(values)
    if hasattr(values, "flat_values"):
        raise BadInputError(
            "Ragged data must come as a tf.data.Dataset of batches. Received: "
            f"{short_repr(values)}"
        )
    if isinstance(values, np.ndarray):
        return values
    try:
        array = keras.ops.convert_to_numpy(values)
    except Exception:
        array = np.asarray(values, object)
    if array.ndim == 0:
        raise _no_array(values)
    return array


def _no_array(values: Any) -> BadInputError:
    return BadInputError(
        "Data must be arrays, a tf.data.Dataset or a PyDataset; a list holds "
        "the arrays of several inputs. Received: "
        f"{short_repr(values)} in the place of an array"
    )


def fed(values: np.ndarray) -> Any:
    """Returns an array as `fit` takes it: strings must be tensors."""
    if values.dtype.kind not in "OUS":
        return values
    if values.size and not isinstance(values.flat[0], str | bytes):
        return np.array(values.tolist())  # numbers, as pandas holds them
    return keras.ops.convert_to_tensor(values.tolist(), dtype="string")


def of_each(function: Callable[[Any], Any], values: Any) -> Any:
    """Calls a function with each array of a structure.

    None stays: an output may have no targets, or no weights.
    """
    return keras.tree.map_structure(
        lambda x: None if x is None else function(x), values
    )


def for_call(values: tuple) -> tuple:
    """Returns a batch as calls of a model take it, which `fit` would make so.

    Strings must be tensors, and then everything else too.
    """
    given = of_each(lambda x: fed(x) if _is_array(x) else x, values)
    leaves = [x for x in keras.tree.flatten(given) if x is not None]
    if all(map(_is_array, leaves)) or not any(map(_is_array, leaves)):
        return given
    return of_each(
        lambda x: keras.ops.convert_to_tensor(x) if _is_array(x) else x, given
    )


def _is_array(values: Any) -> bool:
    return isinstance(values, np.ndarray)


def unpacked(element: Any) -> tuple:
    """Returns `(x, y, sample_weight)` of an element of a data set."""
    if isinstance(element, list):  # of a PyDataset
        element = tuple(element)
    return keras.utils.unpack_x_y_sample_weight(element)
