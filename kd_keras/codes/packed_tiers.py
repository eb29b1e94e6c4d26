"""Packing of codes with tiers: a table for each tier, and perhaps ranks."""

from collections.abc import Sequence

import numpy as np

from kd_keras.codes.checks import code_dtype
from kd_keras.codes.packing import pack_codes, unpack_codes
from kd_keras.codes.tiers import Tiers, stored_ranks


def pack_tiers(
    codes: np.ndarray, K: int, tiers: Tiers | None
) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Packs the codes of each tier.

    Args:
        codes: array of int, shape `(N, D)`.
        K: int, 2 to 65,536.
        tiers: `Tiers` or None.

    Returns:
        `(tables, ranks)`: arrays of uint8, as `pack_codes` makes them, one for
        each tier with positions; and the ranks, see `stored_ranks`, or None if
        the ids are the ranks.

    Raises:
        ValueError: If more codes are long than the tiers allow.

    Example:

    >>> codes = np.array([[3, 1], [2, 0], [1, 0]], np.uint8)
    >>> tables, ranks = pack_tiers(codes, 4, Tiers((2, 1), (1,)))
    >>> [table.tolist() for table in tables], ranks
    ([[[7]], [[2], [1]]], None)
    """
    if tiers is None:
        return [pack_codes(codes, K)], None
    ranks = stored_ranks(codes, tiers)
    if ranks is not None:
        codes = codes[np.argsort(ranks)]
    parts = tiers.parts(len(codes))
    return [pack_codes(codes[rows, :D], K) for rows, D in parts if D], ranks


def unpack_tiers(
    tables: Sequence[np.ndarray],
    ranks: np.ndarray | None,
    N: int,
    K: int,
    D: int,
    tiers: Tiers | None,
) -> np.ndarray:
    """Unpacks codes that `pack_tiers` packed, and checks that they are valid.

    Args:
        tables: sequence of arrays of uint8.
        ranks: array of int, shape `(N,)`, or None.
        N: int. Number of symbols.
        K: int, 2 to 65,536.
        D: int, at least 1.
        tiers: `Tiers` or None.

    Returns:
        The codes, shape `(N, D)`, uint8 if K is at most 256, else uint16.

    Raises:
        ValueError: If the arrays are not of N such codes.

    Example:

    >>> tiers = Tiers((2, 1), (1,))
    >>> tables = [np.array([[7]], np.uint8), np.array([[2], [1]], np.uint8)]
    >>> unpack_tiers(tables, None, 3, 4, 2, tiers).tolist()
    [[3, 1], [2, 0], [1, 0]]
    """
    if tiers is None:
        [table] = tables
        return _checked(unpack_codes(table, K, D), N)
    codes: np.ndarray = np.zeros((N, D), code_dtype(K))
    left = iter(tables)
    for rows, length in tiers.parts(N):
        if length:
            part = unpack_codes(next(left), K, length)
            codes[rows, :length] = _checked(part, rows.stop - rows.start)
    if ranks is None:
        return codes
    order = ranks.astype(np.int64)
    if ranks.dtype == np.int16:
        order += 1 << 15
    if not np.array_equal(np.sort(order), np.arange(N)):
        raise ValueError(
            f"The ranks must be 0 to {N - 1:,}, once each. Received: others"
        )
    return codes[order]


def _checked(codes: np.ndarray, N: int) -> np.ndarray:
    if len(codes) != N:
        raise ValueError(
            f"must hold the codes of {N:,} symbols. Received: {len(codes):,}"
        )
    return codes
