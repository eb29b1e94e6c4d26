"""Starting Keras without TensorFlow's start-up messages on the terminal."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

LEVEL = "TF_CPP_MIN_LOG_LEVEL"

# The filter runs in its own process, so that messages are still passed on if
# the start kills this process (on a CPU without AVX, for example). It drops
# lines that absl writes before it knows the log level, up to level E: on a
# machine without a GPU, "failed call to cuInit" is one of them. Level F, fatal,
# is passed on.
_FILTER = r"""
import re, sys
chatter = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\)"
    rb"|[IWE]0000 00:00:\d+\.\d+ "
    rb"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IW] "
    rb"|To enable the following instructions: .* rebuild TensorFlow"
)
for line in sys.stdin.buffer:
    if not chatter.match(line):
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
"""


@contextlib.contextmanager
def quiet_start() -> Iterator[None]:
    """Drops TensorFlow's start-up messages and passes on everything else.

    If the user has set `TF_CPP_MIN_LOG_LEVEL`, nothing is dropped.

    Example:

    >>> with quiet_start():
    ...     import keras
    """
    if LEVEL in os.environ:
        yield
        return
    os.environ[LEVEL] = "3"
    try:
        sys.stderr.flush()
        stderr = os.dup(2)
        reader = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _FILTER],
            stdin=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C must not end the filter
        )
    except OSError:  # no standard error or no second process: nothing dropped
        yield
        return
    assert reader.stdin is not None
    try:
        os.dup2(reader.stdin.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        reader.stdin.close()
        reader.wait()
