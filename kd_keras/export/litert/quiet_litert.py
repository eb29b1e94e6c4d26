"""LiteRT and its converter without the lines that they print."""

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib.util import find_spec

from kd_keras.utils.errors import BadInputError

# Threads share the standard error: the first one in redirects it, the last one
# out restores it.
_lock = threading.Lock()
_inside = 0
_kept = -1  # a copy of the descriptor of the standard error


def need_litert() -> None:
    """Raises a helpful error if LiteRT, an extra, is not installed."""
    if find_spec("ai_edge_litert") is None:
        raise BadInputError(
            "ai_edge_litert is not installed. Expected: pip install "
            "'kd_keras[litert]'"
        )


@contextlib.contextmanager
def quiet_litert() -> Iterator[None]:
    """Keeps the lines that LiteRT's C++ code prints off the terminal.

    What any other thread writes to the standard error meanwhile is dropped
    too.
    """
    _begin()
    try:
        yield
    finally:
        _end()


def _begin() -> None:
    global _inside, _kept
    with _lock:
        if not _inside:
            sys.stderr.flush()
            _kept = os.dup(2)
            with tempfile.TemporaryFile() as said:
                os.dup2(said.fileno(), 2)
        _inside += 1


def _end() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            os.dup2(_kept, 2)
            os.close(_kept)
