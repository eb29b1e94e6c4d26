"""The directions that hold most of the vectors' squared length.

References:
    Halko, Martinsson & Tropp, "Finding structure with randomness", SIAM Review
    2011, algorithm 4.4 (subspace iteration).
"""

import numpy as np

from kd_keras.search.methods.weighted_rows import Weights
from kd_keras.utils.row_blocks import row_blocks, rows_at_a_time
from kd_keras.vectors.row_sums import weighted_squares

# Beyond this d, and for up to half of the directions, they are found nearly, by
# subspace iteration: decomposing a matrix of 8,960 x 8,960 takes many minutes.
EXACT_DIM, FEW = 1024, 0.5
ITERATIONS, SPARE = 6, 32
FLOATS = 1 << 22  # numbers at a time


def strong_directions(
    vectors: np.ndarray, count: int, weights: Weights = None, seed: int = 0
) -> tuple[np.ndarray, float]:
    """Finds the subspace that holds most of the vectors' squared length.

    Args:
        vectors: array of float32, shape `(N, d)`.
        count: int, at most d. Number of directions.
        weights: array of float32, shape `(N,)`, or None. How many times each
            vector counts; the mean of all is 1.
        seed: int. Seed of the start of the iteration.

    Returns:
        `(H, outside)`: array of float32, shape `(count, d)`, orthonormal rows,
        the strongest first; and the mean squared length outside of them.
    """
    N, d = vectors.shape
    shares = np.ones(N, np.float32) if weights is None else weights
    if d <= EXACT_DIM or count > FEW * d:
        squares = weighted_squares(vectors, shares)
        strengths, directions = np.linalg.eigh(squares)  # weakest first
        H = directions[:, ::-1].T[:count].astype(np.float32)
        return H, float(strengths[: d - count].sum() / N)
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(d, count + SPARE)).astype(np.float32)
    for _ in range(ITERATIONS):
        image = vectors @ found
        found, _ = np.linalg.qr(vectors.T @ (shares[:, None] * image))
    inside = weighted_squares(vectors @ found, shares)
    _, turn = np.linalg.eigh(inside)  # weakest first
    H = (found @ turn[:, ::-1][:, :count].astype(np.float32)).T
    outside = 0.0
    for rows in row_blocks(N, rows_at_a_time(d, N, FLOATS)):
        gap = vectors[rows] - vectors[rows] @ H.T @ H
        outside += float(np.einsum("nd,nd->n", gap, gap) @ shares[rows])
    return np.ascontiguousarray(H), outside / N
