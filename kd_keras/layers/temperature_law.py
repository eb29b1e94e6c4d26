"""The laws by which the estimator's temperature falls."""

import math
from collections.abc import Callable
from typing import Any

from keras import ops

# The temperature after `elapsed = decay_rate * t`, for floats and for tensors.
# Learners save a law as its place in this dictionary: append, never reorder.
LAWS: dict[str, Callable[[Any, Any], Any]] = {
    "inverse_time": lambda initial, elapsed: initial / (1 + elapsed),
    "exponential": lambda initial, elapsed: initial * math.e ** (-elapsed),
    "linear": lambda initial, elapsed: initial * (1 - elapsed),
}


def temperature_of_schedule(schedule: Any, step: Any) -> Any:
    """Computes the temperature of a training step in the graph.

    Args:
        schedule: tensor of float, shape `(4,)`: initial, decay rate, minimum,
            and the index of the law in `LAWS`. It is a tensor so that a
            schedule also applies to training steps compiled earlier.
        step: scalar tensor of float. The step, counted from 0.

    Returns:
        Scalar tensor of float.
    """
    initial, decay_rate, minimum, law = ops.unstack(schedule, 4)
    by_law = ops.stack([at(initial, decay_rate * step) for at in LAWS.values()])
    chosen = ops.one_hot(ops.cast(law, "int32"), len(LAWS), dtype=by_law.dtype)
    return ops.maximum(ops.sum(by_law * chosen), minimum)
