"""Nearest neighbours by cosine similarity, and how many compression keeps."""

import numpy as np

from kd_keras.utils.row_blocks import Rows, row_blocks, rows_at_a_time

COUNT = 10
TABLE_BLOCK = 8192  # with QUERY_BLOCK, 32 MB of similarities at a time
TABLE_FLOATS = 1 << 23  # of long rows: numbers at a time
QUERY_BLOCK = 1024
EXACT_LIMIT = 20_000
PAIR_LIMIT = 1_000_000_000  # about half a minute on two cores at d = 200


def sample_symbols(N: int, seed: int) -> np.ndarray:
    """Chooses the symbols whose neighbours are looked up.

    Args:
        N: int. Number of symbols.
        seed: int. Seed for the sample.

    Returns:
        Ascending ids: all symbols if N is at most 20,000, else a sample of at
        most 5,000.

    Example:

    >>> sample_symbols(4, seed=0).tolist(), len(sample_symbols(10**6, seed=0))
    ([0, 1, 2, 3], 1000)
    """
    if N <= EXACT_LIMIT:
        return np.arange(N)
    size = min(5_000, max(500, PAIR_LIMIT // N))
    sample = np.random.default_rng(seed).choice(N, size, replace=False)
    return np.sort(sample)


def nearest_neighbours(
    vectors: Rows, symbols: np.ndarray, count: int = COUNT
) -> np.ndarray:
    """Finds the rows of highest cosine similarity, one block at a time.

    A row is not a neighbour of itself. The similarity to a zero vector is 0.

    Args:
        vectors: `Rows`, shape `(N, d)`, finite. It is read in blocks.
        symbols: array of int, shape `(M,)`. Ids to find neighbours for.
        count: int. Number of neighbours per symbol.

    Returns:
        Ids, shape `(M, min(count, N - 1))`, int64. The nearest neighbour is
        first; ties are in the order of the ids.

    Example:

    >>> table = np.array([[1, 0], [2, 0.1], [0, 1], [-1, 0]], np.float32)
    >>> nearest_neighbours(table, np.array([0, 3]), count=2).tolist()
    [[1, 2], [2, 1]]
    """
    N, d = vectors.shape
    count = min(count, N - 1)
    queries = unit_rows(vectors[symbols])
    ids = np.zeros((len(symbols), 0), np.int64)
    similarities = np.zeros((len(symbols), 0), np.float32)
    for block in row_blocks(N, rows_at_a_time(d, TABLE_BLOCK, TABLE_FLOATS)):
        table = unit_rows(vectors[block])
        width = min(ids.shape[1] + len(table), count)
        best_ids = np.empty((len(symbols), width), np.int64)
        best = np.empty((len(symbols), width), np.float32)
        for some in row_blocks(len(symbols), QUERY_BLOCK):
            found = queries[some] @ table.T
            inside = symbols[some] - block.start
            own = np.flatnonzero((inside >= 0) & (inside < len(table)))
            found[own, inside[own]] = -np.inf
            places = _highest(found, count)
            found = np.take_along_axis(found, places, axis=1)
            best_ids[some], best[some] = _merge(
                np.hstack([ids[some], places + block.start]),
                np.hstack([similarities[some], found]),
                width,
            )
        ids, similarities = best_ids, best
    return ids


def neighbours_kept(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Counts the neighbours that each symbol has both before and after.

    Args:
        before: array of int, shape `(M, count)`. Ids.
        after: array of int, shape `(M, count)`. Ids.

    Returns:
        The counts, shape `(M,)`, 0 to `count`.

    Example:

    >>> neighbours_kept(np.array([[1, 2]]), np.array([[3, 1]])).tolist()
    [1]
    """
    return (before[:, :, None] == after[:, None, :]).any(axis=2).sum(axis=1)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Scales rows to length 1; zero rows stay zero.

    Args:
        rows: array of float, shape `(M, d)`, finite.

    Returns:
        An array of float32, shape `(M, d)`.

    Example:

    >>> unit_rows(np.array([[3e30, 4e30], [0, 0]])).round(6)
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    rows = np.asarray(rows, np.float32)
    # Scale by the largest value first: squares of 1e30 overflow in float32.
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scaled = rows / np.where(largest > 0, largest, 1)
    length = np.sqrt(np.einsum("md,md->m", scaled, scaled))[:, None]
    return scaled / np.where(length > 0, length, 1)


def _highest(found: np.ndarray, count: int) -> np.ndarray:
    """Returns the columns of the `count` highest values, in any order."""
    width = found.shape[1]
    if width <= count or count == 0:
        return np.broadcast_to(np.arange(width), found.shape)
    return np.argpartition(found, width - count, axis=1)[:, width - count :]


def _merge(
    ids: np.ndarray, similarities: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Keeps the `width` highest similarities of each row, sorted."""
    order = np.lexsort((ids, -similarities), axis=1)[:, :width]
    return (
        np.take_along_axis(ids, order, axis=1),
        np.take_along_axis(similarities, order, axis=1),
    )
