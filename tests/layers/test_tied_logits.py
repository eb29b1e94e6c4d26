"""Tests of `KDLogits` that are tied to a `KDEmbedding`, or made from one."""

import keras
import numpy as np
import pytest

import kd_keras

N, SIZE, K, D = 30, 6, 4, 3
GENERATOR = np.random.default_rng
CODES = GENERATOR(0).integers(0, K, (N, D))


def hidden(*shape):
    return GENERATOR(1).normal(size=(*shape, SIZE)).astype("float32")


def vectors_of(layer):
    return np.asarray(layer.composition(layer.codes), np.float64)


def tied(**options):
    embedding = kd_keras.KDEmbedding(N, SIZE, K, D, CODES)
    return embedding, kd_keras.KDLogits(embedding=embedding, **options)


def test_tied_weights_are_the_same_weights():
    embedding, layer = tied()
    layer(hidden(1))
    assert [v.name for v in layer.trainable_variables] == [
        "bias", "code_embeddings",
    ]  # fmt: skip
    assert layer.composition is embedding.composition
    x = hidden(3)
    np.testing.assert_allclose(layer(x), embedding(x, reverse=True), atol=1e-6)
    other = GENERATOR(9).integers(0, K, (N, D))
    embedding.codes = other
    np.testing.assert_array_equal(layer.codes, other)
    want = x @ np.asarray(embedding(np.arange(N))).T
    np.testing.assert_allclose(layer(x), want, atol=1e-5)


def test_a_projection_ties_hidden_states_of_another_size():
    _, layer = tied(use_projection=True)
    x = GENERATOR(1).normal(size=(3, 9)).astype("float32")
    got = layer(x)
    assert layer.projection.shape == (9, SIZE)
    want = x @ layer.projection.numpy() @ vectors_of(layer).T
    np.testing.assert_allclose(got, want, atol=1e-5)


def tied_model(codes, mask_zero=False):
    ids = keras.Input((None,), dtype="int32")
    embedding = kd_keras.KDEmbedding(N, SIZE, K, D, codes, mask_zero=mask_zero)
    hidden = keras.layers.LSTM(SIZE, return_sequences=True)(embedding(ids))
    layer = kd_keras.KDLogits(embedding=embedding, bias_initializer="normal")
    return keras.Model(ids, [layer(hidden), embedding(hidden, reverse=True)])


@pytest.mark.parametrize("codes", [None, "learn"], ids=["fixed", "learned"])
def test_tied_models_are_saved_and_frozen_tied(codes, tmp_path):
    model = tied_model(codes)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    small = kd_keras.freeze(model)
    x = GENERATOR(1).integers(0, N, (2, 5))
    for copy in (loaded, small):
        for a, b in zip(model(x), copy(x), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
        layer = next(x for x in copy.layers if isinstance(x, kd_keras.KDLogits))
        assert layer.embedding is copy.layers[1]
    assert len(loaded.weights) == len(model.weights)
    assert small.layers[1].learner is None


@pytest.mark.slow
def test_a_tied_model_trains_both_sides_with_one_step_a_batch():
    model = tied_model("learn")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(kd_keras.LazyAdam(0.01), [loss, loss])
    x = GENERATOR(1).integers(0, N, (8, 5))
    losses = model.fit(x, [x, x], epochs=4, batch_size=8, verbose=0)
    assert losses.history["loss"][-1] < losses.history["loss"][0]
    assert int(model.layers[1].learner.step) == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.layers.ReversibleEmbedding(N, SIZE, mask_zero=True),
        lambda: kd_keras.KDEmbedding(N, SIZE, K, D, CODES, mask_zero=True),
    ],
    ids=["Keras", "codes"],
)
def test_vectors_have_masks_and_logits_have_none(make):
    embedding = make()
    ids = np.array([[1, 2, 0]])
    vectors = embedding(ids)
    np.testing.assert_array_equal(vectors._keras_mask, ids != 0)
    logits = embedding(vectors, reverse=True)
    assert getattr(logits, "_keras_mask", None) is None
    # In a graph as well.
    given = keras.Input((3,), dtype="int32")
    model = keras.Model(given, embedding(embedding(given), reverse=True))
    assert getattr(model.output, "_keras_mask", None) is None
    assert getattr(model(ids), "_keras_mask", None) is None


def test_float_ids_may_look_like_hidden_states():
    embedding = kd_keras.KDEmbedding(N, SIZE, K, D, CODES, mask_zero=True)
    # As many ids in a row as a vector has numbers, as floats.
    row = keras.ops.convert_to_tensor([[1.0, 0, 3, 0, 5, 6]])
    assert embedding(row).shape == (1, 6, SIZE)
    np.testing.assert_array_equal(embedding(row)._keras_mask, row != 0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"units": N + 1},
        {"K": 5},
        {"D": 5},
        {"codes": "learn"},
        {"codes": CODES},
        {"codes": kd_keras.KDCodeLearner(N, K, D)},
        {"composition": "concat"},
        {"composition": "linear"},
        {"code_dim": 2},
        {"K": 16},
    ],
    ids=str,
)
def test_a_tied_layer_has_no_codes_of_its_own(arguments):
    with pytest.raises(ValueError, match="Received: "):
        tied(**arguments)


@pytest.mark.parametrize("composition", ["linear", "concat"])
def test_reverse_checks_the_size(composition):
    embedding = kd_keras.KDEmbedding(N, SIZE, K, D, CODES, composition)
    for wrong in (np.zeros((1, 12), "f4"), keras.Input((5,))):
        with pytest.raises(ValueError, match="must have the size of a vector"):
            embedding(wrong, reverse=True)


@pytest.mark.parametrize("composition", ["linear", "concat", "lstm"])
def test_from_embedding_copies_codes_and_code_embeddings(composition):
    embedding = kd_keras.KDEmbedding(30, 8, 4, 2, None, composition)
    embedding.build()
    bias = np.arange(30.0)
    layer = kd_keras.KDLogits.from_embedding(embedding, bias, name="mine")
    hidden = np.random.default_rng(0).normal(size=(5, 8)).astype("f4")
    vectors = np.asarray(embedding(np.arange(30)))
    np.testing.assert_allclose(
        layer(hidden), hidden @ vectors.T + bias, atol=1e-5
    )
    assert layer.name == "mine" and layer.embedding is None
    # A copy: what becomes of the embedding changes nothing.
    before = np.asarray(layer(hidden))
    embedding.composition.set_weights(
        [0 * w for w in embedding.composition.get_weights()]
    )
    np.testing.assert_array_equal(layer(hidden), before)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"bias": np.zeros(29)}, r"Received: shape=\(29,\)"),
        ({"bias": np.zeros(30), "use_bias": False}, "`use_bias` be True"),
        ({"codes": None}, "codes"),
    ],
)
def test_from_embedding_refuses(options, message):
    embedding = kd_keras.KDEmbedding(30, 8, 4, 2)
    with pytest.raises(ValueError, match="must be built.*not built"):
        kd_keras.KDLogits.from_embedding(embedding)
    embedding.build()
    with pytest.raises((ValueError, TypeError), match=message):
        kd_keras.KDLogits.from_embedding(embedding, **options)
