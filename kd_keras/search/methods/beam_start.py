"""A start for additive codes: residual quantisation with a beam.

Each position codes the remainder of the previous positions. The best few
partial codes of every row are kept, not only the best one, since a second
choice now may leave a remainder that the next position codes better.

References:
    Chen, Guan & Wang, "Approximate nearest neighbor search by residual
    vector quantization", Sensors 2010.
    Babenko & Lempitsky, "Additive quantization for extreme vector
    compression", CVPR 2014, section 3 (beam search).
"""

from collections.abc import Callable

import numpy as np

from kd_keras.codes.checks import code_dtype
from kd_keras.search.methods.additive_sum import by_length
from kd_keras.search.methods.beam_search import BEAM, Position, beam_codes
from kd_keras.search.methods.kmeans import kmeans
from kd_keras.search.methods.weighted_rows import (
    Weights,
    draw_rows,
    pick,
    weighted_mean,
)
from kd_keras.utils.cores import spread

LEARN_FROM = 2
KMEANS_ROWS = 20_000
# Each value must have at least LEAST rows of k-means' sample, or the fraction
# LEAST_SHARE / K of the rows if that is less. Otherwise k-means may end with
# one value for nearly all rows and the others on single outliers: late
# remainders are spread around the mean, and each is nearer to the mean than to
# any other. On the language model's table (K = D = 32), six of 32 positions
# were lost in this way, and the start's error was 13 % higher. Such values are
# also of no use to rows that come later.
LEAST, LEAST_SHARE = 10, 0.1
# Positions are learned with the remainders of as many rows as have this many
# floats in total, held twice (or of 10 * K rows, if more). A larger table is
# encoded once all positions are learned, a few rows at a time.
KEPT_FLOATS = 1 << 26


def beam_start(
    vectors: np.ndarray,
    K: int,
    D: int,
    seed: int,
    progress: Callable[[float, float], None],
    weights: Weights = None,
    lengths: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Finds codes of a table, one position after another.

    Args:
        vectors: array of float32, shape `(N, d)`.
        K: int, at most N. Number of values per position.
        D: int. Number of positions.
        seed: int. Seed of all random choices.
        progress: callable. Called with the fraction done and the mean squared
            error so far.
        weights: array of float32, shape `(N,)`, or None. How many times each
            row counts.
        lengths: array of int, shape `(N,)`, or None. Number of positions of
            each row's code, at the other positions it has the value 0; None
            if all have D.

    Returns:
        `(codes, code_embeddings)`: array of uint8 or uint16, shape `(N, D)`,
        and the code embeddings that the codes were found for, array of
        float32, shape `(D, K, d)`.
    """
    rng = np.random.default_rng(seed)
    count, d = vectors.shape
    most = max(KEPT_FLOATS // (BEAM * d), 10 * K)
    rows, drawn = draw_rows(count, most, rng, weights)
    if rows is not None:
        some = None if lengths is None else lengths[rows]
        _, tables = beam_start(vectors[rows], K, D, seed, progress, drawn, some)
        return _beam_codes(vectors, tables, lengths), tables
    rests = vectors[:, None]  # (n, beam, d), the best first
    codes: np.ndarray = np.zeros((count, 1, D), code_dtype(K))
    tables = np.zeros((D, K, d), np.float32)
    ended: list[tuple[np.ndarray, np.ndarray]] = []  # rows and their codes
    going = np.arange(count)
    for j in range(D):
        if lengths is not None and not (goes_on := lengths[going] > j).all():
            ended.append((going[~goes_on], codes[~goes_on, 0]))
            going, rests, codes = (x[goes_on] for x in (going, rests, codes))
            weights = None if weights is None else weights[goes_on]
        count = len(going)
        least = int(min(LEAST, LEAST_SHARE * count / K))
        pool = rests[:, :LEARN_FROM].reshape(-1, d)
        each = len(pool) // count
        pool_weights = None if weights is None else np.repeat(weights, each)
        rows, drawn = draw_rows(
            len(pool), max(KMEANS_ROWS, 10 * K), rng, pool_weights
        )
        # Codes that have ended have the value 0 here, so it adds nothing.
        first = 1 if ended else 0
        tables[j, first:] = kmeans(
            pick(pool, rows), K - first, seed + j, 10, 0, least, drawn
        )[1]
        rests, codes = _extend(rests, codes, tables[j], j)
        errors = np.square(rests[:, 0]).sum(axis=1)
        progress((j + 1) / D, weighted_mean(errors, weights))
    out: np.ndarray = np.zeros((len(vectors), D), codes.dtype)
    for some, found in (*ended, (going, codes[:, 0])):
        out[some] = found
    return out, tables


def _beam_codes(
    vectors: np.ndarray, tables: np.ndarray, lengths: np.ndarray | None
) -> np.ndarray:
    if lengths is None:
        return beam_codes(vectors, tables)
    D, K, _ = tables.shape
    codes: np.ndarray = np.zeros((len(vectors), D), code_dtype(K))
    for rows, rests, used in by_length(vectors, tables, lengths):
        if len(used):
            codes[rows, : len(used)] = beam_codes(rests, used)
    return codes


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
