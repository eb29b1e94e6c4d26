"""How many positions the code of each symbol has."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kd_keras.codes.tiers import read_tiers
from kd_keras.vectors.weights import check_weights


def code_lengths(
    K: int,
    D: int | Sequence[int],
    tiers: Sequence[int] | None,
    N: int,
    weights: npt.ArrayLike | None,
) -> np.ndarray | None:
    """Returns the number of positions of each symbol's code.

    Args:
        K, D, tiers, weights: See `learn_codes`.
        N: int. Number of symbols.

    Returns:
        array of int, shape `(N,)`, or None if there are no tiers. Among equal
        weights, the first symbols are in the higher tier.
    """
    *_, found = read_tiers(K, D, tiers, N)
    if found is None:
        return None
    lengths = found.lengths(N)
    shares = None if weights is None else check_weights(weights, N)
    if shares is not None:  # None: all weigh the same
        heaviest = np.argsort(-np.asarray(shares), kind="stable")
        lengths[heaviest] = lengths.copy()
    return lengths
