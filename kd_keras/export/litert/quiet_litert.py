"""LiteRT and its converter without the lines they print."""

import contextlib
import os
import sys
import tempfile
from importlib.util import find_spec

from kd_keras.utils.errors import BadInputError


def need_litert():
    """Raises one line that helps where LiteRT, an extra, is not installed."""
    if find_spec("ai_edge_litert") is None:
        raise BadInputError(
            "ai_edge_litert is not installed. Expected: pip install "
            "'kd_keras[litert]'"
        )


@contextlib.contextmanager
def quiet_litert():
    """Keeps what the C++ of LiteRT prints off the terminal."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
