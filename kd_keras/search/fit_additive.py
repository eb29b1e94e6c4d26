"""Codes and code embeddings of a table for the linear composition, by search.

References:
    Chen, Min & Sun, "Learning K-way D-dimensional discrete code for compact
    embedding representations", 2017, equation 1 (the error minimised here).
    For the search, see `methods.annealing`; for the least squares,
    `methods.least_squares`.
"""

from collections.abc import Callable
from operator import attrgetter

import numpy as np

from kd_keras.codes.checks import code_dtype
from kd_keras.search.effort import check_effort
from kd_keras.search.methods.additive_sum import (
    Solution,
    additive_errors,
    typical_error,
)
from kd_keras.search.methods.annealing import (
    REHEAT_SWEEPS,
    falling,
    search_codes,
)
from kd_keras.search.methods.beam_start import beam_start
from kd_keras.search.methods.kmeans import kmeans
from kd_keras.search.methods.least_squares import (
    DIRECT_UNKNOWNS,
    fit_code_embeddings,
    improve_code_embeddings,
)
from kd_keras.search.methods.relaxation import many_rows, relax
from kd_keras.search.methods.sweeps import gumbel_noise, scoring_time
from kd_keras.search.methods.weighted_rows import Weights, weighted_mean
from kd_keras.utils.cores import one_blas_thread
from kd_keras.utils.progress_bar import Progress

# First and last temperature of the annealing, in units of the start's squared
# error per dimension; the first is multiplied by sqrt(D). At temperature 2 the
# errors look like the noise of the sampling itself: below it, descent is
# better than slower cooling.
HOT, COLD = 2.0, 2.0
# Numbers of sweeps in two trials, whose errors predict that of the full
# annealing, and the predicted error, relative to the start's, below which
# annealing is run. Measured: when the trials predicted 0.87-0.91, annealing
# gave relaxation a far better start; when they predicted 0.99 or more,
# relaxation alone found better codes; at 0.946, annealing was 8 % better on
# GloVe (K = D = 16, effort 0.1). With `many_rows`, relaxation alone is as good
# in half the time (GloVe, K = 32, D = 5).
TRIALS, WORTHWHILE = (20, 60), 0.95
# Gauss-Seidel passes over the code embeddings after each sweep.
PASSES = 1
# The default number of sweeps takes about this long, in nanoseconds on a core
# of 2024, within these bounds.
BUDGET = 150e9
FEWEST, MOST = 100, 10_000


def _default_sweeps(N: int, d: int, K: int, D: int) -> int:
    """Returns the number of sweeps that takes about `BUDGET`."""
    # Drawing values, sums of rows, counts of pairs; a tenth of least squares.
    others = 60 + 1.2 * K + 0.5 * d + 4 * D
    direct = D * K <= DIRECT_UNKNOWNS
    solution = (D * K) ** 3 / 300 if direct else 7 * N * D * d
    sweep = N * D * (scoring_time(D, K, d) + others) + solution
    # A small table is soon fitted well and should not take a minute.
    most = np.clip((N / 100) ** 2, 3 * FEWEST, MOST)
    return int(np.clip(BUDGET / sweep, FEWEST, most))


@one_blas_thread()
def fit_additive(
    vectors: np.ndarray,
    K: int,
    D: int,
    seed: int = 0,
    effort: float = 1.0,
    progress: Progress | None = None,
    weights: Weights = None,
    lengths: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Learns additive codes: row i is `sum_j code_embeddings[j, codes[i, j]]`.

    1. Start: residual quantisation with a beam, then descent.
    2. Anneal: Gibbs sweeps over the codes at a falling temperature, and a
       step towards the least squares code embeddings after each. Two short
       trials predict whether this beats the start; if not, or if there are
       many rows for each code embedding, this step is left out.
    3. Relax: short annealings, after which each row keeps its better code,
       and between them least squares code embeddings with falling noise.
    4. Descend: coordinate descent and least squares, until nothing changes
       or ten rounds are done.

    Args:
        vectors: array of float, shape `(N, d)`.
        K: int, at most N. Number of values per position.
        D: int. Number of positions.
        seed: int. Seed of all random choices.
        effort: float, 0 to 1,000. Number of sweeps, in units of the default,
            which takes one to five minutes on one core at N = 10,000. Steps 2
            and 3 get half each; step 3 gets all if step 2 is left out. It has
            no effect if D = 1.
        progress: callable or None. Called with the fraction done and the error
            so far.
        weights: array of float32, shape `(N,)`, positive, or None. How many
            times the error of each row counts; the mean of all is 1.
        lengths: array of int, shape `(N,)`, or None. Number of positions of
            each row's code, at the other positions it has the value 0; None
            if all have D. At least K rows must have D.

    Returns:
        `(codes, code_embeddings)`: array of uint8 or uint16, shape `(N, D)`,
        and array of float32, shape `(D, K, d)`.

    Raises:
        ValueError: If `effort` is not a number or out of range.
    """
    check_effort(effort)
    if D == 1 and lengths is None:
        labels, centres = kmeans(vectors, K, seed, weights=weights)
        codes, tables = labels[:, None].astype(code_dtype(K)), centres[None]
        if progress:
            errors = additive_errors(vectors, codes, tables)
            progress(1.0, weighted_mean(errors, weights))
        return codes, tables
    rows, mean, scale = standardised(vectors)
    noise = gumbel_noise(seed)

    def tell(done: float, error: float) -> None:
        if progress:
            progress(done, error * scale**2)

    codes, _ = beam_start(
        rows, K, D, seed, lambda s, e: tell(0.2 * s, e), weights, lengths
    )
    tables = fit_code_embeddings(rows, codes, K, weights)
    start = best = _descend(rows, codes, tables, noise, 3, weights, lengths)
    relaxed = 0.2  # share of the work that is done before relaxation
    count = len(rows) if lengths is None else int(lengths.sum()) // D
    sweeps = round(effort * _default_sweeps(count, rows.shape[1], K, D))
    if _promise(rows, start, noise, sweeps // 2) < WORTHWHILE:
        sweeps -= sweeps // 2
        annealed = _anneal(
            rows, start, noise, sweeps, lambda s, e: tell(0.2 + 0.4 * s, e)
        )
        best, relaxed = min(best, annealed, key=attrgetter("mean_error")), 0.6
    codes, tables, *_ = relax(
        rows,
        best,
        noise,
        sweeps // REHEAT_SWEEPS,
        seed,
        lambda s, e: tell(relaxed + (1 - relaxed) * s, e),
    )
    final = _descend(rows, codes, tables, noise, 10, weights, lengths)
    best = min(best, final, key=attrgetter("mean_error"))
    tell(1.0, best.mean_error)
    codes, tables, *_ = best
    return codes, (tables * scale + mean / D).astype(np.float32)


def standardised(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Shifts and scales rows to the range from -1 to 1.

    This makes sums in float32 safe and temperatures comparable.

    Args:
        vectors: array of float, shape `(N, d)`.

    Returns:
        `(rows, mean, scale)`: array of float32, shape `(N, d)`; array of
        float64, shape `(d,)`; float. The vectors are `rows * scale + mean`.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    rows = vectors - mean
    scale = np.abs(rows).max(initial=0) or 1.0
    return (rows / scale).astype(np.float32), mean, scale


def _promise(
    rows: np.ndarray, start: Solution, noise: np.ndarray, sweeps: int
) -> float:
    """Predicts the final error of annealing, relative to the start's.

    The error falls by about the same factor each time the number of sweeps is
    multiplied by the same factor.
    """
    before = start.mean_error
    few, many = TRIALS
    D, K, _ = start.tables.shape
    if before == 0 or sweeps < many or many_rows(len(rows), K, D):
        return 1.0
    worse, better = (
        _anneal(rows, start, noise, n).mean_error / before for n in TRIALS
    )
    return better * (better / max(worse, 1e-30)) ** (
        np.log(sweeps / many) / np.log(many / few)
    )


def _anneal(
    rows: np.ndarray,
    start: Solution,
    noise: np.ndarray,
    sweeps: int,
    tell: Callable[[float, float], None] | None = None,
) -> Solution:
    """Anneals the codes, improving the code embeddings after each sweep."""
    codes, tables, errors, weights, lengths = start
    d = rows.shape[1]
    unit = typical_error(errors) / d
    hot = unit * HOT * np.sqrt(len(tables))
    for step, t in enumerate(falling(hot, unit * COLD, sweeps)):
        codes, errors = search_codes(
            rows, codes, tables, [t], noise, step, lengths
        )
        tables = improve_code_embeddings(rows, codes, tables, PASSES, weights)
        if tell:
            tell(step / sweeps, weighted_mean(errors, weights))
    return _descend(rows, codes, tables, noise, 2, weights, lengths)


def _descend(
    rows: np.ndarray,
    codes: np.ndarray,
    tables: np.ndarray,
    noise: np.ndarray,
    rounds: int,
    weights: Weights,
    lengths: np.ndarray | None,
) -> Solution:
    """Alternates coordinate descent and least squares for some rounds."""
    K = tables.shape[1]
    for step in range(rounds):
        before = codes
        codes, _ = search_codes(
            rows, codes, tables, [0, 0], noise, step, lengths
        )
        tables = fit_code_embeddings(rows, codes, K, weights, tables)
        if np.array_equal(before, codes):
            break
    errors = additive_errors(rows, codes, tables)
    return Solution(codes, tables, errors, weights, lengths)
