"""Stochastic relaxation of additive codes: codebooks of rows with noise.

Short annealings find good codes for given code embeddings, and least squares
good code embeddings for given codes, but in turns they soon stop at a pair
that neither improves. Code embeddings fitted to rows with noise, which falls
to zero, leave such pairs.

References:
    Zeger, Vaisey & Gersho, "Globally optimal vector quantizer design by
    stochastic relaxation", IEEE Transactions on Signal Processing 1992.
    Martinez, Zakhmi, Hoos & Little, "LSQ++", ECCV 2018 (for additive codes).
"""

from collections.abc import Callable

import numpy as np

from kd_keras.additive_search import (
    choose_heat,
    improve_codes,
)
from kd_keras.additive_sum import additive_errors
from kd_keras.least_squares import fit_code_embeddings

# The first noise, in units of the root mean square error that the start has;
# it falls with the square root of the rounds that are left.
BLUR = 1.5


def relax(
    rows: np.ndarray,
    codes: np.ndarray,
    tables: np.ndarray,
    errors: np.ndarray,
    noise: np.ndarray,
    rounds: int,
    seed: int,
    tell: Callable[[float, np.ndarray], None],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Searches codes and code embeddings in turns, under falling noise.

    Args:
        rows: float32 `(N, d)`.
        codes: integer `(N, D)`.
        tables: float32 `(D, K, d)`, the code embeddings.
        errors: float32 `(N,)`, squared.
        noise: from `gumbel_noise`.
        rounds: short annealings; more take longer and find better ones.
        seed: decides every random choice.
        tell: called with (share done, squared errors).

    Returns:
        Codes, code embeddings and squared errors. The errors may be higher
        than before where there are few rounds.
    """
    K, d = tables.shape[1:]
    if rounds == 0:
        return codes, tables, errors
    rng = np.random.default_rng([seed, 1])
    unit = float(errors.mean()) / d
    heat = choose_heat(rows, codes, errors, tables, noise, seed)
    variance = rows.var(axis=0)
    blur = BLUR * np.sqrt(variance * unit / max(variance.mean(), 1e-30))
    for step in range(rounds):
        left = float(np.sqrt(1 - (step + 1) / rounds))
        drawn = rng.standard_normal(rows.shape, np.float32)
        tables = fit_code_embeddings(rows + left * blur * drawn, codes, K)
        errors = additive_errors(rows, codes, tables)
        hot = heat * float(errors.mean()) / d
        codes, errors = improve_codes(
            rows, codes, errors, tables, hot, noise, [step, seed]
        )
        tell(step / rounds, errors)
    return codes, tables, errors
