"""Codes and code embeddings of a table for the linear composition, by search.

References:
    Chen, Min & Sun, "Learning K-way D-dimensional discrete code for compact
    embedding representations", 2017, equation 1 (the error minimised here).
    For the search see `additive_search`, for the least squares
    `least_squares`.
"""

import numpy as np

from kd_keras.additive_search import (
    REHEAT_SWEEPS,
    decode_additive,
    falling,
    gumbel_noise,
    improve_codes,
    search_codes,
)
from kd_keras.concat_search import Progress, code_dtype
from kd_keras.kmeans import kmeans
from kd_keras.least_squares import (
    fit_code_embeddings,
    improve_code_embeddings,
)

# The annealing starts at HOT * sqrt(D) and ends at COLD, in units of the
# squared error per dimension after a first descent. Measured: a start that is
# too hot ruins small D, one that is too cold costs most at large D.
HOT, COLD = 2.0, 0.9
# More rows than this make the code embeddings hardly any better.
LEARNING_ROWS = 50_000
# Gauss-Seidel passes over the code embeddings after each sweep.
PASSES = 1
# The default number of sweeps is what takes about this long, in nanoseconds
# on two cores of 2024, and lies within these bounds.
BUDGET = 60e9
FEWEST, MOST = 100, 3000


def _residual_start(
    vectors: np.ndarray, K: int, D: int, seed: int
) -> np.ndarray:
    """Returns codes by residual quantisation, each position by k-means."""
    codes: np.ndarray = np.empty((len(vectors), D), code_dtype(K))
    rest = vectors
    for j in range(D):
        labels, centres = kmeans(
            rest, K, seed + j, iterations=5, swaps=0, sample=1000 + 10 * K
        )
        codes[:, j] = labels
        rest = rest - centres[labels]
    return codes


def _default_iterations(N: int, d: int, K: int, D: int) -> int:
    """Returns the number of sweeps that takes about `BUDGET`."""
    sweep = N * D * (60 + 1.5 * d + K * (1 + 0.05 * d))
    # A small table is fitted well soon, and should not take a minute.
    most = np.clip(0.3 * N, 3 * FEWEST, MOST)
    return int(np.clip(BUDGET / sweep, FEWEST, most))


def fit_additive(
    vectors: np.ndarray,
    K: int,
    D: int,
    seed: int = 0,
    iterations: int | None = None,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Learns additive codes: row i is `sum_j code_embeddings[j, codes[i, j]]`.

    1. Start: residual quantisation, then two rounds of descent, whose error
       sets the temperatures.
    2. Anneal: Gibbs sweeps over the codes at a falling temperature, and a
       step towards the least squares code embeddings after each.
    3. Reheat: short annealings, of which each row keeps what made it better,
       and a step of the code embeddings after each.
    4. Descend: coordinate descent and least squares, until nothing changes.

    Args:
        vectors: float `(N, d)`.
        K: values of a position, at most N.
        D: positions.
        seed: decides every random choice.
        iterations: sweeps of steps 2 and 3, half each; time grows with it.
            None: as many as take about a minute at N = 10,000.
        progress: called with (share done, error so far).

    Returns:
        Codes, uint8 or uint16 `(N, D)`, and code embeddings, float32
        `(D, K, d)`.
    """
    if D == 1:
        labels, centres = kmeans(vectors, K, seed)
        return labels[:, None].astype(code_dtype(K)), centres[None]
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
    start = codes, tables, errors = _descend(rows, codes, tables, noise, 2)
    unit = float(errors.mean()) / rows.shape[1]
    if iterations is None:
        iterations = _default_iterations(len(rows), rows.shape[1], K, D)
    reheats = iterations // 2 // REHEAT_SWEEPS
    sweeps = iterations - reheats * REHEAT_SWEEPS
    hot = HOT * np.sqrt(D)
    for step, t in enumerate(falling(unit * hot, unit * COLD, sweeps)):
        codes, errors = search_codes(rows, codes, tables, [t], noise, step)
        tables = improve_code_embeddings(rows, codes, tables, PASSES)
        if progress:
            done = step / iterations
            progress(done, float(errors.mean()) * scale**2)
    codes, tables, errors = _descend(rows, codes, tables, noise, 2)
    for step in range(reheats):
        unit = float(errors.mean()) / rows.shape[1]
        codes, _ = improve_codes(
            rows, codes, errors, tables, unit, noise, [step, seed]
        )
        tables = improve_code_embeddings(rows, codes, tables, 2 * PASSES)
        errors = _errors(rows, codes, tables)
        if progress:
            done = (sweeps + step * REHEAT_SWEEPS) / iterations
            progress(done, float(errors.mean()) * scale**2)
    best = _descend(rows, codes, tables, noise, 10)
    if start[2].mean() < best[2].mean():  # so few iterations, or so few rows
        best = _descend(rows, *start[:2], noise, 10)
    codes, tables, errors = best
    if progress:
        progress(1.0, float(errors.mean()) * scale**2)
    return codes, (tables * scale + mean / D).astype(np.float32)


def _descend(
    rows: np.ndarray,
    codes: np.ndarray,
    tables: np.ndarray,
    noise: np.ndarray,
    rounds: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Alternates coordinate descent and least squares until nothing changes.

    Returns:
        Codes, code embeddings and squared errors, `(N,)`.
    """
    K = tables.shape[1]
    for step in range(rounds):
        before = codes
        codes, _ = search_codes(rows, codes, tables, [0, 0], noise, step)
        tables = fit_code_embeddings(rows, codes, K)
        if np.array_equal(before, codes):
            break
    return codes, tables, _errors(rows, codes, tables)


def _errors(
    rows: np.ndarray, codes: np.ndarray, tables: np.ndarray
) -> np.ndarray:
    gap = rows - decode_additive(codes, tables)
    return np.einsum("nd,nd->n", gap, gap)


def encode_additive(
    vectors: np.ndarray,
    code_embeddings: np.ndarray,
    codes: np.ndarray | None = None,
    seed: int = 0,
    iterations: int = 80,
    progress: Progress | None = None,
) -> np.ndarray:
    """Finds codes of vectors under fixed code embeddings.

    The short annealings of `fit_additive`, block by block, so that memory
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
    out: np.ndarray = np.empty((len(vectors), D), code_dtype(K))
    total, step = 0.0, 1 << 14
    for start in range(0, len(vectors), step):
        part = slice(start, start + step)
        rows = (vectors[part] - means.sum(axis=0)) / scale
        rows = rows.astype(np.float32)
        first = np.zeros((len(rows), D), out.dtype)
        if codes is not None:
            first[:] = codes[part]
        best, errors = search_codes(rows, first, tables, [0], noise, seed)
        # Not lower with the errors: where vectors are exact sums, the last
        # rows to be found would be left cold.
        unit = float(errors.mean()) / d
        for step in range(max(1, iterations // REHEAT_SWEEPS)):
            best, errors = improve_codes(
                rows, best, errors, tables, unit, noise, [step, seed]
            )
        out[part] = best
        total += float(errors.sum()) * scale**2
        if progress:
            done = min(start + step, len(vectors))
            progress(done / len(vectors), total / done)
    return out
