"""A start for additive codes: residual quantisation with a beam.

Each position codes what the positions before it have left. Of every row the
best few partial codes are kept, not only the best one, since a second choice
now may leave a remainder that the next position codes better.

References:
    Chen, Guan & Wang, "Approximate nearest neighbor search by residual
    vector quantization", Sensors 2010.
    Babenko & Lempitsky, "Additive quantization for extreme vector
    compression", CVPR 2014, section 3 (beam search).
"""

from collections.abc import Callable

import numpy as np

from kd_keras.codes.checks import code_dtype
from kd_keras.search.methods.beam_search import BEAM, Position, beam_codes
from kd_keras.search.methods.kmeans import kmeans
from kd_keras.utils.cores import spread

LEARN_FROM = 2
KMEANS_ROWS = 20_000
# Rows of k-means' sample that a value must serve, or a K-th of this share of
# them if that is less. Else k-means may end with one value for nearly all rows
# and the others on single outliers: late remainders lie all around the mean,
# and none is nearer to another than to the mean. Six of 32 positions were lost
# so on the language model's table (K = D = 32): the start's error was 13 %
# higher; and such values are of no use to rows that come later.
LEAST, LEAST_SHARE = 10, 0.1
# Remainders are kept of so many rows that they have this many floats, twice,
# or of 10 K if that is more. Larger tables are coded once all positions are
# learned, a few rows at a time.
KEPT_FLOATS = 1 << 26


def residual_start(
    vectors: np.ndarray,
    K: int,
    D: int,
    seed: int,
    progress: Callable[[float, np.ndarray], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Finds codes of a table, one position after the other.

    Args:
        vectors: float32 `(N, d)`.
        K: values of a position, at most N.
        D: positions.
        seed: decides every random choice.
        progress: called with (share done, squared errors so far).

    Returns:
        Codes, uint8 or uint16 `(N, D)`, and the code embeddings that they
        were found under, float32 `(D, K, d)`.
    """
    rng = np.random.default_rng(seed)
    count, d = vectors.shape
    most = max(KEPT_FLOATS // (BEAM * d), 10 * K)
    if count > most:
        rows = np.sort(rng.choice(count, most, replace=False))
        _, tables = residual_start(vectors[rows], K, D, seed, progress)
        return beam_codes(vectors, tables), tables
    rests = vectors[:, None]  # (N, beam, d), the best first
    codes: np.ndarray = np.zeros((count, 1, D), code_dtype(K))
    tables = np.empty((D, K, d), np.float32)
    least = int(min(LEAST, LEAST_SHARE * count / K))
    for j in range(D):
        pool = rests[:, :LEARN_FROM].reshape(-1, d)
        if len(pool) > max(KMEANS_ROWS, 10 * K):
            most = max(KMEANS_ROWS, 10 * K)
            pool = pool[np.sort(rng.choice(len(pool), most, replace=False))]
        tables[j] = kmeans(pool, K, seed + j, 10, swaps=0, least=least)[1]
        rests, codes = _extend(rests, codes, tables[j], j)
        progress((j + 1) / D, np.square(rests[:, 0]).sum(axis=1))
    return codes[:, 0], tables


def _extend(
    rests: np.ndarray, codes: np.ndarray, table: np.ndarray, j: int
) -> tuple[np.ndarray, np.ndarray]:
    """Adds a position to the partial codes of many rows."""
    count, given, d = rests.shape
    position = Position(table, BEAM)
    kept = position.kept(given)
    new_rests: np.ndarray = np.empty((count, kept, d), np.float32)
    new_codes: np.ndarray = np.empty((count, kept, codes.shape[2]), codes.dtype)
    step = position.rows_at_a_time

    def extend(start: int) -> None:
        part = slice(start, start + step)
        new_rests[part], new_codes[part] = position.extend(
            rests[part], codes[part], j
        )

    spread(extend, range(0, count, step))
    return new_rests, new_codes
