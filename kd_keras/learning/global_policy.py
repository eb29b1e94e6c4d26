"""The policy of layers that are given none."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras


@contextlib.contextmanager
def global_policy(policy: Any) -> Iterator[None]:
    """Makes a policy the global one while it is open, in this thread.

    A layer whose configuration has no policy, as `IntegerLookup` and layers
    that other layers make, has the one that was global when it was made.

    Args:
        policy: `keras.DTypePolicy`. One of quantized layers, or of several
            layers by their paths, has no effect: they keep it themselves.
    """
    before = keras.config.dtype_policy()
    is_plain = type(policy) is keras.DTypePolicy
    keras.config.set_dtype_policy(policy if is_plain else before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
