"""Code embeddings for rows that come later, found by beam search.

`fit_additive` searches codes and code embeddings together for a long time.
Other rows get no such search, and their codes fit its code embeddings badly.
Here every row is encoded again in each round, as later rows will be, by beam
search and a few short annealings; then the code embeddings take one step. They
keep the structure of residual quantisation, in which each position codes the
remainder of the previous positions, as a beam search needs.

References:
    Liu, Shao & Lu, "Generalized residual vector quantization for large scale
    data", 2016 (residual code embeddings that are improved in turns, with
    codes from a beam search).
"""

import numpy as np

from kd_keras.search.effort import check_effort
from kd_keras.search.encode_additive import encode_additive
from kd_keras.search.fit_additive import fit_additive, standardised
from kd_keras.search.methods.additive_sum import additive_errors
from kd_keras.search.methods.beam_start import beam_start
from kd_keras.search.methods.least_squares import improve_code_embeddings
from kd_keras.search.methods.weighted_rows import Weights, weighted_mean
from kd_keras.utils.cores import one_blas_thread
from kd_keras.utils.progress_bar import Progress

# Number of rounds, and the `effort` of the encoding in each.
ROUNDS, ROUND_EFFORT = 6, 0.25


@one_blas_thread()
def fit_codebooks(
    vectors: np.ndarray,
    K: int,
    D: int,
    seed: int = 0,
    effort: float = 1.0,
    progress: Progress | None = None,
    weights: Weights = None,
    lengths: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Learns additive code embeddings for these rows and others like them.

    Args:
        vectors: array of float, shape `(N, d)`.
        K: int, at most N. Number of values per position.
        D: int. Number of positions.
        seed: int. Seed of all random choices.
        effort: float, 0 to 1,000. Number of rounds, in units of the default.
        progress: callable or None. Called with the fraction done and the error
            so far.
        weights: array of float32, shape `(N,)`, positive, or None. How many
            times the error of each row counts; the mean of all is 1.
        lengths: array of int, shape `(N,)`, or None. See `fit_additive`.

    Returns:
        `(codes, code_embeddings)`: array of uint8 or uint16, shape `(N, D)`,
        and array of float32, shape `(D, K, d)`.
    """
    check_effort(effort)
    if D == 1:
        return fit_additive(
            vectors, K, D, seed, effort, progress, weights, lengths
        )
    rows, mean, scale = standardised(vectors)

    def tell(done: float, error: float) -> None:
        if progress:
            progress(done, error * scale**2)

    _, tables = beam_start(
        rows, K, D, seed, lambda s, e: tell(0.2 * s, e), weights, lengths
    )
    rounds = max(1, round(effort * ROUNDS))
    for done in range(rounds):
        codes = encode_additive(
            rows, tables, None, seed + done, ROUND_EFFORT, lengths
        )
        tables = improve_code_embeddings(rows, codes, tables, 1, weights)
        errors = additive_errors(rows, codes, tables)
        error = weighted_mean(errors, weights)
        tell(0.2 + 0.8 * (done + 1) / rounds, error)
    tables = tables.astype(np.float64) * scale
    tables[0] += mean
    return codes, tables.astype(np.float32)
