"""The laws by which the estimator's temperature falls."""

import math

from keras import ops

# The temperature after `elapsed = decay_rate * t`, on floats and on tensors.
# Learners save a law as its place in this dictionary: append, never reorder.
LAWS = {
    "inverse_time": lambda initial, elapsed: initial / (1 + elapsed),
    "exponential": lambda initial, elapsed: initial * math.e ** (-elapsed),
    "linear": lambda initial, elapsed: initial * (1 - elapsed),
}


def temperature_of_schedule(schedule, step):
    """Computes the temperature of a training step in the graph.

    Args:
        schedule: Float tensor `(4,)`: initial, decay rate, minimum, and the
            index of the law in `LAWS`. A tensor, so that a training step
            compiled once obeys a schedule that is set later.
        step: Float scalar tensor, the step counted from 0.

    Returns:
        Float scalar tensor.
    """
    initial, decay_rate, minimum, law = ops.unstack(schedule, 4)
    by_law = ops.stack([at(initial, decay_rate * step) for at in LAWS.values()])
    chosen = ops.one_hot(ops.cast(law, "int32"), len(LAWS), dtype=by_law.dtype)
    return ops.maximum(ops.sum(by_law * chosen), minimum)
