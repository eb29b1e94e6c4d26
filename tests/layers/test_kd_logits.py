"""Tests of `KDLogits` against numpy and against `keras.layers.Dense`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kd_keras
from kd_keras.layers.compositions.composition import Composition

N, SIZE, K, D = 30, 6, 4, 3
GENERATOR = np.random.default_rng
CODES = GENERATOR(0).integers(0, K, (N, D))
COMPOSITIONS = ("linear", "lstm", "concat", "residual")


def hidden(*shape):
    return GENERATOR(1).normal(size=(*shape, SIZE)).astype("float32")


def vectors_of(layer):
    return np.asarray(layer.composition(layer.codes), np.float64)


def tied(**options):
    embedding = kd_keras.KDEmbedding(N, SIZE, K, D, CODES)
    return embedding, kd_keras.KDLogits(embedding=embedding, **options)


@pytest.mark.parametrize("composition", COMPOSITIONS)
@pytest.mark.parametrize("codes", [CODES, "learn"], ids=["fixed", "learned"])
@pytest.mark.parametrize("code_dim", [None, 2])
def test_logits_are_inner_products_by_both_ways(composition, codes, code_dim):
    if composition == "concat" and code_dim:
        pytest.skip("its code_dim is given by d and D")
    layer = kd_keras.KDLogits(
        N, K, D, codes, composition, code_dim, bias_initializer="normal"
    )
    few, many = hidden(1), hidden(200)
    for x in (few, many):
        want = x @ vectors_of_built(layer, x).T + layer.bias.numpy()
        np.testing.assert_allclose(layer(x), want, atol=1e-5)


def vectors_of_built(layer, x):
    layer.build(x.shape)
    return vectors_of(layer)


def test_the_sizes_decide_which_way_is_taken(monkeypatch):
    calls = []
    for name in ("score_values", "score_composed"):
        kind = kd_keras.LinearComposition
        original = getattr(kind, name)

        def spy(*args, name=name, original=original):
            calls.append(name)
            return original(*args)

        monkeypatch.setattr(kind, name, spy)
    layer = kd_keras.KDLogits(N, K, D, CODES)
    layer(hidden(1))
    layer(hidden(500))
    assert calls == ["score_values", "score_composed"]


@pytest.mark.parametrize("code_dim", [None, 2])
def test_gradients_are_those_of_dense(code_dim):
    """By both ways, and for bias, code embeddings, H and hidden states."""
    for rows in (2, 300):
        layer = kd_keras.KDLogits(N, K, D, CODES, code_dim=code_dim)
        x = tf.constant(hidden(rows))
        layer(x)
        one_hot = tf.one_hot(CODES, K)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            ours = tf.reduce_sum(tf.sin(layer(x)))
            V = layer.composition(one_hot)
            logits = tf.matmul(x, V, transpose_b=True) + layer.bias
            theirs = tf.reduce_sum(tf.sin(logits))
        sources = [x, *(v.value for v in layer.trainable_variables)]
        for a, b in zip(
            tape.gradient(ours, sources),
            tape.gradient(theirs, sources),
            strict=True,
        ):
            a, b = map(tf.convert_to_tensor, (a, b))
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_it_can_stand_where_dense_stood():
    dense = keras.layers.Dense(N, bias_initializer="normal")
    dense.build((None, SIZE))
    layer = kd_keras.KDLogits(N, K, D, CODES)
    layer(hidden(1))
    layer.composition.code_embeddings.assign(
        GENERATOR(2).normal(size=(D, K, SIZE))
    )
    dense.kernel.assign(vectors_of(layer).T)
    layer.bias.assign(dense.bias)
    x = hidden(2, 5)
    np.testing.assert_allclose(layer(x), dense(x), atol=1e-5)
    assert layer(x).shape == (2, 5, N) == layer.compute_output_shape(x.shape)
    masked = keras.layers.Masking()(keras.ops.zeros((1, 2, SIZE)))
    assert layer(masked)._keras_mask is not None


def test_no_weight_has_a_row_for_each_symbol():
    layer = kd_keras.KDLogits(500, K, D, "learn", use_bias=False)
    layer.build((None, 100))
    assert {v.shape for v in layer.weights if v.name != "logits"} == {
        (D, K, 100), (), (4,),
    }  # fmt: skip
    with pytest.raises(AttributeError):
        _ = layer.kernel


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


def test_reverse_keeps_the_masks_of_its_own_input():
    embedding = kd_keras.KDEmbedding(N, SIZE, K, D, CODES, mask_zero=True)
    ids = np.array([[1, 2, 0]])
    vectors = embedding(ids)
    np.testing.assert_array_equal(vectors._keras_mask, ids != 0)
    logits = embedding(vectors, reverse=True)
    np.testing.assert_array_equal(logits._keras_mask, ids != 0)
    bare = embedding(keras.ops.zeros((1, 3, SIZE)), reverse=True)
    assert getattr(bare, "_keras_mask", None) is None
    # As many ids in a row as a vector has numbers, as floats.
    row = keras.ops.convert_to_tensor([[1.0, 0, 3, 0, 5, 6]])
    assert embedding(row).shape == (1, 6, SIZE)
    np.testing.assert_array_equal(embedding(row)._keras_mask, row != 0)


def test_a_composition_layer_and_a_learner_can_be_given():
    composition = kd_keras.LinearComposition(K, D, SIZE, 2)
    learner = kd_keras.KDCodeLearner(N, K, D)
    layer = kd_keras.KDLogits(N, K, D, learner, composition)
    layer(hidden(2))
    assert layer.composition is composition and layer.learner is learner
    copy = kd_keras.KDLogits.from_config(layer.get_config())
    copy.build((None, SIZE))
    assert copy.code_dim == 2
    unbuilt = kd_keras.KDLogits(N, K, D, code_dim=2, name="out")
    copy = kd_keras.KDLogits.from_config(unbuilt.get_config())
    assert (copy.code_dim, copy.name, copy.composition) == (2, "out", "linear")


class Halved(kd_keras.LinearComposition):
    """Inherits ways to score that are not true of it."""

    def compose(self, embedded):
        return 0.5 * super().compose(embedded)

    def compose_one_hot(self, one_hot):
        return 0.5 * super().compose_one_hot(one_hot)


class Summed(Composition):
    """Adds up, and may be scaled."""

    is_additive = True

    def compose(self, embedded):
        return keras.ops.sum(embedded, axis=-2)

    def score_values(self, hidden, code_embeddings):
        flat = keras.ops.reshape(code_embeddings, (-1, self.code_dim))
        return keras.ops.matmul(flat, keras.ops.transpose(hidden))


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("kind", [Halved, Summed])
def test_compositions_derived_from_others(kind, scaled):
    if kind is Halved and scaled:
        pytest.skip("a linear composition has a scale of its own")
    composition = kind(K, D, SIZE, scaled=scaled)
    layer = kd_keras.KDLogits(N, K, D, CODES, composition, use_bias=False)
    layer.build((None, SIZE))
    if scaled:
        composition.output_scale.assign(3.0)
        composition.output_offset.assign(np.arange(SIZE))
    for x in (hidden(1), hidden(300)):
        np.testing.assert_allclose(layer(x), x @ vectors_of(layer).T, atol=1e-5)


def test_any_composition_of_ones_own():
    class Mean(Composition):
        def compose(self, embedded):
            return keras.ops.mean(embedded, axis=-2)

    layer = kd_keras.KDLogits(N, K, D, CODES, Mean(K, D, SIZE))
    x = hidden(2)
    np.testing.assert_allclose(layer(x), x @ vectors_of(layer).T, atol=1e-6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {},
            "`units` must be a positive integer. Received: units=None",
        ),
        ({"units": 0}, "`units` must be a positive integer. Received: units=0"),
        (
            {"units": N, "use_projection": True},
            "only for an output that is tied",
        ),
        ({"units": N, "K": K, "D": D, "codes": CODES[1:]}, "shape"),
        (
            {"units": N + 1, "K": K, "D": D}
            | {"codes": kd_keras.KDCodeLearner(N, K, D)},
            "A KDCodeLearner must agree",
        ),
        (
            {"units": N, "composition": "sum"},
            "`composition` must be one of linear, lstm, concat, residual",
        ),
        (
            {"units": N, "K": 5, "D": D}
            | {"composition": kd_keras.LinearComposition(K, D, SIZE)},
            "must agree with the embedding in `K`",
        ),
        ({"units": N, "code_dim": 0}, "`code_dim` must be a positive integer"),
        ({"embedding": 3}, "`embedding` must be a KDEmbedding, or None"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        kd_keras.KDLogits(**arguments)


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


def test_codes_are_known_before_the_size_is():
    np.testing.assert_array_equal(tied()[1].codes, CODES)
    assert kd_keras.KDLogits(N, K, D, "learn").codes.shape == (N, D)


def test_hidden_states_of_the_wrong_size():
    _, layer = tied()
    with pytest.raises(ValueError, match="must have the size of a vector, 6"):
        layer(np.zeros((2, 5), "float32"))
    untied = kd_keras.KDLogits(N, K, D, CODES)
    with pytest.raises(
        ValueError, match="size of a hidden state must be known"
    ):
        untied.build()
    untied(hidden(1))
    with pytest.raises(ValueError):
        untied(np.zeros((2, 5), "float32"))
    concat = kd_keras.KDLogits(N, K, D, CODES, "concat")
    with pytest.raises(ValueError, match="that D divides"):
        concat(np.zeros((2, 5), "float32"))


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
