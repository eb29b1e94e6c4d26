"""The Gaussian rate-distortion bound, with which codes are compared."""

import numpy as np


def rate_distortion(vectors, bits):
    """Computes the least error for Gaussian vectors of the same covariance.

    Args:
        vectors: array, shape `(N, d)`.
        bits: int. Number of bits of a code.

    Returns:
        The squared error, summed over the dimensions, below which no code of
        this number of bits can be on average (reverse water-filling). Vectors
        that are not Gaussian, or finite in number, can have a lower error.

    References:
        Cover and Thomas, "Elements of Information Theory", section 10.3.3.
    """
    covariance = np.cov(np.asarray(vectors, np.float64).T, bias=True)
    variances = np.linalg.eigvalsh(np.atleast_2d(covariance))[::-1]
    variances = variances[variances > 0]
    logs = np.cumsum(np.log2(variances))
    # With n directions above the water, they determine its level.
    for n in range(len(variances), 0, -1):
        level = 2 ** ((logs[n - 1] - 2 * bits) / n)
        if level <= variances[n - 1]:
            break
    return float(n * level + variances[n:].sum())
