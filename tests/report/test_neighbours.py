"""Tests of nearest neighbours by cosine similarity."""

import numpy as np
import pytest

from kd_keras.report import neighbours
from kd_keras.report.neighbours import (
    nearest_neighbours,
    neighbours_kept,
    sample_symbols,
    unit_rows,
)


def _plain(vectors, symbols, count):
    """Sorts all similarities in float64; ties are in the order of the ids."""
    unit = vectors.astype(np.float64)
    length = np.linalg.norm(unit, axis=1, keepdims=True)
    unit /= np.where(length > 0, length, 1)
    found = unit[symbols] @ unit.T
    found[np.arange(len(symbols)), symbols] = -np.inf
    return np.argsort(-found, axis=1, kind="stable")[:, :count]


@pytest.mark.parametrize("table_block", [3, 7, 64, 8192])
@pytest.mark.parametrize("query_block", [5, 1024])
def test_equals_plain_numpy_at_any_block(monkeypatch, table_block, query_block):
    monkeypatch.setattr(neighbours, "TABLE_BLOCK", table_block)
    monkeypatch.setattr(neighbours, "QUERY_BLOCK", query_block)
    vectors = np.random.default_rng(0).normal(size=(50, 6)).astype("f4")
    symbols = np.array([0, 3, 4, 20, 49])
    found = nearest_neighbours(vectors, symbols)
    np.testing.assert_array_equal(found, _plain(vectors, symbols, 10))


def test_a_symbol_is_not_its_own_neighbour_and_few_rows_give_few():
    vectors = np.ones((4, 2), np.float32)
    found = nearest_neighbours(vectors, np.arange(4))
    assert found.tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


def test_zero_rows_are_as_far_as_right_angles():
    vectors = np.array([[0, 0], [1, 0], [-1, 0], [2, 0]], np.float32)
    found = nearest_neighbours(vectors, np.array([0, 1]))
    assert found.tolist() == [[1, 2, 3], [3, 0, 2]]


@pytest.mark.parametrize("scale", [1e-38, 1e-20, 1.0, 1e20, 1e38])
def test_length_does_not_matter(scale):
    rows = np.array([[0.6, 0.8], [1, 0]])
    np.testing.assert_allclose(unit_rows(rows * scale), rows, rtol=1e-6)


def test_reads_a_memory_map_in_blocks(monkeypatch, tmp_path):
    vectors = np.random.default_rng(1).normal(size=(40, 3)).astype("f4")
    np.save(tmp_path / "table.npy", vectors)
    mapped = np.load(tmp_path / "table.npy", mmap_mode="r")
    largest = []

    class Watched:
        shape = mapped.shape

        def __getitem__(self, index):
            rows = mapped[index]
            largest.append(len(rows))
            return rows

    monkeypatch.setattr(neighbours, "TABLE_BLOCK", 16)
    found = nearest_neighbours(Watched(), np.array([5, 6]), count=4)
    assert max(largest) == 16
    expected = _plain(vectors, np.array([5, 6]), 4)
    np.testing.assert_array_equal(found, expected)


def test_kept_does_not_mind_the_order():
    before = np.array([[1, 2, 3], [4, 5, 6]])
    after = np.array([[3, 1, 9], [7, 8, 9]])
    assert neighbours_kept(before, after).tolist() == [2, 0]


def test_sample_is_every_symbol_or_drawn_by_the_seed():
    assert len(sample_symbols(20_000, seed=0)) == 20_000
    sample = sample_symbols(100_000, seed=1)
    assert len(sample) == 5_000
    assert (np.diff(sample) > 0).all()
    np.testing.assert_array_equal(sample, sample_symbols(100_000, seed=1))
    assert (sample != sample_symbols(100_000, seed=2)).any()
