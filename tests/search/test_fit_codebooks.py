"""Code embeddings for rows that come later."""

import contextlib
import importlib

import numpy as np
import pytest

import kd_keras
from kd_keras.layers.compositions.code_search import additive_near
from kd_keras.search import encode_additive as encode_module
from kd_keras.search.encode_additive import encode_additive
from kd_keras.search.fit_additive import fit_additive
from kd_keras.search.fit_codebooks import fit_codebooks
from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.search.methods.beam_search import beam_codes
from kd_keras.search.methods.beam_start import beam_start
from kd_keras.search.methods.least_squares import (
    fit_code_embeddings,
    fit_in_order,
)
from kd_keras.utils.progress_bar import Part


def heavy_rows(count=3000, dim=12, seed=0):
    """Makes correlated rows with a heavy tail: some are many times longer."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(1).normal(size=(dim, dim))
    mix *= np.arange(1, dim + 1)[:, None] ** -0.7
    tail = np.sqrt(3 / rng.chisquare(3, count))[:, None]
    return (tail * rng.normal(size=(count, dim)) @ mix + 3).astype(np.float32)


def error(vectors, codes, tables):
    gap = vectors.astype(np.float64) - decode_additive(codes, tables)
    return np.square(gap).sum(axis=1).mean()


def test_other_rows_are_coded_better_than_by_residual_quantisation():
    vectors, others = heavy_rows(), heavy_rows(seed=7)
    mean = vectors.mean(axis=0)
    _, plain = beam_start(vectors - mean, 8, 6, 0, lambda *told: None)
    before = error(others - mean, beam_codes(others - mean, plain), plain)
    codes, tables = fit_codebooks(vectors, 8, 6)
    assert codes.shape == (3000, 6) and tables.shape == (6, 8, 12)
    after = error(others, encode_additive(others, tables), tables)
    assert after < 0.9 * before


def test_effort_widens_the_beam(monkeypatch):
    vectors = heavy_rows(200)
    tables = fit_codebooks(vectors, 8, 3)[1]
    beams = []

    def spied(rows, tables, *beam):
        beams.extend(beam)
        return beam_codes(rows, tables, *beam)

    monkeypatch.setattr(encode_module, "beam_codes", spied)
    codes = [encode_additive(vectors, tables, effort=e) for e in (0, 0.5, 9)]
    assert beams == [16, 32, 256]
    errors = [error(vectors, c, tables) for c in codes]
    assert errors[2] <= errors[1] <= errors[0]
    encode_additive(vectors, tables, codes=codes[0])
    assert len(beams) == 3


@pytest.mark.parametrize("offset", [10, 1e4])
def test_an_offset_changes_nothing(offset):
    vectors = heavy_rows(800)
    codes, tables = fit_codebooks(vectors + np.float32(offset), 8, 3)
    want = error(vectors, *fit_codebooks(vectors, 8, 3))
    assert error(vectors + np.float32(offset), codes, tables) < 1.05 * want


@pytest.mark.slow
def test_more_effort_is_no_worse_and_the_seed_decides():
    vectors = heavy_rows(1500)
    short, long = (fit_codebooks(vectors, 8, 4, effort=e) for e in (0, 2))
    assert error(vectors, *long) < error(vectors, *short)
    again = fit_codebooks(vectors, 8, 4, effort=0)
    np.testing.assert_array_equal(short[0], again[0])
    assert (fit_codebooks(vectors, 8, 4, 1, 0)[0] != short[0]).any()


def test_one_position_is_k_means():
    vectors = heavy_rows(300)
    for one, two in zip(
        fit_codebooks(vectors, 8, 1), fit_additive(vectors, 8, 1), strict=True
    ):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    "vectors",
    [
        np.full((40, 4), 3.0, np.float32),
        np.repeat(np.eye(4, dtype=np.float32), 10, axis=0),
        np.zeros((40, 2), np.float32),
    ],
    ids=["constant", "duplicates", "zero"],
)
def test_degenerate_tables(vectors):
    codes, tables = fit_codebooks(vectors, 8, 3)
    np.testing.assert_allclose(
        decode_additive(codes, tables), vectors, atol=1e-3
    )


def test_fit_in_order_is_nearly_optimal_and_suits_a_beam_search():
    vectors = heavy_rows()
    codes, _ = fit_codebooks(vectors, 8, 6)
    ordered = fit_in_order(vectors, codes, 8)
    best = fit_code_embeddings(vectors, codes, 8)
    assert error(vectors, codes, ordered) < 1.02 * error(vectors, codes, best)
    beams = [
        error(vectors, beam_codes(vectors, tables), tables)
        for tables in (ordered, best)
    ]
    assert beams[0] < 0.8 * beams[1]


@pytest.mark.slow
def test_a_residual_composition_codes_rows_that_come_later(monkeypatch):
    monkeypatch.setattr("kd_keras.search.learning_sample.LEARNING_ROWS", 1000)
    monkeypatch.setattr("kd_keras.search.learning_sample.TRAINING_ROWS", 1500)
    vectors, others = heavy_rows(2000), heavy_rows(1000, seed=7)
    errors = {}
    for composition, rows in (("linear", 1000), ("residual", 1500)):
        embedding = kd_keras.learn_codebooks(
            vectors, 8, 6, composition, verbose=0, effort=0.3
        )
        assert embedding.input_dim == rows
        codes = embedding.encode(others, effort=0.3)
        rebuilt = np.asarray(embedding.composition(codes))
        errors[composition] = np.square(others - rebuilt).sum(axis=1).mean()
    assert errors["residual"] < errors["linear"], errors


def test_coding_the_rows_to_train_on_is_seen_on_the_bar(monkeypatch):
    monkeypatch.setattr("kd_keras.search.learning_sample.LEARNING_ROWS", 200)
    monkeypatch.setattr("kd_keras.search.shards.ENCODED_ROWS", 100)
    shares: list[float] = []

    @contextlib.contextmanager
    def bar(description, verbose):
        yield Part(lambda done, error: shares.append(done))

    learning = importlib.import_module("kd_keras.learning.learn_codes")
    monkeypatch.setattr(learning, "progress_bar", bar)
    given = (heavy_rows(500), 4, 2, "residual")
    kd_keras.learn_codebooks(*given, effort=0.05, verbose=0)
    assert shares == sorted(shares)
    blocks = [share for share in shares if 0.2 < share < 0.39]
    np.testing.assert_allclose(blocks, [0.24, 0.28, 0.32, 0.36])


@pytest.mark.slow
def test_a_value_that_nobody_has_is_not_taken_for_the_mean():
    vectors = heavy_rows(800)
    embedding = kd_keras.learn_codes(
        vectors[:400], 8, 4, "residual", verbose=0, effort=0.2
    )
    codes = embedding.codes.copy()
    codes[codes[:, 1] == 3, 1] = 4
    embedding.codes = codes
    tables = embedding.composition.code_embeddings.numpy().copy()
    tables[1, 3] = 1e3  # as a training run once left it
    embedding.composition.code_embeddings.assign(tables)
    near = additive_near(embedding.composition, codes, fit_in_order, 0)
    # A search would choose a value that looks like the mean.
    assert np.abs(near[1, 3]).max() > 500 > np.abs(near[1, 4]).max()
    assert (embedding.encode(vectors[400:])[:, 1] != 3).all()


@pytest.mark.parametrize("fit", [fit_additive, fit_codebooks])
def test_other_rows_are_coded_as_well_with_an_offset(fit):
    vectors, others = heavy_rows(1000), heavy_rows(seed=7)
    errors = []
    for offset in np.float32([0, 30]):
        _, tables = fit(vectors + offset, 8, 6, effort=0.2)
        codes = encode_additive(others + offset, tables)
        errors.append(error(others + offset, codes, tables))
    assert errors[1] < 1.06 * errors[0]


def test_code_embeddings_as_large_as_a_float_are_no_trouble():
    vectors = np.full((40, 3), 1e30, np.float32)
    embedding = kd_keras.learn_codes(vectors, 10, 4, verbose=0)
    rebuilt = np.asarray(embedding.composition(embedding.encode(vectors)))
    np.testing.assert_allclose(rebuilt, vectors, rtol=1e-5)


@pytest.mark.slow
def test_a_table_that_is_its_own_sample_is_coded_as_later_rows_are(monkeypatch):
    monkeypatch.setattr("kd_keras.search.learning_sample.LEARNING_ROWS", 200)
    vectors = heavy_rows(500)
    given = {"K": 8, "D": 3, "composition": "residual", "effort": 0.2}
    learner = kd_keras.learn_codebooks(vectors, **given, verbose=0)
    assert learner.input_dim == 500
    embedding = kd_keras.learn_codes(vectors, **given, verbose=0)
    np.testing.assert_array_equal(
        embedding.codes, learner.encode(vectors, effort=0.2)
    )
    assert (embedding.codes != learner.codes).any()
