"""Search of additive codes for fixed code embeddings, by annealing.

The code of one row is the state of a small Markov random field: D positions
with K values each, every pair of which interacts through the inner product of
its code embeddings. Coordinate descent (iterated conditional modes) stops in
the first state that no single change improves. Here each position is redrawn,
given the others, from softmax(-squared error / T), and T falls: Gibbs
sampling with simulated annealing. At T = 0 it is coordinate descent.

References:
    Geman & Geman, "Stochastic relaxation, Gibbs distributions, and the
    Bayesian restoration of images", 1984.
    Babenko & Lempitsky, "Additive quantization for extreme vector
    compression", CVPR 2014 (the random field).
    Martinez, Zakhmi, Hoos & Little, "LSQ++", ECCV 2018 (noise that falls with
    time helps additive codes; theirs is on vectors or codebooks).
"""

import numpy as np

from kd_keras.search.methods.additive_sum import by_length, typical_error
from kd_keras.search.methods.sweeps import ScoringTables
from kd_keras.utils.cores import spread

# Largest numbers of rows, and of scores of one position (rows times K), that
# are searched together. They must not depend on the machine, or the same seed
# would lead to different codes there. With fewer rows, numpy's calls are so
# short that threads wait for each other between them: with 1,024 rows
# (K = D = 16) two threads take longer than one.
ROWS = 5000
BLOCK_SCORES = 1 << 19
# A short annealing from codes that are already good: its number of sweeps, the
# factor by which the temperature falls, and the first temperatures to choose
# from, in units of the squared error per dimension. `choose_heat` chooses the
# best for the given rows. The highest is needed with few positions and long
# code embeddings.
REHEAT_SWEEPS, COOLING = 10, 25
HEATS = (4.0, 8.0, 16.0, 32.0, 64.0)
# Number of rows on which heats are compared, and of short annealings for each.
HEAT_ROWS, HEAT_TRIALS = 1000, 3


def search_codes(
    vectors: np.ndarray,
    codes: np.ndarray,
    code_embeddings: np.ndarray,
    temperatures: list[float],
    noise: np.ndarray,
    seed: int | list[int],
    lengths: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Sweeps over all positions of all rows, once for each temperature.

    Args:
        vectors: array of float32, shape `(N, d)`.
        codes: array of int, shape `(N, D)`. The codes to start from.
        code_embeddings: array of float32, shape `(D, K, d)`. Not changed.
        temperatures: list of float, in units of the squared error. 0 is
            coordinate descent, which never makes a row worse.
        noise: array of float32. See `gumbel_noise`.
        seed: int or list of int. Seed of the draws. All blocks of rows use the
            same draws, so that with the same number of rows, the codes of a
            block do not depend on its place among them.
        lengths: array of int, shape `(N,)`, or None. Number of positions of
            each row's code, at the other positions it has the value 0; None
            if all have D.

    Returns:
        `(codes, errors)`: array of int, same shape and dtype as `codes`, and
        squared errors, array of float32, shape `(N,)`.
    """
    if lengths is not None:
        new_codes = np.zeros_like(codes)
        errors = np.empty(len(vectors), np.float32)
        for some, rests, used in by_length(vectors, code_embeddings, lengths):
            if not len(used):
                errors[some] = np.einsum("nd,nd->n", rests, rests)
                continue
            new_codes[some, : len(used)], errors[some] = search_codes(
                rests, codes[some, : len(used)], used, temperatures, noise, seed
            )
        return new_codes, errors
    K = code_embeddings.shape[1]
    most = int(np.clip(BLOCK_SCORES // K, 16, ROWS))
    # Blocks of nearly equal size and an even number of them, for two threads.
    blocks = max(1, -(-len(vectors) // most))
    if blocks > 1:
        blocks += blocks % 2
    rows = max(1, -(-len(vectors) // blocks))

    def search(start: int) -> None:
        part = slice(start, start + rows)
        block = tables.block(vectors[part], codes[part])
        rng = np.random.default_rng(seed)
        for temperature in temperatures:
            block.sweep(temperature, noise, rng)
        new_codes[part] = block.codes.T
        errors[part] = block.errors()

    tables = ScoringTables(code_embeddings, len(vectors), len(temperatures))
    new_codes = np.empty_like(codes)
    errors = np.empty(len(vectors), np.float32)
    spread(search, range(0, len(vectors), rows))
    return new_codes, errors


def improve_codes(
    vectors: np.ndarray,
    codes: np.ndarray,
    errors: np.ndarray,
    code_embeddings: np.ndarray,
    hot: float,
    noise: np.ndarray,
    seed: int | list[int],
    lengths: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Heats and cools the codes, and keeps the rows that improved.

    This is iterated local search as in LSQ, with a short annealing instead of
    a random perturbation.

    Args:
        vectors: array of float32, shape `(N, d)`.
        codes: array of int, shape `(N, D)`.
        errors: array of float32, shape `(N,)`. Squared errors of these codes.
        code_embeddings: array of float32, shape `(D, K, d)`. Not changed.
        hot: float. First temperature, in units of the squared error.
        noise: array of float32. See `gumbel_noise`.
        seed: int or list of int. Seed of the draws.
        lengths: array of int, shape `(N,)`, or None. See `search_codes`.

    Returns:
        `(codes, errors)`, with the shapes of the arguments. No row's error is
        higher than before.
    """
    found, new_errors = search_codes(
        vectors,
        codes,
        code_embeddings,
        [*falling(hot, hot / COOLING, REHEAT_SWEEPS - 1), 0],
        noise,
        seed,
        lengths,
    )
    return better_rows(codes, errors, found, new_errors)


def better_rows(
    codes: np.ndarray,
    errors: np.ndarray,
    new_codes: np.ndarray,
    new_errors: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the better of two codes for each row, and its error."""
    better = new_errors < errors
    return (
        np.where(better[:, None], new_codes, codes),
        np.where(better, new_errors, errors),
    )


def choose_heat(
    vectors: np.ndarray,
    codes: np.ndarray,
    errors: np.ndarray,
    code_embeddings: np.ndarray,
    noise: np.ndarray,
    seed: int,
    lengths: np.ndarray | None = None,
) -> float:
    """Finds the first temperature from which `improve_codes` gains most.

    Args:
        vectors: array of float32, shape `(N, d)`. Some of them are tried.
        codes: array of int, shape `(N, D)`.
        errors: array of float32, shape `(N,)`. Squared errors of these codes.
        code_embeddings: array of float32, shape `(D, K, d)`.
        noise: array of float32. See `gumbel_noise`.
        seed: int. Seed of the draws.
        lengths: array of int, shape `(N,)`, or None. See `search_codes`.

    Returns:
        float. One of `HEATS`, to be multiplied by the typical squared error
        per dimension.
    """
    some = slice(None, None, -(-len(vectors) // HEAT_ROWS))
    rows, given, before = vectors[some], codes[some], errors[some]
    short = None if lengths is None else lengths[some]
    unit = typical_error(before) / vectors.shape[1]
    if unit == 0:  # nothing is left to gain
        return HEATS[0]
    found = []
    for heat in HEATS:
        best, after = given, before
        for trial in range(HEAT_TRIALS):
            best, after = improve_codes(
                rows,
                best,
                after,
                code_embeddings,
                heat * unit,
                noise,
                [trial, seed],
                short,
            )
        found.append(float(after.mean()))
    return HEATS[int(np.argmin(found))]


def falling(hot: float, cold: float, steps: int) -> list[float]:
    """Returns `steps` temperatures that fall by a constant factor."""
    if hot <= 0:  # no error is left to reduce
        return []
    return (hot * (cold / hot) ** np.linspace(0, 1, steps)).tolist()
