"""Checks of arguments that several wings make."""

import numpy as np


def short_repr(value):
    """Gives what was received in one short line."""
    return " ".join(repr(value).split())[:100]


def check_choice(name, value, choices):
    """Checks that an argument is one of a few.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(value, str | None) or value not in choices:
        named = ", ".join(repr(choice) for choice in choices)
        raise ValueError(
            f"`{name}` must be one of {named}. "
            f"Received: {name}={short_repr(value)}"
        )


def check_integer(name, value):
    """Checks that an argument is a positive integer or None.

    Raises:
        ValueError: If it is not.
    """
    if value is not None and (not is_integer(value) or not 0 < value < 2**31):
        raise ValueError(
            f"`{name}` must be a positive integer or None. "
            f"Received: {name}={short_repr(value)}"
        )


def is_integer(value):
    """Tells whether a value is an integer, numpy's included, and no bool."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
