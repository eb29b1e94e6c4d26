"""Checks of arguments that several subpackages make."""

from collections.abc import Collection
from typing import Any

import numpy as np


def short_repr(value: object) -> str:
    """Returns the `repr` of a value on one line, cut to 100 characters."""
    return " ".join(repr(value).split())[:100]


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


def check_integer(name: str, value: Any) -> None:
    """Checks that an argument is a positive integer or None.

    Args:
        name: str. Name of the argument, for the error message.
        value: int or None, 1 to 2**31 - 1. Value of the argument.

    Raises:
        ValueError: If `value` is neither None nor an integer in this range.
    """
    if value is not None and (not is_integer(value) or not 0 < value < 2**31):
        raise ValueError(
            f"`{name}` must be a positive integer or None. "
            f"Received: {name}={short_repr(value)}"
        )


def is_integer(value: object) -> bool:
    """Returns whether a value is a Python or numpy integer, but not a bool."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
