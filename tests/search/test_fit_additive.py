"""Codes and code embeddings found by search, for linear and concat."""

import itertools

import numpy as np
import pytest
from kd_testing import (
    additive_error,
    correlated,
    random_codes_of_rows,
    residual_error,
)

import kd_keras
from kd_keras.search.concat import decode_concat, encode_concat, fit_concat
from kd_keras.search.encode_additive import encode_additive
from kd_keras.search.fit_additive import fit_additive
from kd_keras.search.learning_sample import learning_sample
from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.utils import cores as cores_module


def test_decode_equals_a_loop():
    _, codes, tables = random_codes_of_rows(count=20)
    sums = decode_additive(codes, tables)
    slices = decode_concat(codes, tables)
    for i, code in enumerate(codes):
        rows = [tables[j, c] for j, c in enumerate(code)]
        np.testing.assert_allclose(sums[i], sum(rows), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(slices[i], np.concatenate(rows))


@pytest.mark.parametrize(("K", "D"), [(4, 4), (16, 3)])
def test_fit_beats_residual_quantisation(K, D):
    vectors = correlated()
    codes, tables = fit_additive(vectors, K, D, effort=0.3)
    assert codes.dtype == np.uint8 and codes.shape == (600, D)
    assert tables.dtype == np.float32 and tables.shape == (D, K, 8)
    error = additive_error(vectors, codes, tables).mean()
    assert error < 0.90 * residual_error(vectors, K, D)


def test_longer_search_helps():
    vectors = correlated(seed=1)
    short, long = (
        additive_error(vectors, *fit_additive(vectors, 4, 6, effort=effort))
        for effort in (0, 1)
    )
    assert long.mean() < 0.98 * short.mean()


def test_codes_of_a_sum_are_found():
    _, codes, tables = random_codes_of_rows(count=400, K=4, D=3, dim=12)
    vectors = decode_additive(codes, tables)
    fitted = fit_additive(vectors, 4, 3, effort=0.3)
    assert fitted[1].shape == tables.shape
    spread = vectors.var(axis=0).sum()
    assert additive_error(vectors, *fitted).mean() < 0.2 * spread
    again = encode_additive(vectors, tables)
    assert (additive_error(vectors, again, tables) < 1e-6).all()


def test_encode_finds_nearly_the_best_of_all_codes():
    vectors, _, tables = random_codes_of_rows(count=150, K=4, D=4)
    states = np.array(list(itertools.product(range(4), repeat=4)))
    everything = decode_additive(states, tables)
    gaps = vectors[:, None] - everything
    best = np.square(gaps).sum(axis=2).min(axis=1)
    codes = encode_additive(vectors, tables)
    errors = additive_error(vectors, codes, tables)
    assert (errors >= best - 1e-4).all()
    assert errors.mean() < 1.03 * best.mean()


def test_encode_of_many_rows_is_encode_of_each_block(monkeypatch):
    vectors, _, tables = random_codes_of_rows(count=250)
    monkeypatch.setattr("kd_keras.search.shards.ENCODED_ROWS", 100)
    blocks = [vectors[:100], vectors[100:200], vectors[200:]]
    np.testing.assert_array_equal(
        encode_additive(vectors, tables),
        np.concatenate([encode_additive(block, tables) for block in blocks]),
    )


@pytest.mark.parametrize("times", [30, 1e3, 1e6])
def test_an_outlier_does_not_spoil_the_codes_of_others(times):
    vectors, codes, tables = random_codes_of_rows(count=400, K=9, D=6)
    errors = []
    for factor in (1, times):
        rows = vectors.copy()
        rows[0] *= np.float32(factor)
        found = encode_additive(rows, tables, codes=np.roll(codes, 1, axis=0))
        errors.append(additive_error(rows, found, tables)[1:].mean())
    assert errors[1] < 1.02 * errors[0]


def test_encode_never_makes_given_codes_worse():
    vectors, codes, tables = random_codes_of_rows(K=9, D=6)
    before = additive_error(vectors, codes, tables)
    codes = encode_additive(vectors, tables, codes=codes, effort=0)
    after = additive_error(vectors, codes, tables)
    assert (after <= before + 1e-4).all()
    again = encode_additive(vectors, tables, codes=codes, seed=1)
    final = additive_error(vectors, again, tables)
    assert (final <= after + 1e-4).all() and final.mean() < after.mean()


def test_a_large_table_is_learned_on_a_sample(monkeypatch):
    monkeypatch.setattr("kd_keras.search.learning_sample.LEARNING_ROWS", 300)
    vectors = correlated()
    embedding = kd_keras.learn_codes(vectors, 8, 3, verbose=0)
    assert len(embedding.codes) == 600
    tables = np.asarray(embedding.composition.get_weights()[0])
    error = additive_error(vectors, embedding.codes, tables).mean()
    assert error < 0.96 * residual_error(vectors, 8, 3)


def test_the_sample_of_long_rows_is_smaller(monkeypatch):
    monkeypatch.setattr("kd_keras.search.learning_sample.LEARNING_ROWS", 300)
    monkeypatch.setattr("kd_keras.search.learning_sample.LEARNING_FLOATS", 2000)
    for d, rows in ((5, 300), (8, 250), (1000, 32)):
        table = np.random.default_rng(0).normal(size=(400, d))
        learned = kd_keras.learn_codebooks(
            table, 8, 1, "concat", verbose=0, effort=0
        )
        assert learned.input_dim == rows
    # A table of fewer rows is learned whole, however long they are.
    assert learning_sample(300, 8, 0, d=1000) == (None, None)


def test_concat_codes_are_the_same_on_any_number_of_cores(monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(300, 14))
    weights = np.linspace(0.5, 1.5, 300, dtype=np.float32)
    found, told = [], []
    for cores in (1, 3):
        monkeypatch.setattr(cores_module, "usable_cores", lambda n=cores: n)
        told.append([])
        tell = told[-1].append
        found.append(
            fit_concat(vectors, 8, 7, 0, lambda *x, f=tell: f(x), weights)
        )
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)
    for calls in told:
        shares, errors = zip(*calls, strict=True)
        np.testing.assert_allclose(shares, np.arange(1, 8) / 7)
        assert list(errors) == sorted(errors)
    assert told[0][-1] == pytest.approx(told[1][-1])


def test_more_effort_gives_better_concat_codes():
    vectors = np.random.default_rng(0).normal(size=(3000, 12))
    errors = []
    for effort in (0, 0.2, 1):
        codes, tables = fit_concat(vectors, 32, 3, effort=effort)
        gap = vectors - decode_concat(codes, tables)
        errors.append(np.square(gap).mean())
    assert errors[0] > errors[1] > errors[2] > 0.9 * errors[0]


def test_seed_decides():
    vectors = correlated(count=1500)
    one, two = (fit_additive(vectors, 8, 3, 4, 0.03) for _ in range(2))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert (fit_additive(vectors, 8, 3, 5, 0.03)[0] != one[0]).any()


@pytest.mark.parametrize("scale", [1e-25, 1e12])
def test_scale_and_offset_do_not_matter(scale):
    vectors = correlated(count=200)
    want = additive_error(vectors, *fit_additive(vectors, 8, 3)).mean()
    moved = ((vectors + 50) * np.float32(scale)).astype(np.float32)
    codes, tables = fit_additive(moved, 8, 3)
    assert np.isfinite(tables).all()
    gap = (moved.astype(np.float64) - decode_additive(codes, tables)) / scale
    assert np.square(gap).sum(axis=1).mean() < 1.2 * want + 1e-3


@pytest.mark.parametrize("D", [1, 3])
@pytest.mark.parametrize(
    "vectors",
    [
        np.full((20, 4), 3.0, np.float32),
        np.repeat(np.eye(4, dtype=np.float32), 5, axis=0),
        np.eye(20, 1, dtype=np.float32),
        np.zeros((20, 2), np.float32),
    ],
    ids=["constant", "duplicates", "one row differs, d = 1", "zero"],
)
def test_degenerate_tables(vectors, D):
    codes, tables = fit_additive(vectors, 8, D, effort=0.03)
    assert codes.max() < 8
    np.testing.assert_allclose(
        decode_additive(codes, tables), vectors, atol=1e-3
    )
    again = encode_additive(vectors, tables, effort=0.1)
    np.testing.assert_allclose(
        decode_additive(again, tables), vectors, atol=1e-3
    )


def test_more_than_256_values_need_wider_codes():
    vectors = correlated(count=400)
    codes, tables = fit_additive(vectors, 300, 2, effort=0.03)
    assert codes.dtype == np.uint16 and codes.max() >= 256
    assert additive_error(vectors, codes, tables).mean() < 0.1


def test_concat_is_k_means_in_each_slice():
    vectors = correlated(dim=6)
    codes, tables = fit_concat(vectors, 8, 3)
    assert codes.dtype == np.uint8 and tables.shape == (3, 8, 2)
    np.testing.assert_array_equal(codes, encode_concat(vectors, tables))
    for j in range(3):
        part = vectors[:, 2 * j : 2 * j + 2]
        for k in range(8):
            mean = part[codes[:, j] == k].mean(axis=0)
            np.testing.assert_allclose(tables[j, k], mean, atol=1e-4)
    gap = vectors - decode_concat(codes, tables)
    assert np.square(gap).mean() < 0.2 * vectors.var()


@pytest.mark.parametrize("D", [1, 3])
def test_progress_ends_at_one(D):
    vectors, calls = correlated(count=200), []
    codes, tables = fit_additive(
        vectors, 4, D, effort=0.03, progress=lambda *a: calls.append(a)
    )
    shares = [share for share, _ in calls]
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] == 1
    error = additive_error(vectors, codes, tables).mean()
    assert calls[-1][1] == pytest.approx(error, rel=0.05)
    calls.clear()
    fit_concat(vectors, 4, 2, progress=lambda *a: calls.append(a))
    assert calls[-1][0] == 1
