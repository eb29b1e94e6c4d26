"""Codes drawn at random."""

import numpy as np

from kd_keras.codes.checks import _check_int, check_kd, code_dtype, row_keys


def random_codes(
    N: int, K: int, D: int, seed: int | np.random.Generator
) -> np.ndarray:
    """Draws codes uniformly at random; two symbols may get the same one.

    The paper's random assignment (Table 1). It is unlikely to collide where
    `K**D` is far above `N**2` (section 2.1, footnote 2).

    Args:
        N: int, the number of symbols.
        K: int, 2 to 65536.
        D: int, at least 1.
        seed: An int, or a numpy generator to draw from.

    Returns:
        Codes, shape `(N, D)`, uint8 up to K = 256, else uint16.

    Example:

    >>> random_codes(10_000, K=50, D=10, seed=0).shape
    (10000, 10)
    """
    N = _check_int("N", N, "an integer of at least 1", 1)
    K, D = check_kd(K, D)
    generator = np.random.default_rng(seed)
    return generator.integers(0, K, size=(N, D), dtype=code_dtype(K).type)


def compact_codes(
    N: int, K: int, D: int, seed: int | np.random.Generator
) -> np.ndarray:
    """Draws codes of which no two are equal.

    Every set of N different codes is equally likely, in random order. With
    `K**D == N` every code is used: the paper's compact code (section 2.1).

    Args:
        N: int, the number of symbols.
        K: int, 2 to 65536.
        D: int, at least 1, with `K**D >= N`.
        seed: An int, or a numpy generator to draw from.

    Returns:
        Codes, shape `(N, D)`, uint8 up to K = 256, else uint16.

    Raises:
        ValueError: If there are fewer than N codes.

    Example:

    >>> len({tuple(code) for code in compact_codes(81, K=3, D=4, seed=0)})
    81
    """
    N = _check_int("N", N, "an integer of at least 1", 1)
    K, D = check_kd(K, D)
    if K**D < N:
        raise ValueError(
            "Compact codes need K**D >= N, a code for every symbol. "
            f"Received: K={K}, D={D}, K**D={K**D}, N={N}"
        )
    generator = np.random.default_rng(seed)
    if K**D <= 2 * N:
        # Number all codes, shuffle the numbers, write N of them in base K.
        numbers = generator.permutation(K**D)[:N]
        digits = [numbers // K**j % K for j in reversed(range(D))]
        return np.stack(digits, axis=1).astype(code_dtype(K))
    # At most half of the codes are wanted, so few draws hit a taken one; and
    # K**D, which may have hundreds of digits, need not fit any dtype.
    codes = np.empty((0, D), code_dtype(K))
    while len(codes) < N:
        drawn = random_codes(N - len(codes) + 16, K, D, generator)
        codes = np.concatenate([codes, drawn])
        first = np.unique(row_keys(codes), return_index=True)[1]
        codes = codes[np.sort(first)]
    return codes[:N]
