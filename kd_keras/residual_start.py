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

from kd_keras.codes import code_dtype
from kd_keras.kmeans import kmeans

# Partial codes kept of each row. K-means learns from the remainders of the
# best few of them alone (measured: from all 16 the error is 10 % higher), and
# from a sample of so many.
BEAM = 16
LEARN_FROM = 2
KMEANS_ROWS = 20_000
# Scores (row, partial code, value) computed at a time.
SCORES = 1 << 22
# Rows whose partial codes are held at a time where the tables are given.
BEAM_ROWS = 1 << 12


def residual_start(
    vectors: np.ndarray,
    K: int,
    D: int,
    seed: int,
    progress: Callable[[float, np.ndarray], None],
) -> np.ndarray:
    """Finds codes of a table, one position after the other.

    Args:
        vectors: float32 `(N, d)`.
        K: values of a position, at most N.
        D: positions.
        seed: decides every random choice.
        progress: called with (share done, squared errors so far).

    Returns:
        Codes, uint8 or uint16 `(N, D)`.
    """
    rng = np.random.default_rng(seed)
    count = len(vectors)
    rests = vectors[:, None]  # (N, beam, d), the best first
    codes: np.ndarray = np.zeros((count, 1, D), code_dtype(K))
    for j in range(D):
        pool = rests[:, :LEARN_FROM].reshape(-1, vectors.shape[1])
        if len(pool) > max(KMEANS_ROWS, 10 * K):
            most = max(KMEANS_ROWS, 10 * K)
            pool = pool[np.sort(rng.choice(len(pool), most, replace=False))]
        table = kmeans(pool, K, seed + j, iterations=10, swaps=0)[1]
        rests, codes = _extend(rests, codes, table, j)
        progress((j + 1) / D, np.square(rests[:, 0]).sum(axis=1))
    return codes[:, 0]


def beam_codes(vectors: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Finds codes under given code embeddings by beam search.

    Args:
        vectors: float32 `(N, d)`.
        tables: float32 `(D, K, d)`.

    Returns:
        Codes, uint8 or uint16 `(N, D)`.
    """
    D, K, _ = tables.shape
    found: np.ndarray = np.empty((len(vectors), D), code_dtype(K))
    # The longest first, as if each coded what those before it have left.
    order = np.argsort(-np.einsum("jkd,jkd->j", tables, tables), kind="stable")
    for start in range(0, len(vectors), BEAM_ROWS):
        part = slice(start, start + BEAM_ROWS)
        rests = vectors[part, None]
        codes: np.ndarray = np.zeros((len(rests), 1, D), found.dtype)
        for j in order:
            rests, codes = _extend(rests, codes, tables[j], int(j))
        found[part] = codes[:, 0]
    return found


def _extend(
    rests: np.ndarray, codes: np.ndarray, table: np.ndarray, j: int
) -> tuple[np.ndarray, np.ndarray]:
    """Adds a position to every partial code and keeps the best of them."""
    count, beam, d = rests.shape
    K = len(table)
    kept = min(BEAM, beam * K)
    new_rests: np.ndarray = np.empty((count, kept, d), np.float32)
    new_codes: np.ndarray = np.empty((count, kept, codes.shape[2]), codes.dtype)
    norms = np.einsum("kd,kd->k", table, table)
    step = max(1, SCORES // (beam * K))
    for start in range(0, count, step):
        part = slice(start, start + step)
        rows = rests[part]
        # |r - w|^2 = |r|^2 - 2 r.w + |w|^2
        scores = norms - 2 * (rows @ table.T)
        scores += np.einsum("nbd,nbd->nb", rows, rows)[:, :, None]
        scores = scores.reshape(len(rows), beam * K)
        best = np.argpartition(scores, kept - 1, axis=1)[:, :kept]
        order = np.take_along_axis(scores, best, axis=1).argsort(axis=1)
        best = np.take_along_axis(best, order, axis=1)
        parent, value = best // K, best % K
        of_row = np.arange(len(rows))[:, None]
        new_rests[part] = rows[of_row, parent] - table[value]
        new_codes[part] = codes[part][of_row, parent]
        new_codes[part, :, j] = value
    return new_rests, new_codes
