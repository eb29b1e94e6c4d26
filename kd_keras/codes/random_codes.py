"""Codes drawn at random."""

import numpy as np

from kd_keras.codes.checks import AT_LEAST_1, check_kd, code_dtype, row_keys
from kd_keras.utils.checks import check_integer


def random_codes(
    N: int, K: int, D: int, seed: int | np.random.Generator
) -> np.ndarray:
    """Draws codes uniformly at random; two symbols may get the same code.

    This is the paper's random assignment (Table 1). Collisions are unlikely if
    `K**D` is much larger than `N**2` (section 2.1, footnote 2).

    Args:
        N: int, at least 1. Number of symbols.
        K: int, 2 to 65536.
        D: int, at least 1.
        seed: int or numpy generator. A generator is used and advanced.

    Returns:
        The codes, shape `(N, D)`, uint8 if K is at most 256, else uint16.

    Raises:
        ValueError: If N, K or D is out of its range.

    Example:

    >>> random_codes(10_000, K=50, D=10, seed=0).shape
    (10000, 10)
    """
    N = check_integer("N", N, AT_LEAST_1)
    K, D = check_kd(K, D)
    generator = np.random.default_rng(seed)
    return generator.integers(0, K, size=(N, D), dtype=code_dtype(K).type)


def compact_codes(
    N: int, K: int, D: int, seed: int | np.random.Generator
) -> np.ndarray:
    """Draws codes that all differ.

    Every set of N different codes is equally likely, in random order. If
    `K**D == N`, every possible code is used: the paper's compact code (section
    2.1).

    Args:
        N: int, at least 1. Number of symbols.
        K: int, 2 to 65536.
        D: int, at least 1, with `K**D >= N`.
        seed: int or numpy generator. A generator is used and advanced.

    Returns:
        The codes, shape `(N, D)`, uint8 if K is at most 256, else uint16.

    Raises:
        ValueError: If N, K or D is out of its range, or `K**D < N`.

    Example:

    >>> len({tuple(code) for code in compact_codes(81, K=3, D=4, seed=0)})
    81
    """
    N = check_integer("N", N, AT_LEAST_1)
    K, D = check_kd(K, D)
    if K**D < N:
        raise ValueError(
            "Compact codes need K**D >= N, a different code for each symbol. "
            f"Received: K={K}, D={D}, K**D={K**D}, N={N}"
        )
    generator = np.random.default_rng(seed)
    if K**D <= 2 * N:
        # Number all codes, shuffle the numbers, write N of them in base K.
        numbers = generator.permutation(K**D)[:N]
        digits = [numbers // K**j % K for j in reversed(range(D))]
        return np.stack(digits, axis=1).astype(code_dtype(K))
    # Less than half of the possible codes are needed, so few draws repeat an
    # earlier one. K**D may have hundreds of digits and fit no dtype.
    codes = np.empty((0, D), code_dtype(K))
    while len(codes) < N:
        drawn = random_codes(N - len(codes) + 16, K, D, generator)
        codes = np.concatenate([codes, drawn])
        first = np.unique(row_keys(codes), return_index=True)[1]
        codes = codes[np.sort(first)]
    return codes[:N]
