"""Codes depend neither on the scale of a table nor on its mean."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

import kd_keras
from kd_keras.learning import learn_composition

N, SIZE, K, D = 120, 6, 4, 2
SHIFT = np.arange(1, SIZE + 1, dtype="f4")
# Names of compositions with their `code_dim`. Only "own" is made by hand.
SEARCHED = [("linear", None), ("linear", 4), ("concat", None)]
TRAINED = [
    ("lstm", None),
    ("lstm", 4),
    ("residual", None),
    ("residual", 4),
    ("own", None),
]


class ProductComposition(kd_keras.Composition):
    """The product of the code embeddings: another class, of limited scale."""

    def compose(self, embedded):
        return ops.prod(1 + ops.tanh(embedded), axis=-2) - 1


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    sheet = rng.normal(size=(N, 3)) @ rng.normal(size=(3, SIZE))
    return (sheet + 0.3 * rng.normal(size=(N, SIZE))).astype("f4")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(learn_composition, "TURNS", 1)
    monkeypatch.setattr(learn_composition, "LEAST_STEPS", 40)
    # A few steps take less time than a graph of them.
    eager = functools.partialmethod(keras.Sequential.compile, run_eagerly=True)
    monkeypatch.setattr(keras.Sequential, "compile", eager)


def learn(table, name, code_dim=None):
    if name == "own":
        name = ProductComposition(
            K,
            D,
            SIZE,
            embeddings_initializer=keras.initializers.RandomUniform(seed=0),
        )
    return kd_keras.learn_codes(
        table, K, D, name, code_dim, effort=0.1, verbose=0
    )


def rebuilt(embedding):
    return np.asarray(embedding(np.arange(embedding.input_dim)), "f8")


def relative_error(table, embedding):
    gap = table.astype("f8") - rebuilt(embedding)
    return np.square(gap).sum() / (table.var(axis=0, dtype="f8").sum() * N)


def assert_alike(table, embedding, base_table, base):
    """Asserts equality up to what rounding may do to a search."""
    assert (embedding.codes == base.codes).all(axis=1).mean() > 0.9
    assert relative_error(table, embedding) == pytest.approx(
        relative_error(base_table, base), rel=0.02
    )


def assert_same(embedding, unit, base):
    """Asserts that a power of two changed no digit of the result."""
    np.testing.assert_array_equal(embedding.codes, base.codes)
    np.testing.assert_array_equal(rebuilt(embedding) / unit, rebuilt(base))


@pytest.mark.parametrize(("name", "code_dim"), SEARCHED)
@pytest.mark.slow
def test_searched_codes_are_the_same_at_every_scale(table, name, code_dim):
    base = learn(table, name, code_dim)
    assert relative_error(table, base) < 0.35
    for unit in (2.0**-66, 2.0**66):
        scaled = learn(table * np.float32(unit), name, code_dim)
        assert_same(scaled, unit, base)
    for k in (-20, -9, -1, 2, 20):
        scaled = (table * 10.0**k).astype("f4")
        assert_alike(scaled, learn(scaled, name, code_dim), table, base)


@pytest.mark.parametrize("name", ["linear", "concat"])
def test_searched_codes_are_the_same_at_every_offset(table, name):
    base = learn(table, name)
    for shift in (1, 100):
        shifted = table + shift * SHIFT
        assert_alike(shifted, learn(shifted, name), table, base)


def test_a_narrow_sum_rebuilds_vectors_at_every_offset(table):
    """It has no offset: the mean takes up a direction."""
    for shift in (1, 10_000):
        shifted = table + shift * SHIFT
        assert relative_error(shifted, learn(shifted, "linear", 4)) < 0.3


@pytest.mark.parametrize(("name", "code_dim"), TRAINED)
@pytest.mark.slow
def test_trained_codes_are_the_same_at_every_scale_and_offset(
    table, name, code_dim
):
    base = learn(table, name, code_dim)
    assert relative_error(table, base) < (1 if name == "own" else 0.35)
    unit, scale = 2.0**66, 1e-20
    assert_same(learn(table * np.float32(unit), name, code_dim), unit, base)
    moved = ((table + SHIFT) * scale).astype("f4")
    assert_alike(moved, learn(moved, name, code_dim), table, base)


@pytest.mark.parametrize("name", ["linear", "concat", "lstm"])
@pytest.mark.slow
def test_rows_that_are_encoded_later_get_the_same_codes(
    table, name, monkeypatch
):
    monkeypatch.setattr("kd_keras.search.learning_sample.LEARNING_ROWS", 100)
    monkeypatch.setattr("kd_keras.search.learning_sample.TRAINING_ROWS", 100)
    monkeypatch.setattr("kd_keras.search.shards.ENCODED_ROWS", 64)
    base = learn(table, name)
    assert relative_error(table, base) < 0.35
    unit = 2.0**116  # as large as a table may be
    assert_same(learn(table * np.float32(unit), name), unit, base)


def test_tables_beyond_the_range_of_float32_are_refused(table):
    for scale in (1e-40, 1e37):
        scaled = (table * scale).astype("f4")
        with pytest.raises(ValueError, match=r"1e-32 to 1e\+36.* Received: "):
            learn(scaled, "linear")


def test_a_layer_can_be_learned_again(table):
    composition = kd_keras.LSTMComposition(K, D, SIZE)
    first, again = (
        kd_keras.learn_codes(
            scale * table, K, D, composition, effort=0, verbose=0
        )
        for scale in (np.float32(1), np.float32(16))
    )
    assert composition.scaled
    assert relative_error(16 * table, again) < 0.3
    np.testing.assert_array_equal(first.codes, again.codes)


@pytest.mark.parametrize("code_dim", [None, 4])
def test_a_built_layer_without_a_scale_is_refused(table, code_dim):
    composition = kd_keras.LSTMComposition(K, D, SIZE, code_dim)
    composition.build()
    with pytest.raises(ValueError, match="Received: .*scaled=False"):
        learn(table, composition)


@pytest.mark.parametrize(
    ("kind", "scaled"),
    [
        (kd_keras.LinearComposition, True),
        (kd_keras.ConcatComposition, True),
        (kd_keras.ResidualComposition, True),
        (kd_keras.LSTMComposition, "yes"),
    ],
)
def test_a_wrong_scaled_is_refused(kind, scaled):
    with pytest.raises(ValueError, match=f"Received: scaled={scaled!r}"):
        kind(K, D, SIZE, scaled=scaled)
