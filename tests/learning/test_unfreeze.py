"""Codes that were fixed go on learning."""

import keras
import numpy as np
import pytest

import kd_keras

N, SIZE, K, D = 300, 16, 8, 4
TIERS = {"D": (4, 2), "tiers": (100,)}
IDS = np.arange(N).reshape(20, 15)


def embedding(**options):
    options = {"K": K, "D": D, "name": "words"} | options
    layer = kd_keras.KDEmbedding(N, SIZE, **options)
    layer.build()
    return layer


def language_model(tied):
    ids = keras.Input((15,), dtype="int32")
    words = embedding()
    out = (
        kd_keras.KDLogits(embedding=words, name="out")
        if tied
        else kd_keras.KDLogits(N, K, D, name="out")
    )
    hidden = keras.layers.LSTM(SIZE, return_sequences=True)(words(ids))
    model = keras.Model(ids, out(hidden))
    out.bias.assign(np.linspace(0, 1, N))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    return model


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"composition": "concat"},
        {"composition": "residual"},
        {"composition": "lstm", "code_dim": 6},
        {"mask_zero": True, "dtype": "mixed_bfloat16"},
        TIERS,
    ],
)
def test_a_layer_computes_the_same_until_it_learns(options):
    fixed = embedding(**options)
    learning = kd_keras.unfreeze(fixed, margin=0.1)
    assert learning.learner is not None and fixed.learner is None
    assert learning.get_config() | {"codes": 0, "composition": 0} == (
        fixed.get_config() | {"codes": 0, "composition": 0}
    )
    np.testing.assert_array_equal(learning.codes, fixed.codes)
    found, wanted = (np.asarray(x(IDS), "f4") for x in (learning, fixed))
    atol = 2e-3 if "dtype" in options else 1e-6  # of bfloat16's rounding
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=atol)
    again = kd_keras.freeze(learning)
    np.testing.assert_array_equal(again.codes, fixed.codes)


@pytest.mark.parametrize("tied", [False, True])
def test_a_model_learns_its_codes(tied, tmp_path):
    model = language_model(tied)
    before = model.get_weights()
    learning = kd_keras.unfreeze(model, margin=0.001)
    np.testing.assert_allclose(learning(IDS), model(IDS), rtol=1e-4, atol=1e-5)
    words, out = learning.get_layer("words"), learning.get_layer("out")
    assert (out.embedding is words) == tied
    assert (out.learner is words.learner) == tied
    learning.fit(IDS, IDS, epochs=2, verbose=0)
    assert (words.codes != model.get_layer("words").codes).any()
    assert (out.codes != model.get_layer("out").codes).any()
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    learning.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(IDS), learning(IDS), rtol=1e-5, atol=1e-6)


def test_layers_that_share_a_composition_share_it_still():
    shared = kd_keras.LinearComposition(K, D, SIZE)
    parts = [
        kd_keras.KDEmbedding(N, SIZE, K, D, composition=shared, name=name)
        for name in ("users", "films")
    ]
    inputs = [keras.Input((), dtype="int32") for _ in parts]
    vectors = [part(ids) for part, ids in zip(parts, inputs, strict=True)]
    model = keras.Model(inputs, keras.layers.Dot(1)(vectors))
    learning = kd_keras.unfreeze(model)
    users, films = (learning.get_layer(x.name) for x in parts)
    assert users.composition is films.composition
    assert users.learner is not films.learner
    ids = [np.arange(9), np.arange(9)]
    np.testing.assert_allclose(learning(ids), model(ids), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: embedding(codes="learn"), "with fixed codes"),
        (lambda: keras.Sequential([keras.Input((3,))]), "with fixed codes"),
        (lambda: 3, "with fixed codes"),
        (lambda: kd_keras.KDEmbedding(N, SIZE, K, D), "not built"),
    ],
)
def test_what_has_no_fixed_codes_is_refused(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        kd_keras.unfreeze(make())
    assert "Received: " in str(caught.value)


def test_symbols_out_of_the_order_of_the_tiers_are_refused():
    order = np.random.default_rng(0).permutation(N)
    codes = embedding(**TIERS).codes[order]
    with pytest.raises(ValueError, match="in the order of the tiers"):
        kd_keras.unfreeze(embedding(codes=codes, **TIERS))
