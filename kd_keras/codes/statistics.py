"""Statistics of a table of codes: use of values and distances of codes.

The paper (Chen, Min and Sun, 2017) distinguishes redundant codes, which are
easier to learn, from compact ones (section 2.1).
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from kd_keras.codes.checks import check_codes
from kd_keras.codes.shared_codes import collisions, distinct_codes

# Up to EXACT_LIMIT symbols, every pair is compared; beyond that, a sample of
# rows is compared with all rows. 1e8 pairs take about two seconds at D = 32 on
# one core.
EXACT_LIMIT = 10_000
PAIR_LIMIT = 100_000_000


@dataclasses.dataclass(frozen=True)
class CodeStatistics:
    """Statistics of a table of codes, returned by `code_statistics`.

    Attributes:
        N: int. Number of symbols.
        K: int. Number of values of a position.
        D: int. Number of positions of a code.
        entropy: D floats, at most log2 K. Entropy in bits of the values at
            each position.
        perplexity: D floats, at most K. 2 to the power of the entropy.
        unused: D ints. Number of values at each position that no symbol has.
        unused_total: int. Sum of `unused`.
        distinct: int. Number of different codes.
        distinct_share: float. `distinct / N`.
        collisions: int. Number of symbols that share their code with another
            symbol.
        hamming_mean: float or None. Mean Hamming distance from a symbol's code
            to the nearest code of another symbol, 0 for a shared code. None if
            N = 1.
        hamming_min: int or None. Smallest of these distances. Above the exact
            limit, the smallest in the sample, or 0 if there is a collision.
            None if N = 1.
        hamming_histogram: D+1 ints. Out of `hamming_rows` symbols, how many
            have their nearest other code at distance 0, 1, ..., D.
        hamming_rows: int. Number of symbols that were compared with all
            others; N unless N is above the exact limit.
    """

    N: int
    K: int
    D: int
    entropy: tuple[float, ...]
    perplexity: tuple[float, ...]
    unused: tuple[int, ...]
    unused_total: int
    distinct: int
    distinct_share: float
    collisions: int
    hamming_mean: float | None
    hamming_min: int | None
    hamming_histogram: tuple[int, ...]
    hamming_rows: int

    def to_dict(self) -> dict[str, Any]:
        """Returns the statistics as JSON types; tuples become lists."""
        items = dataclasses.asdict(self).items()
        return {k: list(v) if isinstance(v, tuple) else v for k, v in items}


def code_statistics(
    codes: npt.ArrayLike, K: int, seed: int = 0, exact_limit: int = EXACT_LIMIT
) -> CodeStatistics:
    """Computes the statistics of a table of codes.

    Args:
        codes: array of int, 0 to K-1, shape `(N, D)`, N at least 1.
        K: int, 2 to 65536.
        seed: int. Seed for the sample of rows that is compared if N is above
            `exact_limit`.
        exact_limit: int. Largest N for which all distances are computed.

    Returns:
        A `CodeStatistics`.

    Raises:
        ValueError: If the codes are not valid for K or there are none.

    Example:

    >>> s = code_statistics([[0, 0], [0, 1], [0, 1], [3, 3]], K=4)
    >>> s.distinct, s.collisions, s.unused, s.hamming_histogram
    (3, 2, (2, 1), (2, 1, 1))
    """
    codes = check_codes(codes, K)
    N, D = codes.shape
    if N == 0:
        raise ValueError(
            f"codes must have at least one row. Received: shape={codes.shape}"
        )
    counts = value_counts(codes, K)
    bits = _entropy(counts)
    unused = (counts == 0).sum(axis=1)
    distinct, shared = distinct_codes(codes), collisions(codes)
    rows = np.arange(N)
    if N > exact_limit:
        sample = max(1, min(1_000, PAIR_LIMIT // N))
        rows = np.random.default_rng(seed).choice(N, sample, replace=False)
        rows.sort()
    nearest = nearest_code_distance(codes, rows) if N > 1 else rows[:0]
    return CodeStatistics(
        N=N,
        K=int(K),
        D=D,
        entropy=tuple(bits.tolist()),
        perplexity=tuple(np.exp2(bits).tolist()),
        unused=tuple(unused.tolist()),
        unused_total=int(unused.sum()),
        distinct=distinct,
        distinct_share=distinct / N,
        collisions=shared,
        hamming_mean=float(nearest.mean()) if N > 1 else None,
        hamming_min=(0 if shared else int(nearest.min())) if N > 1 else None,
        hamming_histogram=tuple(np.bincount(nearest, minlength=D + 1).tolist()),
        hamming_rows=len(nearest),
    )


def value_counts(codes: npt.ArrayLike, K: int) -> np.ndarray:
    """Counts how many symbols have each value at each position.

    Args:
        codes: array of int, 0 to K-1, shape `(N, D)`.
        K: int, 2 to 65536.

    Returns:
        The counts, shape `(D, K)`, int64.

    Example:

    >>> value_counts([[0, 1], [0, 2]], K=3).tolist()
    [[2, 0, 0], [0, 1, 1]]
    """
    columns = np.ascontiguousarray(check_codes(codes, K).T)
    return np.stack([np.bincount(c, minlength=K) for c in columns])


def unused_values(codes: npt.ArrayLike, K: int) -> int:
    """Counts the values that no symbol has, over all positions.

    Args:
        codes: array of int, 0 to K-1, shape `(N, D)`.
        K: int, 2 to 65536.

    Returns:
        An int, 0 to D*K: the number of code embeddings that are never used.

    Example:

    >>> unused_values([[0, 1], [0, 2]], K=3)
    3
    """
    return int((value_counts(codes, K) == 0).sum())


def code_perplexity(codes: npt.ArrayLike, K: int) -> float:
    """Computes the perplexity of the values, averaged over the positions.

    Args:
        codes: array of int, 0 to K-1, shape `(N, D)`, N at least 1.
        K: int, 2 to 65536.

    Returns:
        A float, from 1 (a single value is used) to K (all values are used
        equally often).

    Example:

    >>> code_perplexity([[0, 1], [0, 2]], K=3)
    1.5
    """
    return float(np.exp2(_entropy(value_counts(codes, K))).mean())


def nearest_code_distance(codes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Computes the Hamming distance to the nearest code of another symbol.

    Args:
        codes: array of uint8 or uint16, shape `(N, D)`, N at least 2.
        rows: array of int, shape `(M,)`. Indices of the symbols to measure.

    Returns:
        The distances, shape `(M,)`, int64, 0 to D; 0 for a shared code.

    Example:

    >>> codes = np.array([[0, 0, 0], [0, 1, 1], [2, 1, 1]], np.uint8)
    >>> nearest_code_distance(codes, np.arange(3)).tolist()
    [2, 1, 1]
    """
    N, D = codes.shape
    columns = np.ascontiguousarray(codes.T)
    # Blocks fit the cache. Counts take one byte each if D allows it.
    step = max(1, (1 << 18) // N)
    agree = np.empty((step, N), np.uint8 if D < 256 else np.int64)
    equal = np.empty((step, N), np.bool_)
    nearest = np.empty(len(rows), np.int64)
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        agreeing, equals = agree[: len(some)], equal[: len(some)]
        agreeing[:] = 0
        for column in columns:
            np.equal(column[some, None], column, out=equals)
            np.add(agreeing, equals.view(np.uint8), out=agreeing)
        agreeing[np.arange(len(some)), some] = 0  # a symbol with itself
        nearest[start : start + step] = D - agreeing.max(axis=1).astype(int)
    return nearest


def _entropy(counts: np.ndarray) -> np.ndarray:
    """Returns the entropy in bits of each row of counts `(D, K)`."""
    total = counts.sum(axis=1, keepdims=True)
    if not total.all():
        raise ValueError(
            "codes must have at least one row. "
            f"Received: shape=(0, {len(counts)})"
        )
    share = counts / total
    logs = np.log2(share, out=np.zeros_like(share), where=share > 0)
    return 0.0 - (share * logs).sum(axis=1)  # unary minus would return -0.0
