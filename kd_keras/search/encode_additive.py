"""Codes of vectors for fixed code embeddings, for the linear composition.

References:
    Babenko & Lempitsky, "Additive quantization for extreme vector
    compression", CVPR 2014, section 3 (beam search). For the annealing, see
    `methods.annealing`.
"""

import numpy as np

from kd_keras.codes.checks import code_dtype
from kd_keras.search import shards
from kd_keras.search.effort import check_effort
from kd_keras.search.methods.additive_sum import by_length, typical_error
from kd_keras.search.methods.annealing import (
    better_rows,
    choose_heat,
    improve_codes,
    search_codes,
)
from kd_keras.search.methods.beam_search import beam_codes
from kd_keras.search.methods.sweeps import gumbel_noise
from kd_keras.utils.cores import one_blas_thread
from kd_keras.utils.row_blocks import row_blocks

# Number of short annealings if codes are given, and if a beam search finds
# them. results/codebooks_ablation.json has the errors for other numbers.
REHEATS, REHEATS_AFTER_BEAM = 16, 4
ENCODING_BEAM, LEAST_BEAM, MOST_BEAM = 64, 16, 256
# Number of rows on which two ways to search are compared.
TRIED_ROWS = 500
# For larger shifts, in units of the largest code embedding, float32 is too
# coarse.
LARGEST_SHIFT = 1e4


@one_blas_thread()
def encode_additive(
    vectors: np.ndarray,
    code_embeddings: np.ndarray,
    codes: np.ndarray | None = None,
    seed: int = 0,
    effort: float = 1.0,
    lengths: np.ndarray | None = None,
) -> np.ndarray:
    """Finds codes of vectors for fixed code embeddings.

    Runs a beam search if no codes are given, and then the short annealings of
    `fit_additive`. It works block by block, so memory does not grow with N.
    The codes of a block depend on nothing outside the block.

    Args:
        vectors: array of float, shape `(N, d)`. A memory map is read block by
            block.
        code_embeddings: array of float32, shape `(D, K, d)`.
        codes: array of int, shape `(N, D)`, or None. Codes to improve: a row
            keeps its code if the search finds no better one.
        seed: int. Seed of all random choices.
        effort: float, 0 to 1,000. Number of partial codes in the beam search
            (from 16 to 256) and number of short annealings, in units of the
            defaults.
        lengths: array of int, shape `(N,)`, or None. Number of positions of
            each row's code, at the other positions it has the value 0; None
            if all have D. The vectors are then in memory.

    Returns:
        array of uint8 or uint16, shape `(N, D)`.
    """
    check_effort(effort)
    D, K, d = code_embeddings.shape
    if lengths is not None:
        short: np.ndarray = np.zeros((len(vectors), D), code_dtype(K))
        for some, rests, used in by_length(vectors, code_embeddings, lengths):
            if (length := len(used)) > 0:
                given = None if codes is None else codes[some, :length]
                short[some, :length] = encode_additive(
                    rests, used, given, seed, effort
                )
        return short
    noise = gumbel_noise(seed)
    # Every code uses one value per position, so the positions' means can be
    # subtracted from the vectors. That makes float32 safe.
    means = code_embeddings.mean(axis=1, dtype=np.float64)
    tables = code_embeddings - means[:, None]
    scale = np.abs(tables).max(initial=0) or 1.0
    tables = (tables / scale).astype(np.float32)
    shifts = _beam_shifts(means / scale)
    reheats = REHEATS_AFTER_BEAM if codes is None else REHEATS
    beam = int(np.clip(effort * ENCODING_BEAM, LEAST_BEAM, MOST_BEAM))
    out: np.ndarray = np.zeros((len(vectors), D), code_dtype(K))
    for part in row_blocks(len(vectors), shards.ENCODED_ROWS):
        rows = vectors[part] - means.sum(axis=0)
        rows /= scale
        rows = rows.astype(np.float32)
        given = (out if codes is None else codes)[part].astype(out.dtype)
        best, errors = search_codes(rows, given, tables, [0], noise, seed)
        if codes is None:
            some = rows[:: -(-len(rows) // TRIED_ROWS)]
            shift = min(
                shifts,
                key=lambda shift: _error(
                    some, _shifted_beam(some, tables, shift), tables, noise
                ),
            )
            given = _shifted_beam(rows, tables, shift, beam)
            found = search_codes(rows, given, tables, [0], noise, seed)
            best, errors = better_rows(best, errors, *found)
        # Do not lower it with the errors: if vectors are exact sums, the last
        # rows to be found would be left cold.
        hot = typical_error(errors) / d
        hot *= choose_heat(rows, best, errors, tables, noise, seed)
        for reheat in range(max(1, round(effort * reheats))):
            best, errors = improve_codes(
                rows, best, errors, tables, hot, noise, [reheat, seed]
            )
        out[part] = best
    return out


def _beam_shifts(means: np.ndarray) -> list[np.ndarray]:
    """Returns shifts of the positions' code embeddings to try in a beam search.

    Any shift is possible, since the vectors are shifted by the sum. But in a
    beam search each position should code the remainder of the previous
    positions. Code embeddings of `fit_codebooks` do so as they are, except for
    the mean of the first position. Those of `fit_additive`, which share the
    table's mean, do so better around zero.

    Args:
        means: array of float, shape `(D, d)`. The means of the positions' code
            embeddings.

    Returns:
        list of arrays, shape `(D, d)`, to add to the code embeddings without
        these means.
    """
    around_zero = np.zeros_like(means, np.float32)
    as_given = means.astype(np.float32)
    as_given[0] = 0
    if np.abs(as_given).max() > LARGEST_SHIFT or not as_given.any():
        return [around_zero]
    return [as_given, around_zero]


def _shifted_beam(
    rows: np.ndarray, tables: np.ndarray, shift: np.ndarray, *beam: int
) -> np.ndarray:
    return beam_codes(rows + shift.sum(axis=0), tables + shift[:, None], *beam)


def _error(
    rows: np.ndarray, codes: np.ndarray, tables: np.ndarray, noise: np.ndarray
) -> float:
    """Returns the median squared error after descent from these codes."""
    # Not the mean, which a few outliers dominate if there are few rows.
    _, errors = search_codes(rows, codes, tables, [0], noise, 0)
    return float(np.median(errors))
