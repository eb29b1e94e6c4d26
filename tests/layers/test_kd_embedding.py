"""Tests of the layer that replaces `keras.layers.Embedding`."""

import keras
import numpy as np
import pytest
from coded_layers import embedding
from kd_testing import (
    SIZE,
    D,
    K,
    N,
    as_numpy,
    ids_and_vectors,
    learning_model,
    run_python,
)

import kd_keras


def test_a_vector_is_composed_from_the_code(options):
    layer = embedding(**options)
    table = as_numpy(layer(np.arange(N)))
    np.testing.assert_allclose(
        table, layer.composition(layer.codes), rtol=1e-5, atol=1e-7
    )
    assert len(np.unique(table, axis=0)) > N / 2


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_has_the_codes_of_float32(options, policy):
    layer = embedding(**options)
    layer.build()
    mixed = embedding(dtype=policy, **options)
    mixed.build()
    mixed.set_weights(layer.get_weights())
    np.testing.assert_array_equal(mixed.codes, layer.codes)
    ids = np.arange(N)
    output = mixed(ids)
    assert output.dtype == mixed.compute_dtype == policy.removeprefix("mixed_")
    assert {w.dtype for w in mixed.trainable_weights} == {"float32"}
    # bfloat16 keeps 8 bits; vectors here are sums of numbers up to 0.05.
    np.testing.assert_allclose(
        keras.ops.cast(output, "float32"), layer(ids), atol=3e-3
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_trains_under_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    try:
        # float16 makes Keras wrap the optimizer in a LossScaleOptimizer.
        model = learning_model(kd_keras.LazyAdam(0.01))
        history = model.fit(*ids_and_vectors(), epochs=5, verbose=0)
    finally:
        keras.config.set_dtype_policy("float32")
    losses = history.history["loss"]
    assert losses[-1] < losses[0]


def test_config_round_trip(options):
    layer = embedding(
        **options, mask_zero=True, seed=3, embeddings_initializer="ones"
    )
    copy = kd_keras.KDEmbedding.from_config(layer.get_config())
    for name in ("input_dim", "output_dim", "K", "D", "code_dim", "seed"):
        assert getattr(copy, name) == getattr(layer, name)
    assert copy.mask_zero
    assert isinstance(copy.embeddings_initializer, keras.initializers.Ones)
    assert type(copy.composition) is type(layer.composition)
    assert copy.composition.get_config() == layer.composition.get_config()
    assert (copy.learner is None) == (options["codes"] is None)


def test_config_of_code_dim_and_policy_round_trips():
    layer = embedding(code_dim=2, composition="lstm", dtype="mixed_bfloat16")
    copy = kd_keras.KDEmbedding.from_config(layer.get_config())
    assert copy.code_dim == copy.composition.code_dim == 2
    assert copy.composition.compute_dtype == "bfloat16"
    assert copy(np.arange(3)).dtype == "bfloat16"


@pytest.mark.slow
def test_keras_file_round_trip_keeps_values_and_codes(options, tmp_path):
    model = keras.Sequential([embedding(**options), keras.layers.Dense(2)])
    ids = np.arange(N)
    before = model.predict(ids, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(ids, verbose=0), before)
    np.testing.assert_array_equal(loaded.layers[0].codes, model.layers[0].codes)


def test_weights_file_round_trip_keeps_values_and_codes(options, tmp_path):
    path = tmp_path / "saved.weights.h5"
    models = [keras.Sequential([embedding(**options)]) for _ in range(2)]
    for model in models:
        model.build((None,))
    codes = [model.layers[0].codes for model in models]
    assert (codes[0] != codes[1]).any()
    models[0].save_weights(path)
    models[1].load_weights(path)
    np.testing.assert_array_equal(models[1].layers[0].codes, codes[0])
    ids = np.arange(N)
    np.testing.assert_array_equal(models[0](ids), models[1](ids))


class Tagger(keras.Model):
    def __init__(self, options, **kwargs):
        super().__init__(**kwargs)
        self.embedding = embedding(**options)
        self.head = keras.layers.Dense(2)

    def call(self, ids):
        return self.head(self.embedding(ids))


def functional(options):
    ids = keras.Input((None,))  # float32, Keras' default
    vectors = embedding(**options)(ids)
    assert vectors.shape == (None, None, SIZE)
    return keras.Model(ids, keras.layers.Dense(2)(vectors))


def sequential(options):
    return keras.Sequential([embedding(**options), keras.layers.Dense(2)])


@pytest.mark.parametrize("codes", [None, "learn"])
@pytest.mark.parametrize("make", [sequential, functional, Tagger])
@pytest.mark.slow
def test_trains_in_a_model_of_any_kind(make, codes):
    model = make({"codes": codes})
    model.compile(keras.optimizers.Adam(0.1), "mse", jit_compile=False)
    ids = np.arange(N).reshape(-1, 3)
    targets = np.random.default_rng(0).normal(size=(*ids.shape, 2))
    history = model.fit(ids, targets, epochs=8, batch_size=N, verbose=0)
    losses = history.history["loss"]
    assert losses[-1] < losses[0]


def test_there_is_no_table_of_vectors(options):
    layer = embedding(**options)
    layer.build()
    assert not hasattr(layer, "embeddings")
    assert (N, SIZE) not in [weight.shape for weight in layer.weights]


def test_numpy_integers_are_sizes_too(tmp_path):
    layer = embedding(K=np.int64(K), D=np.int32(D))
    model = keras.Sequential([layer])
    before = model(np.arange(N))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(np.arange(N)), before)


def test_a_composition_layer_is_accepted(tmp_path):
    composition = kd_keras.LSTMComposition(K, D, SIZE, code_dim=2, name="f")
    layer = embedding(composition=composition)
    assert layer.composition is composition
    assert layer.code_dim == 2
    model = keras.Sequential([layer])
    before = model(np.arange(N))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(np.arange(N)), before)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"K": 1}, "K must be .* Received: K=1"),
        ({"D": 0}, "D must be .* Received: D=0"),
        ({"input_dim": 0}, "`input_dim` .* Received: input_dim=0"),
        ({"input_dim": 3.0}, "`input_dim` .* Received: input_dim=3.0"),
        ({"output_dim": -1}, "`output_dim` .* Received: output_dim=-1"),
        ({"composition": "gru"}, "lstm, concat, residual .* composition='gru'"),
        ({"codes": "learned"}, "`codes` .* \"learn\" .* codes='learned'"),
        ({"codes": np.zeros((N, D))}, "integer dtype. .* dtype=float64"),
        ({"codes": np.zeros((N, 9), int)}, r"D=3 .* shape=\(30, 9\)"),
        ({"codes": np.zeros((9, D), int)}, r"input_dim=30 .* shape=\(9, 3\)"),
        (
            {"codes": np.full((N, D), K)},
            "from 0 to 3 .* 4 in row 0, position 0",
        ),
        (
            {"codes": np.full((N, D), -1)},
            "from 0 to 3 .* -1 in row 0, position 0",
        ),
        (
            {"composition": kd_keras.LinearComposition(K, D, 7)},
            r"`output_dim` \(6\). Received: output_dim=7",
        ),
        (
            {
                "composition": kd_keras.LinearComposition(K, D, SIZE, 2),
                "code_dim": 3,
            },
            r"\(2\). Received: code_dim=3",
        ),
        (
            {"codes": kd_keras.KDCodeLearner(9, K, D)},
            r"`input_dim` \(30\). Received: input_dim=9",
        ),
        (
            {"output_dim": 7, "composition": "concat"},
            "D divides. Received: output_dim=7, D=3",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    defaults = {"input_dim": N, "output_dim": SIZE, "K": K, "D": D}
    with pytest.raises(ValueError, match=message):
        kd_keras.KDEmbedding(**defaults | arguments)


FLOATX = """
import keras, numpy as np, sys
keras.config.set_floatx(sys.argv[1])
import kd_keras
from kd_keras.layers.compositions.by_name import COMPOSITIONS
ids = np.array([[1, 2, 3]])
for composition in COMPOSITIONS:
    for codes in (None, "learn"):
        layer = kd_keras.KDEmbedding(20, 6, 4, 2, codes, composition)
        vectors = layer(ids, training=True)
        assert vectors.dtype == sys.argv[1] and vectors.shape == (1, 3, 6)
        same = np.allclose(kd_keras.freeze(layer)(ids), layer(ids), atol=1e-2)
        assert same, composition
"""


@pytest.mark.parametrize("floatx", ["float16", "float64"])
@pytest.mark.slow
def test_any_floatx(floatx):
    # In a process of its own: Keras fixes the default policy when it is used.
    run_python(FLOATX, floatx)
