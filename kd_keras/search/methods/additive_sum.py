"""Sums of code embeddings, which additive codes represent."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from kd_keras.search.methods.weighted_rows import Weights, weighted_mean

# Errors are limited to FAR times their NEAR_SHARE quantile, since larger ones
# are outliers. If that quantile is nearly zero, relative to the mean, rows are
# exact sums; the larger errors are then rows whose codes are still to be found.
FAR, NEAR_SHARE, EXACT = 20, 0.99, 1e-9


class Solution(NamedTuple):
    """Additive codes of a table, and what they are worth.

    Attributes:
        codes: array of int, shape `(N, D)`.
        tables: array of float32, shape `(D, K, d)`. The code embeddings.
        errors: array of float32, shape `(N,)`. The squared error of each row.
        weights: array of float32, shape `(N,)`, or None. How many times each
            row counts.
        lengths: array of int, shape `(N,)`, or None. See `search_codes`.
    """

    codes: np.ndarray
    tables: np.ndarray
    errors: np.ndarray
    weights: Weights = None
    lengths: np.ndarray | None = None

    @property
    def mean_error(self) -> float:
        """The squared error, averaged over the rows."""
        return weighted_mean(self.errors, self.weights)


def decode_additive(
    codes: np.ndarray, code_embeddings: np.ndarray
) -> np.ndarray:
    """Adds up the code embeddings selected by the codes.

    Args:
        codes: array of int, shape `(N, D)`.
        code_embeddings: array of float32, shape `(D, K, d)`.

    Returns:
        array of float32, shape `(N, d)`:
        `sum_j code_embeddings[j, codes[:, j]]`.
    """
    shape = (len(codes), code_embeddings.shape[2])
    out = np.zeros(shape, np.float32)
    for j, table in enumerate(code_embeddings):
        out += table.take(codes[:, j], axis=0)
    return out


def by_length(
    vectors: np.ndarray, code_embeddings: np.ndarray, lengths: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Groups rows whose codes have the same number of positions.

    Args:
        vectors: array of float, shape `(N, d)`.
        code_embeddings: array of float32, shape `(D, K, d)`.
        lengths: array of int, shape `(N,)`. At the positions from there on, a
            code has the value 0.

    Yields:
        `(rows, rests, tables)`: row numbers, `(n,)`; their vectors without the
        code embeddings of those zeros, `(n, d)`; and the code embeddings of
        the other positions, `(length, K, d)`.
    """
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        constant = code_embeddings[length:, 0].sum(axis=0)
        yield rows, vectors[rows] - constant, code_embeddings[:length]


def additive_errors(
    vectors: np.ndarray, codes: np.ndarray, code_embeddings: np.ndarray
) -> np.ndarray:
    """Computes the squared error of each row.

    Args:
        vectors: array of float32, shape `(N, d)`.
        codes: array of int, shape `(N, D)`.
        code_embeddings: array of float32, shape `(D, K, d)`.

    Returns:
        array of float32, shape `(N,)`.
    """
    gap = vectors - decode_additive(codes, code_embeddings)
    return np.einsum("nd,nd->n", gap, gap)


def typical_error(errors: np.ndarray) -> float:
    """Returns the mean squared error of rows, with far outliers limited.

    It is the unit of a search's first temperature and of its noise. With the
    plain mean, a single row a thousand times as long as the others would make
    the codes of all other rows random.

    Args:
        errors: array of float, shape `(N,)`. Squared errors.

    Returns:
        float.
    """
    near = np.quantile(errors, NEAR_SHARE)
    if near < EXACT * errors.mean():
        return float(errors.mean())
    return float(np.minimum(errors, FAR * near).mean())
