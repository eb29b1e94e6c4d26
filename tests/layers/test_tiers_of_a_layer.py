"""Tests of layers whose rare symbols have shorter codes."""

import keras
import numpy as np
import pytest
from kd_testing import SIZE, K, N, as_numpy, ids_and_vectors

import kd_keras
from kd_keras.codes.tiers import Tiers
from kd_keras.layers.compositions.by_name import COMPOSITIONS

TIERS = {"D": (4, 2, 0), "tiers": (8, 20)}
EXPECTED = Tiers((4, 2, 0), (8, 20))
# Concat needs a D that divides the size of a vector.
DIM = 8


def embedding(**options):
    return kd_keras.KDEmbedding(N, DIM, K, **TIERS | options)


@pytest.mark.parametrize("composition", COMPOSITIONS)
@pytest.mark.parametrize("codes", [None, "learn"])
def test_a_short_code_has_zeros(composition, codes, tmp_path):
    layer = embedding(codes=codes, composition=composition)
    layer.build()
    assert layer.tiers == EXPECTED and layer.D == 4
    for row, length in zip(layer.codes, EXPECTED.lengths(N), strict=True):
        assert not row[length:].any()
    assert layer.codes[:8].any() and layer.codes[8:20].any()
    table = as_numpy(layer(np.arange(N)))
    np.testing.assert_allclose(
        table, layer.composition(layer.codes), rtol=1e-5, atol=1e-7
    )
    assert (table[20:] == table[20]).all()
    model = keras.Sequential([layer])
    model(np.arange(N))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].tiers == EXPECTED
    np.testing.assert_array_equal(loaded(np.arange(N)), table)


@pytest.mark.parametrize(
    "optimizer", [keras.optimizers.Adam, kd_keras.LazyAdam]
)
def test_learning_moves_the_positions_that_symbols_have(optimizer):
    layer = embedding(codes="learn")
    model = keras.Sequential([layer])
    model.compile(optimizer(), "mse")
    layer.build()
    before = as_numpy(layer.learner.logits).copy()
    rng = np.random.default_rng(0)
    model.fit(np.arange(N), rng.normal(size=(N, DIM)), verbose=0)
    moved = (as_numpy(layer.learner.logits) != before).any(axis=-1)
    has = np.arange(4) < EXPECTED.lengths(N)[:, None]
    np.testing.assert_array_equal(moved, has)


def test_frozen_grown_and_tied():
    layer = embedding(codes="learn")
    model = keras.Sequential([layer])
    model(np.arange(N))
    small = kd_keras.freeze(model)
    assert small.layers[0].tiers == EXPECTED
    ids = np.arange(N)
    np.testing.assert_allclose(small(ids), model(ids), rtol=1e-6)
    grown = kd_keras.grow_embedding(layer, np.ones((3, DIM)))
    assert grown.tiers == EXPECTED and grown.input_dim == N + 3
    np.testing.assert_array_equal(grown.codes[:N], layer.codes)
    assert not grown.codes[N:].any()
    logits = kd_keras.KDLogits(embedding=layer, use_bias=False)
    hidden = np.random.default_rng(0).normal(size=(2, DIM))
    np.testing.assert_allclose(
        logits(hidden), hidden @ as_numpy(layer(ids)).T, rtol=1e-4, atol=1e-5
    )
    assert logits.tiers == EXPECTED
    again = kd_keras.KDLogits.from_config(logits.get_config())
    assert again.tiers == EXPECTED
    copy = kd_keras.KDLogits.from_embedding(small.layers[0])
    assert copy.tiers == EXPECTED
    np.testing.assert_allclose(
        copy(hidden), logits(hidden), rtol=1e-4, atol=1e-5
    )


def test_a_learner_from_codes_with_tiers():
    codes = embedding().codes
    learner = kd_keras.KDCodeLearner.from_codes(codes, K, **TIERS)
    np.testing.assert_array_equal(learner.codes, codes)
    one_hot = as_numpy(learner(np.arange(N), training=True))
    np.testing.assert_array_equal(one_hot.argmax(-1), codes)
    layer = embedding(codes=learner)
    np.testing.assert_array_equal(layer.codes, codes)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: embedding(tiers=(8, 20, 25)), "one number fewer than D"),
        (lambda: embedding(tiers=(8, N)), "below the number of symbols"),
        (lambda: embedding(tiers=None), "need `tiers`"),
        (lambda: embedding(codes=np.ones((N, 4), int)), "At most 8 codes"),
        (
            lambda: embedding(codes=kd_keras.KDCodeLearner(N, K, 4)),
            "must agree with the layer in `tiers`",
        ),
        (
            lambda: kd_keras.KDCodeLearner.from_codes(
                np.ones((N, 4), int), K, **TIERS
            ),
            "the value 0 where a symbol has no position",
        ),
        (
            lambda: kd_keras.KDLogits(embedding=embedding(), tiers=(3,)),
            "`tiers` are those of `embedding`",
        ),
        (
            lambda: embedding().encode(np.ones((2, DIM)), lengths=[4, 5]),
            "from 0 to D=4. Received: from 4 to 5",
        ),
        (
            lambda: embedding().encode(np.ones((2, DIM)), lengths=[4]),
            "must be 2 integers",
        ),
        (
            lambda: embedding(composition="lstm").encode(
                np.ones((2, DIM)), lengths=[4, 2]
            ),
            "linear composition only",
        ),
    ],
)
def test_wrong_tiers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_without_tiers_nothing_changes():
    layer = kd_keras.KDEmbedding(N, SIZE, K, 3)
    assert layer.tiers is None
    config = layer.get_config()
    assert config["D"] == 3 and config.pop("tiers") is None
    # Files written before there were tiers lack the entry.
    assert kd_keras.KDEmbedding.from_config(config).tiers is None
    ids, _ = ids_and_vectors()
    assert layer(ids).shape == (len(ids), SIZE)
