"""k-means that avoids poor local optima: greedy start, Lloyd, centre swaps.

References:
    Arthur & Vassilvitskii, "k-means++", SODA 2007 (the start, greedy variant).
    Lloyd, "Least squares quantization in PCM", 1982.
    Kaukoranta, Franti & Nevalainen, "Iterative split-and-merge algorithm for
    VQ codebook generation", 1998 (the swaps).
"""

import numpy as np

from kd_keras.search.methods.weighted_rows import (
    Weights,
    draw_rows,
    pick,
    weighted,
)
from kd_keras.utils.cores import spread

# Distances are computed for this many (row, centre) pairs at a time, so that
# they stay in cache and memory does not grow with N.
PAIRS_PER_BLOCK = 1 << 19
# Distances of all rows to few points are computed for this many floats of rows
# at a time.
FLOATS_PER_BLOCK = 1 << 21
# With more centres than this, the start is K distinct rows and no centres are
# swapped, since the time of a greedy start and of swaps grows with K^2.
MANY = 2048
# A centre that leaves its outliers moves next to another centre: to this
# fraction of the way from that centre to one of its rows.
ASIDE = 0.3
# The start is drawn from this many rows (or 20 * K, if larger), since it needs
# K passes over them.
START_ROWS = 20_000
# This many rows at a time are summed in float32; the partial sums are added in
# float64.
ROWS_PER_SUM = 1 << 15
# If groups have at least this many floats, a product with ones for each group
# is faster than one `reduceat`: up to ten times with few groups.
LARGE_GROUP = 2000


def sum_by_value(
    rows: np.ndarray, labels: np.ndarray, K: int, weights: Weights = None
) -> tuple[np.ndarray, np.ndarray]:
    """Adds up the rows with the same label.

    Args:
        rows: array of float, shape `(N, d)`.
        labels: array of int, shape `(N,)`, in `{0..K-1}`.
        K: int. Number of labels.
        weights: array of float32, shape `(N,)`, or None. How many times each
            row counts.

    Returns:
        `(sums, counts)`: array of float64, shape `(K, d)`, and the number of
        rows with each label, array of int64, shape `(K,)`, or their weight,
        array of float64.
    """
    if weights is not None:
        sums, _ = sum_by_value(rows * weights[:, None], labels, K)
        return sums, np.bincount(labels, weights, minlength=K)
    sums = np.zeros((K, rows.shape[1]))
    counts = np.zeros(K, np.int64)
    for start in range(0, len(rows), ROWS_PER_SUM):
        part = slice(start, start + ROWS_PER_SUM)
        # Stable sorting of uint8 and uint16 is a radix sort, linear in N.
        narrow = labels[part].astype(np.uint8 if K <= 256 else np.uint16)
        order = np.argsort(narrow, kind="stable")
        found = np.bincount(narrow, minlength=K)
        used = np.flatnonzero(found)
        starts = (np.cumsum(found) - found)[used]
        # for i, k in enumerate(labels): sums[k] += rows[i]
        sums[used] += _sum_groups(rows[part].take(order, axis=0), starts)
        counts += found
    return sums, counts


def _sum_groups(rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Adds up the rows from each start to the next, as `reduceat` does."""
    if rows.size < LARGE_GROUP * len(starts):
        return np.add.reduceat(rows, starts, axis=0)
    sums = np.empty((len(starts), rows.shape[1]), rows.dtype)
    ones = np.ones(len(rows), rows.dtype)
    for k, group in enumerate(np.split(rows, starts[1:])):
        np.dot(ones[: len(group)], group, out=sums[k])
    return sums


def nearest(
    vectors: np.ndarray, centres: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the nearest centre of each row.

    Args:
        vectors: array of float32, shape `(N, d)`.
        centres: array of float32, shape `(K, d)`.

    Returns:
        `(labels, distances)`: array of intp, shape `(N,)`, and squared
        distances, array of float32, shape `(N,)`.
    """
    labels = np.empty(len(vectors), np.intp)
    distances = np.empty(len(vectors), np.float32)
    half_norms = 0.5 * np.einsum("kd,kd->k", centres, centres)
    step = max(16, PAIRS_PER_BLOCK // len(centres))
    for start in range(0, len(vectors), step):
        rows = vectors[start : start + step]
        scores = rows @ centres.T
        scores -= half_norms
        best = scores.argmax(axis=1)
        labels[start : start + step] = best
        # Not |x|^2 - 2 x.c + |c|^2, which cancels for rows near a centre.
        gap = rows - centres[best]
        distances[start : start + step] = np.einsum("nd,nd->n", gap, gap)
    return labels, distances


def _distances_to(
    vectors: np.ndarray, lengths: np.ndarray, points: np.ndarray
) -> np.ndarray:
    """Returns squared distances, never negative, shape `(len(points), N)`.

    `lengths` are the squared lengths of the vectors.
    """
    out = np.empty((len(points), len(vectors)), vectors.dtype)
    norms = np.einsum("nd,nd->n", points, points)[:, None]
    step = max(1, FLOATS_PER_BLOCK // vectors.shape[1])

    def compute(start: int) -> None:
        part = slice(start, start + step)
        found = points @ vectors[part].T
        found *= -2
        found += lengths[part]
        found += norms
        np.maximum(found, 0, out=out[:, part])

    spread(compute, range(0, len(vectors), step))
    return out


def _greedy_start(
    vectors: np.ndarray, K: int, rng: np.random.Generator, weights: Weights
) -> np.ndarray:
    """Greedy k-means++: draws a few rows by distance and keeps the best."""
    n = len(vectors)
    trials = 2 + int(np.log(K))
    lengths = np.einsum("nd,nd->n", vectors, vectors)
    chosen = [int(rng.integers(n))]
    closest = _distances_to(vectors, lengths, vectors[chosen])[0]
    closest[chosen[0]] = 0
    while len(chosen) < K:
        cumulated = np.cumsum(weighted(closest, weights), dtype=np.float64)
        if cumulated[-1] <= 0:  # fewer distinct rows than K
            chosen.extend(rng.integers(0, n, K - len(chosen)).tolist())
            break
        draws = rng.random(trials) * cumulated[-1]
        candidates = np.minimum(np.searchsorted(cumulated, draws), n - 1)
        options = _distances_to(vectors, lengths, vectors[candidates])
        np.minimum(options, closest, out=options)
        best = int(weighted(options, weights).sum(axis=1).argmin())
        closest = options[best]
        chosen.append(int(candidates[best]))
        closest[chosen[-1]] = 0
    return vectors[chosen].copy()


def _lloyd(
    vectors: np.ndarray,
    centres: np.ndarray,
    iterations: int,
    weights: Weights,
    least: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns labels, distances and centres after at most `iterations`."""
    labels, distances = nearest(vectors, centres)
    for _ in range(iterations):
        sums, counts = sum_by_value(vectors, labels, len(centres), weights)
        losses = weighted(distances, weights)
        centres = centres.copy()
        used = counts > 0
        centres[used] = sums[used] / counts[used, None]
        # A centre without rows restarts at one of the rows farthest from
        # their centres, so none stays empty while there are enough rows.
        empty = np.flatnonzero(~used)
        if len(empty):
            worst = np.argsort(-losses, kind="stable")[: len(empty)]
            centres[empty[: len(worst)]] = vectors[worst]
        if least > 1:
            _leave_outliers(vectors, labels, losses, centres, least)
        before, (labels, distances) = labels, nearest(vectors, centres)
        if np.array_equal(before, labels):
            break
    return labels, distances, centres


def _leave_outliers(
    vectors: np.ndarray,
    labels: np.ndarray,
    losses: np.ndarray,
    centres: np.ndarray,
    least: int,
) -> None:
    """Moves centres with few rows next to those with the largest error."""
    # Rows, not weights: one heavy row says nothing of rows that come later.
    rows = np.bincount(labels, minlength=len(centres))
    few = np.flatnonzero(rows < least)
    loss = np.bincount(labels, losses, minlength=len(centres))
    loss[few] = 0
    needy = np.argsort(-loss, kind="stable")[: len(few)]
    for spare, centre in zip(few, needy, strict=False):
        served = np.flatnonzero(labels == centre)
        if len(served) >= 2 * least:
            row = vectors[served[len(served) // 2]]
            centres[spare] = centres[centre] + ASIDE * (row - centres[centre])


def _swapped(
    vectors: np.ndarray,
    labels: np.ndarray,
    distances: np.ndarray,
    centres: np.ndarray,
    rng: np.random.Generator,
    weights: Weights,
) -> np.ndarray:
    """Moves the most dispensable centre to a cluster that needs two."""
    K = len(centres)
    counts = np.bincount(labels, weights, minlength=K)
    losses = weighted(distances, weights)
    lengths = np.einsum("kd,kd->k", centres, centres)
    between = _distances_to(centres, lengths, centres).astype(np.float64)
    # Rounding must not decide which centre of a pair is moved.
    between = np.maximum(between, between.T)
    # Merging i into j increases the squared error by n_i n_j / (n_i + n_j)
    # times their squared distance (Ward).
    total = counts[:, None] + counts
    total = np.where(total > 0, total, 1)
    between *= counts[:, None] * counts / total
    np.fill_diagonal(between, np.inf)
    cost = between.min(axis=1)
    spare = int(cost.argmin())
    lost = np.bincount(labels, losses, minlength=K)
    lost[spare] = 0
    lost[between[spare].argmin()] = 0
    if lost.sum() <= 0:
        return centres
    # Wide clusters are by far the likeliest to contain two true clusters.
    needy = int(rng.choice(K, p=lost**2 / (lost**2).sum()))
    likely = np.where(labels == needy, losses, 0).astype(np.float64)
    row = int(rng.choice(len(vectors), p=likely / likely.sum()))
    centres = centres.copy()
    centres[spare] = vectors[row]
    return centres


def kmeans(
    vectors: np.ndarray,
    K: int,
    seed: int = 0,
    iterations: int = 100,
    swaps: int = 30,
    least: int = 1,
    weights: Weights = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Clusters rows by greedy k-means++, Lloyd steps and centre swaps.

    Args:
        vectors: array of float32, shape `(N, d)`.
        K: int, at most N. Number of centres.
        seed: int. Seed of all random choices.
        iterations: int. Largest number of consecutive Lloyd steps.
        swaps: int. Number of consecutive swaps without improvement after which
            to stop; 0 for only the start and Lloyd steps.
        least: int. Number of rows that a centre must have. A centre with fewer
            rows belongs to outliers and is of no use to rows that come later,
            so it moves to a cluster with a large error. After the last step
            some centres may have fewer rows.
        weights: array of float32, shape `(N,)`, or None. How many times each
            row counts.

    Returns:
        `(labels, centres)`: array of intp, shape `(N,)`, and array of float32,
        shape `(K, d)`. Every centre has rows, unless there are fewer than K
        distinct rows.
    """
    rng = np.random.default_rng(seed)
    original = np.asarray(vectors, np.float32)
    mean = original.mean(axis=0, dtype=np.float64).astype(np.float32)
    vectors = original - mean
    scale = np.abs(vectors).max(initial=0)
    vectors = vectors / (scale if scale > 0 else np.float32(1))
    if K > MANY:
        rows, _ = draw_rows(len(vectors), K, rng, weights)
        centres = vectors if rows is None else vectors[rows]
        swaps = 0
    else:
        most = max(START_ROWS, 20 * K)
        rows, drawn_weights = draw_rows(len(vectors), most, rng, weights)
        drawn = pick(vectors, rows)
        centres = _greedy_start(drawn, K, rng, drawn_weights)
    best = _lloyd(vectors, centres, iterations, weights, least)
    failures = 0
    while failures < swaps:
        moved = _swapped(vectors, *best, rng, weights)
        trial = _lloyd(vectors, moved, 3, weights)
        losses = [weighted(found[1], weights).sum() for found in (trial, best)]
        if losses[0] < losses[1] * (1 - 1e-4):
            best, failures = trial, 0
        else:
            failures += 1
    labels, _, centres = _lloyd(vectors, best[2], iterations, weights)
    return labels, centres * (scale if scale > 0 else 0) + mean
