"""Checks of arguments that several wings share."""

import operator
import os
from collections.abc import Collection
from typing import Any

import numpy as np

from kd_keras.utils.errors import told_by

MAX_SIZE = 2**63 - 1  # the largest size of an axis of a tensor
MAX_INT32 = 2**31 - 1
MAX_UINT32 = 2**32 - 1


def short_repr(value: object) -> str:
    """Returns the `repr` of a value on one line, cut to 100 characters."""
    return " ".join(repr(value).split())[:100]


def reason_of(error: Exception) -> str:
    """Returns the kind of an error and what it says, on one line."""
    return f"{type(error).__name__}: {told_by(error)}"


def plain_array(
    name: str, value: Any, wanted: str = "a rectangular array"
) -> np.ndarray:
    """Returns a value as a plain numpy array; refuses masked arrays.

    What a mask hides must not be computed with, and numpy would drop the mask
    silently. Other subclasses, such as `np.matrix`, become plain arrays; only
    memory maps stay what they are.

    Args:
        name: str. Name of the argument, for the error message.
        value: array or nested lists.
        wanted: str. What the error message says it must be.

    Raises:
        ValueError: If it is a masked array, or has rows of different lengths.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError(
            f"{name} must not be masked: fill what is hidden (`.filled(...)`) "
            f"or leave it out. Received: a masked array, shape={value.shape}"
        )
    if type(value) is np.memmap:  # stays one, on disk
        return value
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(
            f"{name} must be {wanted}. Received: a {type(value).__name__} "
            "whose rows differ in length"
        ) from None


def check_choice(name: str, value: object, choices: Collection[Any]) -> None:
    """Checks that an argument is one of the allowed values.

    Args:
        name: str. Name of the argument, for the error message.
        value: str or None. Value of the argument.
        choices: The allowed values: strings, or None.

    Raises:
        ValueError: If `value` is not in `choices`.
    """
    if not isinstance(value, str | None) or value not in choices:
        named = ", ".join(repr(choice) for choice in choices)
        raise ValueError(
            f"`{name}` must be one of {named}. "
            f"Received: {name}={short_repr(value)}"
        )


def is_integer(value: object) -> bool:
    """Tells whether a value is an integer, NumPy's included, but not a bool.

    Also an array or tensor of rank 0 whose dtype is an integer.
    """
    if isinstance(value, (bool, np.bool_)):
        return False
    try:
        operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def check_integer(
    name: str,
    value: Any,
    wanted: str = "a positive integer",
    low: int = 1,
    high: int = MAX_SIZE,
) -> int:
    """Checks that an argument is an integer in a range.

    Args:
        name: str. Name of the argument, for the error message. It may be in
            backticks.
        value: int. Value of the argument.
        wanted: str. What the error message says it must be.
        low: int. Smallest allowed value.
        high: int. Largest allowed value.

    Returns:
        The value as a Python int.

    Raises:
        ValueError: If it is not an integer (a bool is not), or not in the
            range.

    Example:

    >>> check_integer("`count`", np.int64(3))
    3
    """
    received = f"Received: {name.strip('`')}={short_repr(value)}"
    if not is_integer(value) or operator.index(value) < low:
        raise ValueError(f"{name} must be {wanted}. {received}")
    if operator.index(value) > high:
        bound = "" if str(high) in wanted else f", at most {high}"
        raise ValueError(f"{name} must be {wanted}{bound}. {received}")
    return operator.index(value)


def check_seed(name: str, seed: Any) -> int:
    """Checks a seed, as NumPy and Keras take it.

    Args:
        name: str. Name of the argument, for the error message.
        seed: int, 0 to 2^32 - 1.

    Returns:
        The seed as a Python int.

    Raises:
        ValueError: If it is not one.
    """
    wanted = f"an integer from 0 to {MAX_UINT32}"
    return check_integer(name, seed, wanted, 0, MAX_UINT32)


def check_integer_or_none(
    name: str, value: Any, high: int = MAX_SIZE
) -> int | None:
    """Checks that an argument is None or a positive integer.

    Args:
        name: str. Name of the argument, for the error message.
        value: int or None. Value of the argument.
        high: int. Largest allowed value.

    Returns:
        The value as a Python int, or None.

    Raises:
        ValueError: If it is neither.
    """
    if value is None:
        return None
    return check_integer(name, value, "a positive integer or None", high=high)


def check_utf8_path(name: str, path: str | os.PathLike[str]) -> None:
    """Checks that TensorFlow can write to a path, which must be UTF-8.

    Args:
        name: str. What the path is, for the error.
        path: path.

    Raises:
        ValueError: If the absolute path, without links, is not UTF-8.
    """
    whole = os.path.realpath(path)
    try:
        whole.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{name} must be a path in UTF-8, since TensorFlow writes there. "
            f"Received: {os.fsencode(whole)!r}"
        ) from None
