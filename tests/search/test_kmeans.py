"""k-means and its parts: sums by label, nearest centres, start and swaps."""

import numpy as np
import pytest

from kd_keras.search.methods.kmeans import kmeans, nearest, sum_by_value


def clusters(seed, count=2000, K=30, dim=6):
    rng = np.random.default_rng(seed)
    centres = 5 * rng.normal(size=(K, dim))
    truth = rng.permutation(np.arange(count) % K)
    vectors = centres[truth] + rng.normal(size=(count, dim))
    return vectors.astype(np.float32), truth


def loss(vectors, labels, centres):
    return np.square(vectors - centres[labels]).sum(axis=1).mean()


@pytest.mark.parametrize("large_group", [1, 1000])
def test_sum_by_value_equals_a_loop(monkeypatch, large_group):
    monkeypatch.setattr(
        "kd_keras.search.methods.kmeans.LARGE_GROUP", large_group
    )
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 3)).astype(np.float32)
    labels = rng.integers(0, 6, 50)
    labels[labels == 4] = 5
    sums, counts = sum_by_value(rows, labels, 7)
    want = np.zeros((7, 3))
    for row, label in zip(rows, labels, strict=True):
        want[label] += row
    np.testing.assert_allclose(sums, want, atol=1e-5)
    np.testing.assert_array_equal(counts, np.bincount(labels, minlength=7))
    assert counts[4] == 0 and not sums[4].any()


def test_sum_by_value_adds_parts(monkeypatch):
    monkeypatch.setattr("kd_keras.search.methods.kmeans.ROWS_PER_SUM", 7)
    test_sum_by_value_equals_a_loop(monkeypatch, 1)


def test_nearest_equals_a_loop(monkeypatch):
    monkeypatch.setattr("kd_keras.search.methods.kmeans.PAIRS_PER_BLOCK", 100)
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(101, 4)).astype(np.float32)
    centres = rng.normal(size=(9, 4)).astype(np.float32)
    labels, distances = nearest(vectors, centres)
    for x, label, distance in zip(vectors, labels, distances, strict=True):
        all_distances = np.square(x - centres).sum(axis=1)
        assert label == all_distances.argmin()
        assert distance == pytest.approx(all_distances.min(), rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_separated_clusters_are_found(seed):
    vectors, truth = clusters(seed)
    labels, centres = kmeans(vectors, 30, seed)
    means = np.stack([vectors[truth == k].mean(axis=0) for k in range(30)])
    # At the optimum or below the loss of the true clusters' means.
    assert loss(vectors, labels, centres) <= 1.001 * loss(vectors, truth, means)
    assert np.bincount(labels, minlength=30).min() > 0


def test_result_is_a_fixed_point_of_lloyd():
    vectors, _ = clusters(7, K=12)
    labels, centres = kmeans(vectors, 20, 0)
    np.testing.assert_array_equal(labels, nearest(vectors, centres)[0])
    sums, counts = sum_by_value(vectors, labels, 20)
    np.testing.assert_allclose(centres, sums / counts[:, None], atol=1e-4)


def test_swaps_help():
    losses = {}
    for swaps in (0, 30):
        results = [
            loss(x, *kmeans(x, 40, seed, swaps=swaps))
            for seed, x in [(s, clusters(s, K=40)[0]) for s in range(4)]
        ]
        losses[swaps] = np.mean(results)
    assert losses[30] < losses[0]


def test_seed_decides():
    vectors, _ = clusters(3)
    one, two = kmeans(vectors, 17, 5), kmeans(vectors, 17, 5)
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert (kmeans(vectors, 17, 6)[0] != one[0]).any()


def test_fewer_distinct_rows_than_centres():
    vectors = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    labels, centres = kmeans(vectors, 8)
    np.testing.assert_allclose(centres[labels], vectors, atol=1e-6)
    labels, centres = kmeans(np.full((20, 2), 7, np.float32), 4)
    np.testing.assert_allclose(centres[labels], 7)


def test_as_many_centres_as_rows():
    vectors = np.random.default_rng(0).normal(size=(20, 3))
    labels, centres = kmeans(vectors.astype(np.float32), 20)
    assert sorted(labels) == list(range(20))
    np.testing.assert_allclose(centres[labels], vectors, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-25, 1e15])
def test_scale_and_offset_do_not_matter(scale):
    vectors, truth = clusters(2, count=600, K=10)
    moved = ((vectors + 3) * scale).astype(np.float32)
    labels, centres = kmeans(moved, 10)
    assert np.isfinite(centres).all()
    pairs = {(a, b) for a, b in zip(labels, truth, strict=True)}
    assert len(pairs) == 10


def test_many_centres_start_at_rows(monkeypatch):
    vectors, _ = clusters(4, K=10)
    good = loss(vectors, *kmeans(vectors, 50))
    monkeypatch.setattr("kd_keras.search.methods.kmeans.MANY", 49)
    labels, centres = kmeans(vectors, 50)
    assert np.bincount(labels, minlength=50).min() > 0
    assert loss(vectors, labels, centres) < 1.2 * good


def test_no_centre_is_an_outlier_s():
    rng = np.random.default_rng(0)
    tail = np.sqrt(3 / rng.chisquare(3, 4000))[:, None]
    vectors = (tail * rng.normal(size=(4000, 6))).astype(np.float32)
    usual = kmeans(vectors, 16, iterations=20, swaps=0)
    robust = kmeans(vectors, 16, iterations=20, swaps=0, least=20)
    few = [
        (np.bincount(labels, minlength=16) < 10).sum()
        for labels, _ in (usual, robust)
    ]
    assert few[1] < 0.5 * few[0]
    # Most rows gain by it.
    medians = [
        np.median(np.square(vectors - centres[labels]).sum(axis=1))
        for labels, centres in (usual, robust)
    ]
    assert medians[1] < 0.97 * medians[0]
