"""Stochastic relaxation, and the temperature of the short annealings."""

import numpy as np
import pytest

from kd_keras.search import fit_additive
from kd_keras.search.methods.additive_sum import Solution, decode_additive
from kd_keras.search.methods.annealing import (
    HEATS,
    choose_heat,
    improve_codes,
    search_codes,
)
from kd_keras.search.methods.beam_start import beam_start
from kd_keras.search.methods.least_squares import fit_code_embeddings
from kd_keras.search.methods.relaxation import relax
from kd_keras.search.methods.sweeps import gumbel_noise

NOISE = gumbel_noise(0)


def squared_errors(rows, codes, tables):
    return np.square(rows - decode_additive(codes, tables)).sum(axis=1)


def started(d=40, K=8, D=4, count=800):
    """Returns rows with codes that descent cannot improve any further."""
    rows = np.random.default_rng(0).normal(size=(count, d)).astype("f4")
    codes, _ = beam_start(rows, K, D, 0, lambda done, errors: None)
    for step in range(30):
        tables = fit_code_embeddings(rows, codes, K)
        codes, _ = search_codes(rows, codes, tables, [0, 0], NOISE, step)
    tables = fit_code_embeddings(rows, codes, K)
    errors = squared_errors(rows, codes, tables)
    return rows, Solution(codes, tables, errors)


def relaxed(start, rounds):
    told = []
    found = relax(
        *start, NOISE, rounds, 0, lambda done, errors: told.append(done)
    )
    return found, told


@pytest.mark.parametrize("many", [0, 1000], ids=["uniform", "rows"])
def test_it_leaves_what_descent_cannot(many, monkeypatch):
    monkeypatch.setattr("kd_keras.search.methods.relaxation.MANY_ROWS", many)
    start = started()
    (codes, tables, errors, *_), told = relaxed(start, 30)
    np.testing.assert_allclose(
        errors, squared_errors(start[0], codes, tables), rtol=1e-3
    )
    assert errors.mean() < 0.985 * start[1].mean_error
    assert told == [step / 30 for step in range(30)]


def test_more_rounds_find_better_codes():
    start = started()
    few, many = (relaxed(start, n)[0][2].mean() for n in (5, 60))
    assert many < few


def test_no_rounds_change_nothing():
    start = started(count=100)
    found, told = relaxed(start, 0)
    assert found is start[1]
    assert told == []


def test_the_chosen_heat_gains_most():
    rows, (codes, tables, errors, *_) = started(d=20, K=32, D=6, count=2000)
    heat = choose_heat(rows, codes, errors, tables, NOISE, 0)
    unit = errors.mean() / rows.shape[1]

    def gained(heat):
        best, after = codes, errors
        for trial in range(5):
            best, after = improve_codes(
                rows, best, after, tables, heat * unit, NOISE, [trial, 1]
            )
        return (errors - after).mean()

    gains = {heat: gained(heat) for heat in HEATS}
    assert gains[heat] > 0.9 * max(gains.values())
    assert gains[heat] > 1.5 * min(gains.values())


@pytest.mark.parametrize(
    ("d", "K", "D", "worthwhile"), [(30, 16, 8, True), (60, 8, 4, False)]
)
def test_annealing_is_promised_where_it_helps(d, K, D, worthwhile):
    rows, start = started(d, K, D)
    promise = fit_additive._promise(rows, start, NOISE, 300)
    annealed = fit_additive._anneal(rows, start, NOISE, 300).mean_error
    assert promise == pytest.approx(annealed / start.mean_error, rel=0.05)
    assert (promise < fit_additive.WORTHWHILE) == worthwhile
