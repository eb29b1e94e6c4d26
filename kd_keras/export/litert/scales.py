"""Whether the weights of dense and recurrent layers need a scale per unit."""

from collections.abc import Iterable

import numpy as np

# LiteRT's converter does not round smaller weights.
SMALLEST = 1024
# The power of the rounding, relative to that of a weight, at which one scale
# for the whole weight is accepted. In a trained language model it is 2e-4 to
# 8e-4 in the matrices of the LSTM, and 5e-5 with a scale for each unit.
MOST_NOISE = 1e-3


def one_scale_is_enough(weights: Iterable[np.ndarray]) -> bool:
    """Checks whether int8 with one scale per weight rounds finely enough.

    Args:
        weights: The weights of a model, arrays of float.

    Returns:
        bool. True if it does for every matrix that the converter rounds.
    """
    for weight in weights:
        if weight.ndim != 2 or weight.size < SMALLEST:
            continue
        values = weight.astype(np.float64)
        step = np.abs(values).max() / 127
        # The error of rounding is even between -step / 2 and step / 2.
        if step**2 / 12 > MOST_NOISE * np.square(values).mean():
            return False
    return True
