"""Codes of vectors under fixed code embeddings, for the linear composition.

References:
    Babenko & Lempitsky, "Additive quantization for extreme vector
    compression", CVPR 2014, section 3 (beam search); for the annealing see
    `additive_search`.
"""

import numpy as np

from kd_keras.codes.checks import code_dtype
from kd_keras.search import shards
from kd_keras.search.effort import check_effort
from kd_keras.search.methods.additive_sum import typical_error
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

# Short annealings of a row whose code is known, and of one whose code the beam
# search finds. results/codebooks_ablation.json has the error of other numbers.
REHEATS, REHEATS_AFTER_BEAM = 16, 8
ENCODING_BEAM, LEAST_BEAM, MOST_BEAM = 64, 16, 256
# Rows on which two ways to search are compared.
TRIED_ROWS = 500
# Beyond this, in units of the largest code embedding, float32 is too coarse.
LARGEST_SHIFT = 1e4


@one_blas_thread()
def encode_additive(
    vectors: np.ndarray,
    code_embeddings: np.ndarray,
    codes: np.ndarray | None = None,
    seed: int = 0,
    effort: float = 1.0,
) -> np.ndarray:
    """Finds codes of vectors under fixed code embeddings.

    A beam search where no codes are given, then the short annealings of
    `fit_additive`, block by block, so that memory does not grow with N. A
    block's codes depend on nothing outside of it.

    Args:
        vectors: float `(N, d)`; a memory map is read block by block.
        code_embeddings: float32 `(D, K, d)`.
        codes: integer `(N, D)`, or None. Codes to be improved: a row keeps
            its own if the search finds nothing better.
        seed: decides every random choice.
        effort: partial codes of the beam search, within 16 to 256, and short
            annealings, in units of the default.

    Returns:
        Codes, uint8 or uint16 `(N, D)`.
    """
    check_effort(effort)
    D, K, d = code_embeddings.shape
    noise = gumbel_noise(seed)
    # Every code uses one value of each position: move the positions' means
    # into the vectors, so that float32 is safe.
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
        # Not lower with the errors: where vectors are exact sums, the last
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
    """Gives what may be added to the positions' code embeddings for a beam.

    Only their sum is given, but a beam search wants each position to code what
    those before it have left. Those of `fit_codebooks` do as they are, but for
    the first position's mean; those of `fit_additive`, which share the table's
    mean, do so better around zero.

    Args:
        means: float `(D, d)`, of the positions' code embeddings.

    Returns:
        Arrays `(D, d)`, to be added to code embeddings without these means.
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
    """Tells the usual squared error after descent from these codes."""
    # Not the mean: of few rows it is what some outliers make it.
    _, errors = search_codes(rows, codes, tables, [0], noise, 0)
    return float(np.median(errors))
