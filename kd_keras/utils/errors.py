"""The errors that users of the package meet."""

from collections.abc import Callable
from typing import Any


class BadInputError(ValueError):
    """An error in the user's input, with a message of one line.

    The command line prints the message without a stack trace and exits with
    code 2.
    """


class ParityError(RuntimeError):
    """An exported file does not compute what Keras computes.

    Nothing has been written when it is raised.
    """


def as_bad_input(function: Callable[..., Any], *values: Any) -> Any:
    """Calls a function and turns its `ValueError` into a `BadInputError`.

    Args:
        function: Function to call.
        *values: Its arguments.

    Returns:
        The result of the function.

    Raises:
        BadInputError: If the function raises a `ValueError` whose message is
            one line.
        ValueError: If that message has several lines.
    """
    try:
        return function(*values)
    except ValueError as error:
        if "\n" in str(error):  # from Keras, not written for a user
            raise
        raise BadInputError(str(error)) from None
