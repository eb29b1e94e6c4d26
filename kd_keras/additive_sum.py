"""Sums of code embeddings: what additive codes stand for."""

import numpy as np


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
