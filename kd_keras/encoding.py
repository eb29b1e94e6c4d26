"""Codes and code embeddings of a table, by search: additive and concat.

Numpy only. `fit_additive` is the best recipe that we know for the linear
composition, `fit_concat` is product quantisation.

References:
    Chen, Min & Sun, "Learning K-way D-dimensional discrete code for compact
    embedding representations", 2017, equation 1 (the error minimised here).
    Jegou, Douze & Schmid, "Product quantization for nearest neighbor
    search", 2011 (concat).
    For the search see `additive_search`, for the least squares
    `least_squares`.
"""

from collections.abc import Callable

import numpy as np

from kd_keras.additive_search import (
    decode_additive,
    gumbel_noise,
    search_codes,
)
from kd_keras.kmeans import kmeans, nearest
from kd_keras.least_squares import (
    fit_code_embeddings,
    improve_code_embeddings,
)

__all__ = [
    "decode_additive",
    "decode_concat",
    "encode_additive",
    "encode_concat",
    "fit_additive",
    "fit_code_embeddings",
    "fit_concat",
]

Progress = Callable[[float, float], None]

# The search starts at, and ends at, these temperatures, in units of the
# squared error per dimension after a first descent. 2 would be the
# temperature at which the errors of that descent are what noise alone gives.
HOT, COLD = 9.0, 0.9
# More rows than this only make the code embeddings better in the third digit.
LEARNING_ROWS = 100_000
# Sweeps between two updates of the code embeddings, and their passes.
SWEEPS, PASSES = 2, 2


def _code_dtype(K: int) -> type:
    return np.uint8 if K <= 256 else np.uint16


def fit_concat(
    vectors: np.ndarray,
    K: int,
    D: int,
    seed: int = 0,
    iterations: int = 100,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Learns concat (product) codes: k-means in each of D slices.

    Args:
        vectors: float `(N, d)`, D divides d.
        K: values of a position, at most N.
        D: positions.
        seed: decides every random choice.
        iterations: most Lloyd steps in a row.
        progress: called with (share done, error so far).

    Returns:
        Codes, uint8 or uint16 `(N, D)`, and code embeddings, float32
        `(D, K, d / D)`.
    """
    slices = np.split(np.asarray(vectors, np.float32), D, axis=1)
    codes = np.empty((len(vectors), D), _code_dtype(K))
    tables, error = [], 0.0
    for j, part in enumerate(slices):
        part = np.ascontiguousarray(part)
        labels, centres = kmeans(part, K, seed + j, iterations)
        codes[:, j] = labels
        tables.append(centres)
        error += float(np.square(part - centres[labels]).sum(axis=1).mean())
        if progress:
            progress((j + 1) / D, error)
    return codes, np.stack(tables)


def encode_concat(
    vectors: np.ndarray, code_embeddings: np.ndarray
) -> np.ndarray:
    """Returns the nearest concat codes, uint8 or uint16 `(N, D)`.

    Args:
        vectors: float `(N, d)`.
        code_embeddings: float32 `(D, K, d / D)`.
    """
    D, K, _ = code_embeddings.shape
    slices = np.split(np.asarray(vectors, np.float32), D, axis=1)
    labels = [
        nearest(np.ascontiguousarray(part), table)[0]
        for part, table in zip(slices, code_embeddings, strict=True)
    ]
    return np.stack(labels, axis=1).astype(_code_dtype(K))


def decode_concat(codes: np.ndarray, code_embeddings: np.ndarray) -> np.ndarray:
    """Returns float32 `(N, d)`: the D named slices side by side."""
    D = len(code_embeddings)
    rows = code_embeddings[np.arange(D), codes]  # (N, D, d / D)
    return rows.reshape(len(codes), -1)


def _residual_start(
    vectors: np.ndarray, K: int, D: int, seed: int
) -> np.ndarray:
    """Returns codes by residual quantisation, each position by k-means."""
    codes = np.empty((len(vectors), D), _code_dtype(K))
    rest = vectors
    for j in range(D):
        labels, centres = kmeans(rest, K, seed + j, iterations=5, swaps=0)
        codes[:, j] = labels
        rest = rest - centres[labels]
    return codes


def _schedule(unit: float, steps: int) -> np.ndarray:
    """Returns temperatures, float `(steps,)`, falling by a constant factor."""
    share = np.linspace(0, 1, steps)
    return unit * HOT * (COLD / HOT) ** share


def fit_additive(
    vectors: np.ndarray,
    K: int,
    D: int,
    seed: int = 0,
    iterations: int = 300,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Learns additive codes: `vectors[i] ~ sum_j code_embeddings[j, codes[i, j]]`.

    1. Start: residual quantisation, then two rounds of descent, whose error
       sets the temperatures.
    2. Anneal: Gibbs sweeps over the codes at a falling temperature, and the
       code embeddings by least squares after each few of them.
    3. Descend: coordinate descent and least squares, until nothing changes.

    Args:
        vectors: float `(N, d)`.
        K: values of a position, at most N.
        D: positions.
        seed: decides every random choice.
        iterations: sweeps of the second step; time grows with it.
        progress: called with (share done, error so far).

    Returns:
        Codes, uint8 or uint16 `(N, D)`, and code embeddings, float32
        `(D, K, d)`.
    """
    if D == 1:
        labels, centres = kmeans(vectors, K, seed)
        return labels[:, None].astype(_code_dtype(K)), centres[None]
    rng = np.random.default_rng(seed)
    if len(vectors) > LEARNING_ROWS:
        chosen = rng.choice(len(vectors), LEARNING_ROWS, replace=False)
        sample = np.asarray(vectors[np.sort(chosen)])
        _, tables = fit_additive(sample, K, D, seed, iterations, progress)
        return encode_additive(vectors, tables, seed=seed), tables
    # float32 is safe and temperatures are comparable after this.
    mean = vectors.mean(axis=0, dtype=np.float64)
    rows = vectors - mean
    scale = np.abs(rows).max(initial=0) or 1.0
    rows = (rows / scale).astype(np.float32)
    noise = gumbel_noise(seed)
    codes = _residual_start(rows, K, D, seed)
    tables = fit_code_embeddings(rows, codes, K)
    for step in range(2):
        codes, errors = search_codes(rows, codes, tables, [0, 0], noise, step)
        tables = fit_code_embeddings(rows, codes, K)
    unit = float(errors.mean()) / rows.shape[1]
    every = SWEEPS
    temperatures = _schedule(unit, max(every, iterations // every * every))
    for step in range(0, len(temperatures), every):
        now = temperatures[step : step + every].tolist()
        codes, errors = search_codes(
            rows, codes, tables, now, noise, [seed, step]
        )
        tables = improve_code_embeddings(rows, codes, tables, PASSES)
        if progress:
            progress(step / len(temperatures), errors.mean() * scale**2)
    for step in range(10):
        before = codes
        codes, errors = search_codes(rows, codes, tables, [0, 0], noise, step)
        tables = fit_code_embeddings(rows, codes, K)
        if np.array_equal(before, codes):
            break
    if progress:
        progress(1.0, float(errors.mean()) * scale**2)
    return codes, (tables * scale + mean / D).astype(np.float32)


def encode_additive(
    vectors: np.ndarray,
    code_embeddings: np.ndarray,
    codes: np.ndarray | None = None,
    seed: int = 0,
    iterations: int = 40,
    progress: Progress | None = None,
) -> np.ndarray:
    """Finds codes of vectors under fixed code embeddings.

    The same annealing as in `fit_additive`, block by block, so that memory
    does not grow with N. A block's codes depend on nothing outside of it.

    Args:
        vectors: float `(N, d)`; a memory map is read block by block.
        code_embeddings: float32 `(D, K, d)`.
        codes: integer `(N, D)`, or None. Codes to be improved: a row keeps
            its own if the search finds nothing better.
        seed: decides every random choice.
        iterations: sweeps; time grows with it.
        progress: called with (share done, error so far).

    Returns:
        Codes, uint8 or uint16 `(N, D)`.
    """
    D, K, d = code_embeddings.shape
    noise = gumbel_noise(seed)
    # Every code uses one value of each position: move the positions' means
    # into the vectors, so that float32 is safe.
    means = code_embeddings.mean(axis=1, dtype=np.float64)
    tables = code_embeddings - means[:, None]
    scale = np.abs(tables).max(initial=0) or 1.0
    tables = (tables / scale).astype(np.float32)
    out = np.empty((len(vectors), D), _code_dtype(K))
    total, step = 0.0, 1 << 14
    for start in range(0, len(vectors), step):
        part = slice(start, start + step)
        rows = (vectors[part] - means.sum(axis=0)) / scale
        rows = rows.astype(np.float32)
        first = np.zeros((len(rows), D), out.dtype)
        if codes is not None:
            first[:] = codes[part]
        best, errors = search_codes(rows, first, tables, [0] * 3, noise, seed)
        unit = float(errors.mean()) / d
        now = [*_schedule(unit, iterations).tolist(), 0, 0]
        found, new_errors = search_codes(rows, best, tables, now, noise, seed)
        better = new_errors < errors
        out[part] = np.where(better[:, None], found, best)
        total += float(np.minimum(errors, new_errors).sum()) * scale**2
        if progress:
            done = min(start + step, len(vectors))
            progress(done / len(vectors), total / done)
    return out
