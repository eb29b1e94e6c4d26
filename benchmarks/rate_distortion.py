"""The Gaussian rate-distortion bound, the line that codes are held against."""

import numpy as np


def rate_distortion(vectors, bits):
    """Least error of a Gaussian source with the vectors' covariance.

    Args:
        vectors: Array `(N, d)`.
        bits: Number of bits of a code.

    Returns:
        The squared error, summed over the dimensions, that no code of so many
        bits can be below on average (reverse water-filling; Cover and Thomas,
        "Elements of Information Theory", 10.3.3). Vectors that are not
        Gaussian, and a finite number of them, can be coded better.
    """
    covariance = np.cov(np.asarray(vectors, np.float64).T, bias=True)
    variances = np.linalg.eigvalsh(np.atleast_2d(covariance))[::-1]
    variances = variances[variances > 0]
    logs = np.cumsum(np.log2(variances))
    # With the n strongest directions above the water its level is theirs.
    for n in range(len(variances), 0, -1):
        level = 2 ** ((logs[n - 1] - 2 * bits) / n)
        if level <= variances[n - 1]:
            break
    return float(n * level + variances[n:].sum())
