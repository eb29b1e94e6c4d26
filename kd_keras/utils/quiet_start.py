"""Keras started without TensorFlow's start-up lines on the terminal."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

LEVEL = "TF_CPP_MIN_LOG_LEVEL"

# Runs in a process of its own, so that what a start says before it kills its
# process (a CPU without AVX, say) is still passed on. Dropped are the lines
# that absl writes before it knows the log level, up to E: on a machine without
# a GPU "failed call to cuInit" is one. F, fatal, is passed on.
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
    """Drops TensorFlow's start-up lines; passes everything else on.

    A user who sets TF_CPP_MIN_LOG_LEVEL wants to see them, and does.

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
            start_new_session=True,  # Ctrl-C is not for it
        )
    except OSError:  # no standard error, or no second process: not quiet
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
