"""Gibbs sweeps over codes: scores of values, in two ways, and the draws."""

import itertools

import numpy as np
import pytest
from kd_testing import additive_error, random_codes_of_rows

from kd_keras.search.methods import annealing, sweeps
from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.search.methods.annealing import search_codes
from kd_keras.search.methods.sweeps import gumbel_noise
from kd_keras.utils import cores


@pytest.fixture(params=[False, True], ids=["residuals", "lookup"])
def ways(request, monkeypatch):
    """Selects each of the two ways to score the values of a position."""
    monkeypatch.setattr(sweeps, "_lookup_pays", lambda *_: request.param)


def test_lookup_pays_where_codes_are_short_and_vectors_long():
    def pays(D, K, d, count, rows=1000):
        tables = np.zeros((D, K, d), np.float32)
        found = sweeps.ScoringTables(tables, rows, count)
        return found.products is not None

    assert pays(5, 32, 200, 10)
    assert pays(5, 32, 50, 10)
    assert not pays(5, 32, 50, 1)
    assert not pays(5, 32, 50, 10, rows=10)
    assert not pays(16, 16, 50, 10)
    assert not pays(1, 32, 200, 10)
    assert not pays(2, 4096, 50, 10)


@pytest.mark.parametrize("count", [1, 1000])
def test_product_of_groups_of_rows(count):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(count, 300)).astype(np.float32)
    table = rng.normal(size=(32, 300)).astype(np.float32)
    out = np.empty((count, 32), np.float32)
    sweeps._product(rows, table.T, out)  # groups of 24 rows, and 16
    np.testing.assert_allclose(out, rows @ table.T, atol=1e-3)


def test_both_ways_draw_the_same(monkeypatch):
    vectors, codes, tables = random_codes_of_rows(K=16, D=4)
    found = []
    for lookup in (False, True):
        monkeypatch.setattr(sweeps, "_lookup_pays", lambda *_, x=lookup: x)
        found.append(
            search_codes(vectors, codes, tables, [3.0] * 2, gumbel_noise(0), 1)[
                0
            ]
        )
    assert (found[0] == found[1]).mean() > 0.99  # except for rounding
    assert (found[0] == codes).mean() < 0.5


def test_descent_equals_a_loop_of_conditional_modes(ways):
    vectors, codes, tables = random_codes_of_rows(count=40)
    found, errors = search_codes(
        vectors, codes, tables, [0.0], gumbel_noise(0), 3
    )
    for i, code in enumerate(codes.copy()):
        for j in np.random.default_rng(3).permutation(3):
            trials = np.repeat(code[None], 5, axis=0)
            trials[:, j] = np.arange(5)
            gaps = vectors[i] - decode_additive(trials, tables)
            code[j] = np.square(gaps).sum(axis=1).argmin()
        np.testing.assert_array_equal(found[i], code)
    np.testing.assert_allclose(
        errors, additive_error(vectors, found, tables), rtol=1e-4
    )


def test_sweeps_draw_from_the_boltzmann_distribution(ways):
    vectors, _, tables = random_codes_of_rows(count=1, K=3, D=2, dim=4)
    temperature, count = 4.0, 4000
    states = np.array(list(itertools.product(range(3), repeat=2)))
    energies = additive_error(np.repeat(vectors, 9, 0), states, tables)
    want = np.exp(-(energies - energies.min()) / temperature)
    want /= want.sum()
    codes, _ = search_codes(
        np.repeat(vectors, count, axis=0),
        np.zeros((count, 2), np.uint8),
        tables,
        [temperature] * 10,
        np.random.default_rng(0).gumbel(size=1 << 20).astype(np.float32),
        0,
    )
    got = np.bincount(codes[:, 0] * 3 + codes[:, 1], minlength=9) / count
    # Blocks of rows share their draws: fewer free ones than rows.
    np.testing.assert_allclose(got, want, atol=0.06)


def test_more_descent_never_increases_the_error(ways):
    vectors, codes, tables = random_codes_of_rows(K=7, D=5)
    before = additive_error(vectors, codes, tables)
    for step in range(4):
        codes, after = search_codes(
            vectors, codes, tables, [0.0], gumbel_noise(0), step
        )
        assert (after <= before + 1e-4).all()
        before = after


@pytest.mark.parametrize("count", [0, 1, 33, 100])
def test_blocks_do_not_change_the_search(ways, count, monkeypatch):
    vectors, codes, tables = random_codes_of_rows(count=count)
    whole, _ = search_codes(
        vectors, codes, tables, [0.0] * 2, gumbel_noise(0), 0
    )
    monkeypatch.setattr(annealing, "ROWS", 32)
    parts, _ = search_codes(
        vectors, codes, tables, [0.0] * 2, gumbel_noise(0), 0
    )
    np.testing.assert_array_equal(whole, parts)


def test_codes_do_not_depend_on_the_number_of_cores(ways, monkeypatch):
    vectors, codes, tables = random_codes_of_rows(count=100)
    monkeypatch.setattr(annealing, "ROWS", 16)
    found = []
    for count in (1, 4):
        monkeypatch.setattr(cores, "usable_cores", lambda count=count: count)
        found.append(
            search_codes(vectors, codes, tables, [1.0], gumbel_noise(0), 0)[0]
        )
    np.testing.assert_array_equal(*found)
    assert (found[0] != codes).any()
