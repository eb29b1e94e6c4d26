"""The unit in which a table's values are near 1."""

import numpy as np


def power_of_two(values: np.ndarray) -> float:
    """Returns the power of two just above the largest absolute value.

    To divide by it changes no digit of a floating-point number.

    Args:
        values: array of float, finite.

    Returns:
        float. 1 if all values are zero.

    Example:

    >>> power_of_two(np.array([0.75, -6.0])), power_of_two(np.zeros(3))
    (8.0, 1.0)
    """
    _, exponent = np.frexp(float(np.abs(values).max(initial=0)))
    return float(np.ldexp(1.0, exponent))
