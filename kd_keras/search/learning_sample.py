"""The rows of a large table that code embeddings are learned from."""

import numpy as np

from kd_keras.search.methods.weighted_rows import Weights, draw_rows

# Up to this many rows (or 4K, if larger), the codes and code embeddings of all
# rows are learned together. In a larger table, code embeddings are learned from
# a sample of this size, and the codes of all rows are then found for them. A
# sample four times as large is no better for other rows. Of vectors so long
# that the sample would be more than this many floats (512 MiB; two or three
# copies are made of it), it has fewer.
LEARNING_ROWS, LEARNING_FLOATS = 50_000, 1 << 27
# A composition that is trained does gain from more rows: the sample is this
# large, or smaller if vectors are long, but not smaller than for a search.
TRAINING_ROWS, TRAINING_FLOATS = 200_000, 1 << 24


def is_large(N: int, K: int) -> bool:
    """Checks whether code embeddings are learned from a sample of N rows.

    Args:
        N: int. Number of rows of the table.
        K: int. Number of values per position.

    Returns:
        bool.
    """
    return N > _searched_rows(K)


def _searched_rows(K: int) -> int:
    return max(LEARNING_ROWS, 4 * K)


def learning_sample(
    N: int, K: int, seed: int, weights: Weights = None, d: int = 1
) -> tuple[np.ndarray | None, Weights]:
    """Draws the rows that code embeddings are learned from.

    Args:
        N: int. Number of rows of the table.
        K: int. Number of values per position.
        seed: int. Seed of the draw.
        weights: array of float32, shape `(N,)`, positive, or None. How many
            times each row counts; heavy rows are drawn first.
        d: int. Size of a row.

    Returns:
        `(rows, weights)`: array of int, row numbers in ascending order, or
        None if the whole table is used, up to 50,000 rows (or 4K, if larger);
        and the weights of these rows, or None. The sample has 50,000 rows (or
        2^27 / d, if smaller; or 4K, if larger).

    Example:

    >>> learning_sample(1_000, 16, 0), len(learning_sample(10**6, 16, 0)[0])
    ((None, None), 50000)
    """
    most = _searched_rows(K)
    if N > most:
        most = max(4 * K, min(most, LEARNING_FLOATS // d))
    return _draw(N, most, seed, weights)


def tier_sample(
    lengths: np.ndarray, K: int, seed: int
) -> tuple[np.ndarray | None, Weights]:
    """Draws the rows that code embeddings of codes with tiers are learned from.

    A small first tier would hardly be met in a plain sample, but most code
    embeddings are its own. So each tier gets an equal share of the sample, or
    all its rows if these are fewer.

    Args:
        lengths: array of int, shape `(N,)`. Number of positions of each code.
        K: int. Number of values per position.
        seed: int. Seed of the draw.

    Returns:
        As `learning_sample`. The weights make up for the shares.

    Example:

    >>> lengths = np.repeat([4, 2], [1_000, 99_000])
    >>> rows, weights = tier_sample(lengths, 16, 0)
    >>> print(len(rows), (rows < 1_000).sum(), round(float(weights[-1]), 2))
    50000 1000 1.01
    """
    most = _searched_rows(K)
    if len(lengths) <= most:
        return None, None
    rng = np.random.default_rng(seed)
    tiers = [np.flatnonzero(lengths == x) for x in np.unique(lengths)]
    tiers.sort(key=len)
    drawn: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    for left, rows in zip(range(len(tiers), 0, -1), tiers, strict=True):
        share = (most - sum(len(x) for x in drawn)) // left
        some = rows
        if len(rows) > share:
            some = rng.choice(rows, share, replace=False)
        drawn.append(some)
        weights.append(np.full(len(some), len(rows) / len(some)))
    found, shares = np.concatenate(drawn), np.concatenate(weights)
    order = np.argsort(found)
    shares = shares[order] / shares.mean()
    return found[order], shares.astype(np.float32)


def training_sample(
    N: int, K: int, d: int, seed: int, weights: Weights = None
) -> tuple[np.ndarray | None, Weights]:
    """Draws the rows that a composition is trained on.

    Args:
        N: int. Number of rows of the table.
        K: int. Number of values per position.
        d: int. Size of a row.
        seed, weights: See `learning_sample`.

    Returns:
        As `learning_sample`. The sample has 200,000 rows (or 2^24 / d, if
        smaller), but no fewer than 50,000 (or 4K, if larger).

    Example:

    >>> rows, _ = training_sample(10**6, 16, 64, 0)
    >>> fewer, _ = training_sample(10**6, 16, 1000, 0)
    >>> len(rows), len(fewer)
    (200000, 50000)
    """
    most = min(TRAINING_ROWS, TRAINING_FLOATS // d)
    return _draw(N, max(most, _searched_rows(K)), seed, weights)


def _draw(
    N: int, most: int, seed: int, weights: Weights
) -> tuple[np.ndarray | None, Weights]:
    return draw_rows(N, most, np.random.default_rng(seed), weights)
