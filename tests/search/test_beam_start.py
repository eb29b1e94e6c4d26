"""Residual quantisation with a beam, the start of the search."""

import itertools
import tracemalloc

import numpy as np
from kd_testing import (
    additive_error,
    correlated,
    random_codes_of_rows,
    residual_error,
)

import kd_keras
from kd_keras.search.methods import beam_search, beam_start
from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.search.methods.beam_search import beam_codes
from kd_keras.search.methods.beam_start import beam_start as find_start
from kd_keras.search.methods.least_squares import fit_code_embeddings


def test_beam_start_beats_plain_residual_quantisation():
    vectors = correlated(seed=2)
    codes, _ = find_start(vectors, 8, 4, 0, lambda done, errors: None)
    tables = fit_code_embeddings(vectors, codes, 8)
    error = additive_error(vectors, codes, tables).mean()
    assert error < 0.80 * residual_error(vectors, 8, 4)


def test_no_position_of_the_start_is_spent_on_outliers(monkeypatch):
    rng = np.random.default_rng(0)
    tail = np.sqrt(3 / rng.chisquare(3, size=(1000, 1)))
    vectors = (tail * rng.normal(size=(1000, 100))).astype(np.float32)
    lowest = []
    for least in (beam_start.LEAST, 1):
        monkeypatch.setattr(beam_start, "LEAST", least)
        codes, _ = find_start(vectors, 32, 6, 0, lambda done, errors: None)
        perplexity = kd_keras.code_statistics(codes, 32).perplexity
        lowest.append(min(perplexity))
    assert lowest[0] > 10 and lowest[1] < 3


def test_the_start_of_a_table_whose_remainders_are_too_many(monkeypatch):
    vectors = correlated(count=3000, seed=2)
    errors = []
    for floats in (beam_start.KEPT_FLOATS, 16 * 8 * 1000):
        monkeypatch.setattr(beam_start, "KEPT_FLOATS", floats)
        codes, tables = find_start(vectors, 8, 4, 0, lambda done, errors: None)
        errors.append(additive_error(vectors, codes, tables).mean())
    np.testing.assert_array_equal(codes, beam_codes(vectors, tables))
    assert errors[0] != errors[1] < 1.05 * errors[0]


def test_the_start_needs_little_memory_where_vectors_are_long(monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(2000, 256))
    vectors = vectors.astype(np.float32)
    monkeypatch.setattr(beam_start, "KEPT_FLOATS", 16 * 256 * 100)
    tracemalloc.start()
    find_start(vectors, 8, 2, 0, lambda done, errors: None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # All remainders of all rows would be 16 times the table, twice.
    assert peak < 4 * vectors.nbytes


def test_rows_have_fewer_partial_codes_where_values_are_many(monkeypatch):
    vectors, _, tables = random_codes_of_rows(count=50, K=40, D=3)
    two = beam_codes(vectors, tables, 2)
    assert (beam_codes(vectors, tables) != two).any()
    monkeypatch.setattr(beam_search, "CACHED_SCORES", 2 * 40)
    np.testing.assert_array_equal(beam_codes(vectors, tables), two)


def test_a_wide_beam_finds_the_best_of_all_codes():
    # There are 4 ** 2 codes, so 16 partial codes leave none out.
    vectors, _, tables = random_codes_of_rows(count=50, K=4, D=2)
    states = np.array(list(itertools.product(range(4), repeat=2)))
    gaps = vectors[:, None] - decode_additive(states, tables)
    best = np.square(gaps).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(beam_codes(vectors, tables), states[best])
