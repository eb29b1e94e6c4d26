"""Sums over rows in blocks are those of the whole table."""

import numpy as np
import pytest

from kd_keras.compression.reduced_forms import reduced_forms
from kd_keras.vectors import row_sums


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    rows = rng.normal(3, 1, (1000, 6)).astype("float32")
    shares = np.sort(rng.random(1000))[::-1]
    return rows, shares / shares.sum()


@pytest.mark.parametrize("block", [1, 7, 999, 1000, 5000])
def test_blocks_make_no_difference(block, table, monkeypatch):
    monkeypatch.setattr(row_sums, "BLOCK_ROWS", block)
    rows, shares = table
    mean = shares @ rows.astype(float)
    np.testing.assert_allclose(row_sums.weighted_mean(rows, shares), mean)
    squares = rows.T.astype(float) @ (shares[:, None] * rows)
    np.testing.assert_allclose(row_sums.weighted_squares(rows, shares), squares)
    error = shares @ np.square(rows - mean).sum(axis=1)
    assert row_sums.constant_error(rows, shares) == pytest.approx(error)


def test_the_error_of_a_cut_table_is_that_of_its_shared_row(table):
    rows, shares = table
    found = {
        form.kept: error
        for form, error in reduced_forms(rows, shares)
        if form.kept and form.width is None
    }
    assert len(found) > 20
    for kept, error in found.items():
        rest, own = rows[kept:].astype(float), shares[kept:]
        lost = np.square(rest - np.average(rest, axis=0, weights=own))
        assert error == pytest.approx(float(own @ lost.sum(axis=1)), rel=1e-6)
