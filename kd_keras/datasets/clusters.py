"""The synthetic clusters of the paper's Figure 3."""

import numpy as np

CLUSTERS, DIM = 100, 10
# Standard deviation of the centres, in units of the noise: well separated.
SPREAD = 5


def make_clusters(
    seed: int, points: int = 10_000
) -> tuple[np.ndarray, np.ndarray]:
    """Draws points around 100 centres in ten dimensions.

    The centres are drawn from a normal distribution with standard deviation 5,
    and the points around them with standard deviation 1. The paper gives the
    numbers of points, clusters and dimensions, but not the spread.

    Args:
        seed: int. Seed of all draws.
        points: int. Number of points.

    Returns:
        The points, float32, shape `(points, 10)`, and the cluster of each
        point, int64, shape `(points,)`.

    Example:

    >>> points, labels = make_clusters(seed=0, points=500)
    >>> points.shape, labels.shape, int(labels.max()) < CLUSTERS
    ((500, 10), (500,), True)

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067),
        Figure 3 (c) and (d).
    """
    rng = np.random.default_rng(seed)
    centres = SPREAD * rng.normal(size=(CLUSTERS, DIM))
    labels = rng.integers(CLUSTERS, size=points)
    vectors = centres[labels] + rng.normal(size=(points, DIM))
    return vectors.astype(np.float32), labels
