"""LiteRT and its converter without the lines that they print."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec

from kd_keras.utils.errors import BadInputError


def need_litert() -> None:
    """Raises a helpful error if LiteRT, an extra, is not installed."""
    if find_spec("ai_edge_litert") is None:
        raise BadInputError(
            "ai_edge_litert is not installed. Expected: pip install "
            "'kd_keras[litert]'"
        )


@contextlib.contextmanager
def quiet_litert() -> Iterator[None]:
    """Keeps the lines that LiteRT's C++ code prints off the terminal."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
