"""The error for what a user can put right."""

from collections.abc import Callable
from typing import Any


class BadInputError(ValueError):
    """Something given to the command line is wrong; one line that says what.

    The command line prints it without a stack trace and exits with code 2.
    """


def as_bad_input(function: Callable[..., Any], *values: Any) -> Any:
    """Calls a function; what it says is wrong is the user's to put right."""
    try:
        return function(*values)
    except ValueError as error:
        if "\n" in str(error):  # Keras' own, not said to a user
            raise
        raise BadInputError(str(error)) from None
