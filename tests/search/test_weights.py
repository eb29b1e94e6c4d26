"""Rows that count more than once are learned as if they were repeated."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from kd_testing import additive_error, correlated, random_codes_of_rows

from kd_keras.search.concat import decode_concat, fit_concat
from kd_keras.search.fit_additive import fit_additive
from kd_keras.search.fit_codebooks import fit_codebooks
from kd_keras.search.methods import least_squares
from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.search.methods.kmeans import kmeans, sum_by_value
from kd_keras.search.methods.weighted_rows import draw_rows

RNG = np.random.default_rng(0)


def zipf(count):
    """Returns weights as of words, the heaviest first, with mean 1."""
    weights = 1 / np.arange(1, count + 1)
    return (weights / weights.mean()).astype(np.float32)


def test_sums_by_value_are_those_of_repeated_rows():
    rows = RNG.normal(size=(200, 3)).astype(np.float32)
    labels, times = RNG.integers(0, 5, 200), RNG.integers(1, 9, 200)
    sums, counts = sum_by_value(rows, labels, 6, times.astype(np.float32))
    repeated = sum_by_value(rows.repeat(times, 0), labels.repeat(times), 6)
    np.testing.assert_allclose(sums, repeated[0], atol=1e-3)
    np.testing.assert_array_equal(counts, repeated[1])


@pytest.mark.parametrize("direct_unknowns", [1, 1000])
@pytest.mark.parametrize("fit", ["fit_code_embeddings", "improve"])
def test_least_squares_are_those_of_repeated_rows(
    fit, direct_unknowns, monkeypatch
):
    monkeypatch.setattr(least_squares, "DIRECT_UNKNOWNS", direct_unknowns)
    monkeypatch.setattr(least_squares, "ENOUGH", 1e-12)
    vectors, codes, tables = random_codes_of_rows(count=300)
    times = RNG.integers(1, 20, 300)

    def fitted(rows, codes, weights):
        if fit == "fit_code_embeddings":
            return least_squares.fit_code_embeddings(rows, codes, 5, weights)
        return least_squares.improve_code_embeddings(
            rows, codes, tables, 40, weights
        )

    found = fitted(vectors, codes, times.astype(np.float32))
    want = fitted(vectors.repeat(times, 0), codes.repeat(times, 0), None)
    np.testing.assert_allclose(
        decode_additive(codes, found), decode_additive(codes, want), atol=2e-3
    )
    plain = decode_additive(codes, fitted(vectors, codes, None))
    assert np.abs(plain - decode_additive(codes, want)).max() > 0.05


def test_a_heavy_row_gets_a_centre_of_its_own():
    rows = RNG.normal(size=(500, 4)).astype(np.float32)
    weights = np.full(500, 0.1, np.float32)
    weights[[7, 40]] = 1e4
    labels, centres = kmeans(rows, 8, weights=weights)
    for heavy in (7, 40):
        np.testing.assert_allclose(
            centres[labels[heavy]], rows[heavy], atol=1e-3
        )


@pytest.mark.parametrize("K, count", [(4, 300), (2100, 2200)])
def test_kmeans_of_weights_beats_kmeans_without(K, count):
    rows = RNG.normal(size=(count, 3)).astype(np.float32)
    weights = zipf(count)

    def loss(**options):
        labels, centres = kmeans(rows, K, iterations=20, **options)
        return np.average(
            np.square(rows - centres[labels]).sum(axis=1), weights=weights
        )

    assert loss(weights=weights) < 0.95 * loss()


def weighted_error(vectors, fit, **options):
    codes, tables = fit(vectors, 8, 4, **options)
    if fit is fit_concat:
        gap = vectors - decode_concat(codes, tables)
        errors = np.square(gap).sum(axis=1)
    else:
        errors = additive_error(vectors, codes, tables)
    return np.average(errors, weights=zipf(len(vectors))), errors.mean()


@pytest.mark.parametrize("fit", [fit_additive, fit_codebooks, fit_concat])
def test_weights_lower_the_weighted_error(fit):
    vectors = correlated(count=800)
    plain, told = weighted_error(vectors, fit), []
    found = weighted_error(
        vectors,
        fit,
        weights=zipf(800),
        progress=lambda done, error: told.append(error),
    )
    assert found[0] < 0.9 * plain[0]
    assert found[1] > plain[1]  # rare rows pay for it
    assert told[-1] == pytest.approx(found[0], rel=1e-3)


def test_one_position_has_weights_too():
    vectors = correlated(count=400)
    errors = [
        np.average(
            additive_error(vectors, *fit_additive(vectors, 8, 1, **options)),
            weights=zipf(400),
        )
        for options in ({"weights": zipf(400)}, {})
    ]
    assert errors[0] < 0.9 * errors[1]


@hypothesis.given(
    st.lists(st.floats(1e-3, 1e6), min_size=2, max_size=60), st.data()
)
def test_draws_keep_heavy_rows_and_the_sum(weights, data):
    weights = np.array(weights)
    most = data.draw(st.integers(1, len(weights)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    rows, drawn = draw_rows(len(weights), most, rng, weights)
    if most == len(weights):
        assert rows is None and drawn is weights
        return
    assert len(rows) == most
    assert (np.diff(rows) > 0).all() and drawn.mean() == pytest.approx(1)
    sure = weights * most > weights.sum()
    assert np.isin(np.flatnonzero(sure), rows).all()


def test_the_mean_over_draws_is_the_weighted_mean():
    values, weights = RNG.normal(size=500), zipf(500).astype(np.float64)
    found = []
    for seed in range(300):
        rows, drawn = draw_rows(500, 40, np.random.default_rng(seed), weights)
        found.append(np.average(values[rows], weights=drawn))
    want = np.average(values, weights=weights)
    assert np.mean(found) == pytest.approx(want, abs=4 * np.std(found) / 17)
