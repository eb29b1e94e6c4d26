"""Checks of arguments that several wings share."""

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np


def short_repr(value: Any) -> str:
    """Returns what was received in one short line."""
    return " ".join(repr(value).split())[:100]


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> None:
    """Checks that an argument is one of a few.

    Raises:
        ValueError: If it is not.
    """
    choices = tuple(choices)
    if not isinstance(value, str | None) or value not in choices:
        named = ", ".join(repr(choice) for choice in choices)
        raise ValueError(
            f"`{name}` must be one of {named}. "
            f"Received: {name}={short_repr(value)}"
        )


def is_integer(value: Any) -> bool:
    """Tells whether a value is an integer, numpy's included, but not a bool."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def check_positive_integer(
    name: str, value: Any, wanted: str = "a positive integer"
) -> int:
    """Checks that an argument is an integer of at least 1.

    Args:
        name: str. Name of the argument.
        value: The argument.
        wanted: str. What the message says that it must be.

    Returns:
        int, the value as a Python integer.

    Raises:
        ValueError: If it is not, or if it is a bool or beyond 2^31.

    Example:

    >>> check_positive_integer("count", np.int64(3))
    3
    """
    if not is_integer(value) or not 0 < value < 2**31:
        raise ValueError(
            f"`{name}` must be {wanted}. Received: {name}={short_repr(value)}"
        )
    return operator.index(value)


def check_integer_or_none(name: str, value: Any) -> int | None:
    """Checks that an argument is None or an integer of at least 1.

    Raises:
        ValueError: If it is not.
    """
    if value is None:
        return None
    return check_positive_integer(name, value, "a positive integer or None")
