"""The division of rows into blocks, encoded together, and into shards."""

import operator

# Number of rows that are encoded together.
ENCODED_ROWS = 1 << 14


def encoded_blocks(N: int) -> int:
    """Returns the number of blocks in which N rows are encoded.

    Args:
        N: int. Number of rows.

    Returns:
        int.
    """
    return -(-N // ENCODED_ROWS)


def shard_rows(N: int, i: int, n: int) -> slice:
    """Returns the rows of a table that belong to shard i of n.

    `KDEmbedding.encode` encodes blocks of 16,384 rows, and shards begin at
    multiples of that number. The codes of all shards, one after another, are
    therefore exactly the codes of the whole table. The numbers of blocks in
    two shards differ by at most one.

    Args:
        N: int. Number of rows of the table.
        i: int, 1 to n. The number of the shard.
        n: int, at least 1 and at most the number of blocks. Number of shards.

    Returns:
        slice. The rows of the shard.

    Raises:
        ValueError: If i or n is not an integer or out of range.

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
            "The numbers i and n of a shard must be integers. "
            f"Received: i={i!r}, n={n!r}"
        ) from None
    if not 1 <= n <= blocks:
        raise ValueError(
            f"The number of shards must be from 1 to {blocks:,}, the number "
            f"of blocks of {ENCODED_ROWS:,} in {N:,} rows. Received: n={n}"
        )
    if not 1 <= i <= n:
        raise ValueError(
            f"The number of a shard must be from 1 to {n}. Received: i={i}"
        )
    begin, end = ((j * blocks // n) for j in (i - 1, i))
    step = ENCODED_ROWS
    return slice(begin * step, min(end * step, N))
