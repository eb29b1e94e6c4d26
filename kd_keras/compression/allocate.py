"""Shares a number of bytes among the tables of a model."""

from collections.abc import Sequence

import numpy as np

from kd_keras.compression.curve import Curve
from kd_keras.compression.forms import Form

# Sizes are counted in so many parts of the bytes that there are.
BINS = 4_000


def allocate(curves: Sequence[Curve], most: int) -> list[Form] | None:
    """Chooses a form for each table so that the sum of the errors is least.

    It is the knapsack problem with one choice for each table, solved exactly
    up to the rounding of sizes to bins.

    Args:
        curves: list of `Curve`, one for each table.
        most: int. Bytes for all tables together.

    Returns:
        list of `Form`, one for each curve; None if none is small enough.

    Example:

    >>> sizes, errors = np.array([10, 40]), np.array([0.5, 0.1])
    >>> curve = Curve([Form(K=4, D=(1,)), Form(K=4, D=(4,))], sizes, errors)
    >>> heavier = Curve(curve.forms, sizes, 2 * errors)
    >>> [form.D for form in allocate([curve, heavier], 50)]
    [(1,), (4,)]
    """
    if most < 0:
        return None
    bin_bytes = max(1, most // BINS)
    bins = most // bin_bytes
    # best[b]: the least sum of errors of the tables so far in b bins.
    best = np.zeros(bins + 1)
    chosen = []
    for curve in map(Curve.frontier, curves):
        sizes = -(-curve.bytes // bin_bytes)
        sums = np.full((len(curve.forms), bins + 1), np.inf)
        for i, (size, error) in enumerate(
            zip(sizes.tolist(), curve.errors.tolist(), strict=True)
        ):
            if size <= bins:
                sums[i, size:] = best[: bins + 1 - size] + error
        choice = sums.argmin(axis=0)
        best = sums[choice, np.arange(bins + 1)]
        chosen.append((curve, sizes, choice))
    if not np.isfinite(best[bins]):
        return None
    left, found = bins, []
    for curve, sizes, choice in reversed(chosen):
        i = int(choice[left])
        found.append(curve.forms[i])
        left -= int(sizes[i])
    return found[::-1]
