"""How rows are cut: into blocks that are encoded together, and into shards."""

import operator

# Rows that are encoded together.
ENCODED_ROWS = 1 << 14


def encoded_blocks(N: int) -> int:
    """Returns the number of blocks in which N rows are encoded."""
    return -(-N // ENCODED_ROWS)


def shard_rows(N, i, n):
    """Gives the rows of a table that are shard i of n.

    Shards are cut at multiples of the 16,384 rows that `KDEmbedding.encode`
    encodes together, so that the codes of all shards, one after the other, are
    the codes of the whole table to the bit, and they have the same number of
    such blocks or differ by one.

    Args:
        N: Integer, rows of the table.
        i: Integer from 1 to n, which shard.
        n: Integer, the number of shards; at most that of the blocks.

    Returns:
        A slice of row numbers.

    Raises:
        ValueError: If i or n is no integer or out of its range.

    Example:

    >>> import kd_keras
    >>> kd_keras.shard_rows(100_000, 1, 3), kd_keras.shard_rows(100_000, 3, 3)
    (slice(0, 32768, None), slice(65536, 100000, None))
    """
    blocks = encoded_blocks(N)
    try:
        i, n = operator.index(i), operator.index(n)
    except TypeError:
        raise ValueError(
            f"A shard must be i of n, integers. Received: i={i!r}, n={n!r}"
        ) from None
    if not 1 <= n <= blocks:
        raise ValueError(
            f"The number of shards must be from 1 to {blocks:,}: {N:,} rows "
            f"are as many blocks of {ENCODED_ROWS:,}. "
            f"Received: n={n}"
        )
    if not 1 <= i <= n:
        raise ValueError(
            f"The first of {n} shards is 1, the last is {n}. Received: i={i}"
        )
    begin, end = ((j * blocks // n) for j in (i - 1, i))
    step = ENCODED_ROWS
    return slice(begin * step, min(end * step, N))
