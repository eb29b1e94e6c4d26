"""The errors that users of the package meet."""

import re
from collections.abc import Callable
from typing import Any

# What others put around a message: Keras calls of layers, and configurations
# that it cannot read; AutoGraph the lines of the user's code.
_WRAPPED = (
    r"Exception encountered when calling .*?\x1b\[1m(.*?)\x1b\[0m",
    r".*Exception encountered: (.*)",
    r"Could not automatically infer.*Error encountered:\s+(.*)",
    r"in user code:.*\n\n    \w+: (.*)",
)


class BadInputError(ValueError):
    """An error in the user's input, with a message of one line.

    It is a `ValueError`, raised before anything is written. The command line
    prints the message without a stack trace and exits with code 2.

    Example:

    >>> import kd_keras
    >>> try:
    ...     kd_keras.read_vectors("missing.txt")
    ... except kd_keras.BadInputError as error:
    ...     print(error)
    missing.txt: The file must exist. Received: no such file
    """


class ParityError(RuntimeError):
    """An exported file does not compute what Keras computes.

    It is raised by `export_litert` and `export_saved_model`. Nothing has been
    written then.

    Attributes:
        may_be_shapes: bool. Whether dynamic shapes may be the reason: LiteRT
            cannot run the file, or only its CompiledModel is wrong.

    Example:

    >>> import kd_keras
    >>> embedding = kd_keras.KDEmbedding(20, 4, K=4, D=2)
    >>> embedding.build()
    >>> exact = {"quantization": "int8", "tolerance": 1e-9}
    >>> try:
    ...     kd_keras.export_litert(embedding, "small.tflite", **exact)
    ... except kd_keras.ParityError:
    ...     print("8 bits are not exact")
    8 bits are not exact
    """

    def __init__(self, message: str, may_be_shapes: bool = False) -> None:
        super().__init__(message)
        self.may_be_shapes = may_be_shapes


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


def told_by(error: Exception, most: int = 300) -> str:
    """Returns what an error says, on one line.

    Args:
        error: Exception.
        most: int. The most characters.

    Example:

    >>> told_by(ValueError("in user code:\\n\\n    f()\\n\\n    OSError: none"))
    'none'
    """
    told = str(error)
    for pattern in _WRAPPED:
        if found := re.search(pattern, told, re.DOTALL):
            told = found[1]
    return " ".join(re.sub(r"\x1b\[\d*m", "", told).split())[:most]
