"""The table of `benchmarks/scale.py`."""

from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def huge_table(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import huge_table

    monkeypatch.setattr(huge_table, "ROWS", 1000)
    return huge_table


def test_smaller_tables_are_the_first_rows_of_larger_ones(huge_table, tmp_path):
    tables = []
    for N in (700, 2500):
        huge_table.write_huge_table(tmp_path / "table.npy", N, d=6, seed=3)
        tables.append(np.load(tmp_path / "table.npy"))
        assert tables[-1].shape == (N, 6) and tables[-1].dtype == np.float32
    np.testing.assert_array_equal(tables[0], tables[1][:700])
    huge_table.write_huge_table(tmp_path / "table.npy", 700, d=6, seed=4)
    assert (np.load(tmp_path / "table.npy") != tables[0]).any()


def test_rows_have_a_heavy_tail_and_correlated_dimensions(huge_table, tmp_path):
    huge_table.write_huge_table(tmp_path / "table.npy", 5000, d=8)
    table = np.load(tmp_path / "table.npy").astype("f8")
    centred = table - table.mean(axis=0)
    kurtosis = (centred**4).mean(axis=0) / (centred**2).mean(axis=0) ** 2
    assert kurtosis.min() > 4  # 3 of a normal distribution
    strengths = np.linalg.eigvalsh(np.cov(table.T))
    assert strengths[-1] > 4 * strengths[0]
