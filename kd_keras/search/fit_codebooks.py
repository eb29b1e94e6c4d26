"""Code embeddings for rows that come later, found by beam search.

`fit_additive` searches codes and code embeddings together for so long that
the codes of other rows, which get no such search, are found badly under its
code embeddings. Here every row is coded anew in each round, as one that comes
later will be, by beam search and a few short annealings, and the code
embeddings take one step. They stay what residual quantisation made them, each
position coding what those before it have left, which a beam search needs.

References:
    Liu, Shao & Lu, "Generalized residual vector quantization for large scale
    data", 2016 (residual code embeddings that are improved in turns, while a
    beam search codes).
"""

import numpy as np

from kd_keras.search.effort import check_effort
from kd_keras.search.encode_additive import encode_additive
from kd_keras.search.fit_additive import fit_additive, standardised
from kd_keras.search.methods.additive_sum import additive_errors
from kd_keras.search.methods.least_squares import improve_code_embeddings
from kd_keras.search.methods.residual_start import residual_start
from kd_keras.utils.cores import one_blas_thread
from kd_keras.utils.progress_bar import Progress

# Rounds, and the `effort` of the encoding in each.
ROUNDS, ROUND_EFFORT = 6, 0.25


@one_blas_thread()
def fit_codebooks(
    vectors: np.ndarray,
    K: int,
    D: int,
    seed: int = 0,
    effort: float = 1.0,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Learns additive code embeddings for these rows and others like them.

    Args:
        vectors: float `(N, d)`.
        K: values of a position, at most N.
        D: positions.
        seed: decides every random choice.
        effort: number of rounds, in units of the default.
        progress: called with (share done, error so far).

    Returns:
        Codes, uint8 or uint16 `(N, D)`, and code embeddings, float32
        `(D, K, d)`.
    """
    check_effort(effort)
    if D == 1:
        return fit_additive(vectors, K, D, seed, effort, progress)
    rows, mean, scale = standardised(vectors)

    def tell(done: float, error: float) -> None:
        if progress:
            progress(done, error * scale**2)

    _, tables = residual_start(
        rows, K, D, seed, lambda s, e: tell(0.2 * s, float(e.mean()))
    )
    rounds = max(1, round(effort * ROUNDS))
    for done in range(rounds):
        codes = encode_additive(rows, tables, None, seed + done, ROUND_EFFORT)
        tables = improve_code_embeddings(rows, codes, tables, 1)
        error = float(additive_errors(rows, codes, tables).mean())
        tell(0.2 + 0.8 * (done + 1) / rounds, error)
    tables = tables.astype(np.float64) * scale
    tables[0] += mean
    return codes, tables.astype(np.float32)
