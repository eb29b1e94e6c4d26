"""Sums of code embeddings: what additive codes stand for."""

from typing import NamedTuple

import numpy as np

# An outlier's error counts as this many times that which so many rows have at
# most. Where that is next to nothing the rows are exact sums, and the others
# are those whose codes are still to be found, not outliers.
FAR, NEAR_SHARE, EXACT = 20, 0.99, 1e-9


class Solution(NamedTuple):
    """Additive codes of a table, and what they are worth.

    Attributes:
        codes: array of int, shape `(N, D)`.
        tables: array of float32, shape `(D, K, d)`. The code embeddings.
        errors: array of float32, shape `(N,)`. The squared error of each row.
    """

    codes: np.ndarray
    tables: np.ndarray
    errors: np.ndarray

    @property
    def mean_error(self) -> float:
        """The squared error, averaged over the rows."""
        return float(self.errors.mean())


def decode_additive(
    codes: np.ndarray, code_embeddings: np.ndarray
) -> np.ndarray:
    """Adds up the code embeddings that the codes name.

    Args:
        codes: integer `(N, D)`.
        code_embeddings: float32 `(D, K, d)`.

    Returns:
        float32 `(N, d)`: `sum_j code_embeddings[j, codes[:, j]]`.
    """
    shape = (len(codes), code_embeddings.shape[2])
    out = np.zeros(shape, np.float32)
    for j, table in enumerate(code_embeddings):
        out += table.take(codes[:, j], axis=0)
    return out


def additive_errors(
    vectors: np.ndarray, codes: np.ndarray, code_embeddings: np.ndarray
) -> np.ndarray:
    """Gives the squared error of each row, float32 `(N,)`."""
    gap = vectors - decode_additive(codes, code_embeddings)
    return np.einsum("nd,nd->n", gap, gap)


def typical_error(errors: np.ndarray) -> float:
    """Returns the mean squared error of rows, a few far outliers aside.

    How hot a search begins and how large its noise is are told in units of
    it: those of one row with a thousand times the others' length would leave
    the codes of all others to chance.

    Args:
        errors: float `(N,)`, squared.
    """
    near = np.quantile(errors, NEAR_SHARE)
    if near < EXACT * errors.mean():
        return float(errors.mean())
    return float(np.minimum(errors, FAR * near).mean())
