"""Code embeddings for given codes: the best ones, or steps towards them."""

import numpy as np
import pytest
from kd_testing import additive_error, random_codes_of_rows

from kd_keras.search.methods import least_squares
from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.search.methods.least_squares import fit_code_embeddings


def test_least_squares_are_optimal():
    vectors, codes, _ = random_codes_of_rows(count=300)
    codes[codes[:, 1] == 2, 1] = 3  # an unused value
    tables = fit_code_embeddings(vectors, codes, 5)
    one_hot = np.eye(5)[codes].reshape(300, 15)
    best = one_hot @ np.linalg.lstsq(one_hot, vectors, rcond=None)[0]
    np.testing.assert_allclose(decode_additive(codes, tables), best, atol=1e-4)
    assert np.abs(tables).max() < 10


def test_conjugate_gradients_equal_the_direct_solution(monkeypatch):
    vectors, codes, _ = random_codes_of_rows(count=300)
    direct = fit_code_embeddings(vectors, codes, 5)
    monkeypatch.setattr(least_squares, "DIRECT_UNKNOWNS", 1)
    quick = fit_code_embeddings(vectors, codes, 5)
    errors = [additive_error(vectors, codes, x).sum() for x in (direct, quick)]
    squares = np.square(vectors - vectors.mean(axis=0)).sum()
    assert errors[1] - errors[0] < 10 * least_squares.ENOUGH * squares
    monkeypatch.setattr(least_squares, "ENOUGH", 1e-12)
    iterated = fit_code_embeddings(vectors, codes, 5)
    # Their code embeddings may differ by constants that cancel in the sum.
    np.testing.assert_allclose(
        decode_additive(codes, iterated),
        decode_additive(codes, direct),
        atol=1e-3,
    )
    # From a start, without a matrix of pairs, and by blocks of columns.
    monkeypatch.setattr(least_squares, "PAIRED_UNKNOWNS", 1)
    monkeypatch.setattr(least_squares, "COLUMNS", 2)
    again = fit_code_embeddings(vectors, codes, 5, start=0.9 * direct)
    np.testing.assert_allclose(
        decode_additive(codes, again),
        decode_additive(codes, direct),
        atol=1e-3,
    )


@pytest.mark.parametrize("direct_unknowns", [1, 1000])
def test_improve_code_embeddings_goes_to_the_optimum(
    monkeypatch, direct_unknowns
):
    monkeypatch.setattr(least_squares, "DIRECT_UNKNOWNS", direct_unknowns)
    monkeypatch.setattr(least_squares, "ENOUGH", 1e-12)
    vectors, codes, tables = random_codes_of_rows(count=300)
    vectors -= vectors.mean(axis=0)
    best = additive_error(
        vectors, codes, fit_code_embeddings(vectors, codes, 5)
    ).mean()
    before = additive_error(vectors, codes, tables).mean()
    for _ in range(5):
        tables = least_squares.improve_code_embeddings(
            vectors, codes, tables, 1
        )
        after = additive_error(vectors, codes, tables).mean()
        assert best - 1e-6 <= after <= before + 1e-6
        before = after
    assert after < 1.01 * best


@pytest.mark.parametrize("direct_unknowns", [1, 1000])
def test_a_value_that_no_row_has_gets_the_mean(monkeypatch, direct_unknowns):
    monkeypatch.setattr(least_squares, "DIRECT_UNKNOWNS", direct_unknowns)
    vectors, codes, tables = random_codes_of_rows(count=300)
    codes[codes[:, 1] == 2, 1] = 3
    start = tables + 0.5
    found = fit_code_embeddings(vectors, codes, 5, start=start)[1, 2]
    np.testing.assert_allclose(found, vectors.mean(axis=0) / 3, atol=1e-5)
    improved = least_squares.improve_code_embeddings(vectors, codes, start)
    np.testing.assert_array_equal(improved[1, 2], 0)


@pytest.mark.parametrize("scale", [0.01, 1, 100])
def test_the_scale_of_weights_does_not_matter(monkeypatch, scale):
    vectors, codes, _ = random_codes_of_rows(count=300)
    weights = np.full(300, scale, np.float32)
    direct = fit_code_embeddings(vectors, codes, 5)
    monkeypatch.setattr(least_squares, "DIRECT_UNKNOWNS", 1)
    found = fit_code_embeddings(vectors, codes, 5, weights)
    errors = [additive_error(vectors, codes, x).sum() for x in (direct, found)]
    assert errors[1] < 1.0001 * errors[0]


def test_rows_that_are_sums_are_found_again(monkeypatch):
    _, codes, tables = random_codes_of_rows(count=300)
    vectors = decode_additive(codes, tables)
    monkeypatch.setattr(least_squares, "DIRECT_UNKNOWNS", 1)
    found = fit_code_embeddings(vectors, codes, 5)
    for _ in range(3):
        before = additive_error(vectors, codes, found).sum()
        found = fit_code_embeddings(vectors, codes, 5, start=found)
        after = additive_error(vectors, codes, found).sum()
        assert after < max(0.1 * before, 1e-6)
