"""Whether the weights of dense and recurrent layers need a scale per unit."""

from collections.abc import Iterable

import numpy as np

# LiteRT's converter does not round smaller weights.
SMALLEST = 1024
# The power of the rounding, relative to that of a weight, and to that of the
# weights of one unit, at which one scale for the whole weight is accepted. In a
# trained language model it is 2e-4 to 8e-4 in the matrices of the LSTM, and
# 5e-5 with a scale for each unit.
MOST_NOISE, MOST_OF_A_UNIT = 1e-3, 1e-2


def one_scale_is_enough(weights: Iterable[np.ndarray]) -> bool:
    """Checks whether int8 with one scale per weight rounds finely enough.

    Args:
        weights: The weights of a model, arrays of float. In a matrix, each
            column belongs to a unit.

    Returns:
        bool. True if it does for every weight that the converter rounds.
            False if one has more than two axes, such as the kernel of a
            convolution or an `EinsumDense`: which of them belong to a unit is
            not known.
    """
    for weight in weights:
        if weight.ndim < 2 or weight.size < SMALLEST:
            continue
        if weight.ndim > 2:
            return False
        values = weight.astype(np.float64)
        step = np.abs(values).max() / 127
        noise = step**2 / 12  # errors are even between -step / 2 and step / 2
        of_units = np.square(values).mean(axis=0)
        used = of_units[of_units > 0]
        if noise > MOST_NOISE * of_units.mean() or (
            used.size and noise > MOST_OF_A_UNIT * used.min()
        ):
            return False
    return True
