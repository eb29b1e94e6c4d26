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


def test_codes_are_known_before_the_size_is():
    embedding = kd_keras.KDEmbedding(N, SIZE, K, D, CODES)
    tied = kd_keras.KDLogits(embedding=embedding)
    np.testing.assert_array_equal(tied.codes, CODES)
    assert kd_keras.KDLogits(N, K, D, "learn").codes.shape == (N, D)


def test_hidden_states_of_the_wrong_size():
    embedding = kd_keras.KDEmbedding(N, SIZE, K, D, CODES)
    tied = kd_keras.KDLogits(embedding=embedding)
    with pytest.raises(ValueError, match="must have the size of a vector, 6"):
        tied(np.zeros((2, 5), "float32"))
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


@pytest.mark.parametrize("composition", COMPOSITIONS)
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_a_float32_composition_in_a_layer_of_another_precision(
    composition, dtype
):
    learned = kd_keras.KDEmbedding(N, SIZE, K, D, CODES, composition)
    learned.build()
    layer = kd_keras.KDLogits.from_embedding(learned, np.ones(N), dtype=dtype)
    plain = kd_keras.KDLogits.from_embedding(learned, np.ones(N))
    for x in (hidden(1), hidden(200)):
        found = layer(x)
        assert found.dtype == layer.compute_dtype
        found = keras.ops.cast(found, "float32")
        np.testing.assert_allclose(found, plain(x), atol=0.1)
    tied = kd_keras.KDLogits(embedding=learned, dtype=dtype)
    assert tied(hidden(200)).dtype == tied.compute_dtype


@pytest.mark.parametrize("composition", ["linear", "concat"])
def test_graphs_for_inference_can_be_compiled_later(composition):
    layer = kd_keras.KDLogits(N, K, D, CODES, composition)
    layer.build((None, SIZE))
    for states in (1, 200):
        traced = tf.function(lambda x: layer(x))
        wanted = traced(hidden(states))
        graph = traced.get_concrete_function(hidden(states)).graph
        assert not [x for x in graph.get_operations() if "Sparse" in x.type]
        later = tf.function(lambda x: traced(x), jit_compile=True)  # noqa: B023
        np.testing.assert_allclose(later(hidden(states)), wanted, atol=1e-5)


def test_forward_mode_derivatives():
    layer = kd_keras.KDLogits(N, K, D, CODES)
    layer.build((None, SIZE))
    codes = layer.composition.code_embeddings.value
    with tf.autodiff.ForwardAccumulator(codes, tf.ones_like(codes)) as forward:
        logits = layer(hidden(4))
    want = np.tile(D * hidden(4).sum(axis=1, keepdims=True), (1, N))
    np.testing.assert_allclose(forward.jvp(logits), want, atol=1e-5)
