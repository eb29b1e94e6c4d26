"""Tests of the layer that replaces `keras.layers.Embedding`."""

import keras
import numpy as np
import pytest
import tensorflow as tf
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
from kd_keras.layers.compositions.by_name import COMPOSITIONS

KINDS = {
    f"{kind} {composition}": {"codes": codes, "composition": composition}
    for kind, codes in (("fixed", None), ("learned", "learn"))
    for composition in COMPOSITIONS
}


@pytest.fixture(params=KINDS)
def options(request):
    return KINDS[request.param]


def embedding(**options):
    return kd_keras.KDEmbedding(N, SIZE, **{"K": K, "D": D} | options)


def random_codes(K=K):
    return np.random.default_rng(1).integers(0, K, (N, D))


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 1, 3, 2)])
def test_ids_of_any_rank(options, shape):
    layer = embedding(**options)
    ids = np.random.default_rng(0).integers(0, N, shape)
    vectors = as_numpy(layer(ids))
    assert vectors.shape == (*shape, SIZE)
    table = as_numpy(layer(np.arange(N)))
    np.testing.assert_allclose(vectors, table[ids], rtol=1e-5)


def test_a_vector_is_composed_from_the_code(options):
    layer = embedding(**options)
    table = as_numpy(layer(np.arange(N)))
    np.testing.assert_allclose(
        table, layer.composition(layer.codes), rtol=1e-5, atol=1e-7
    )
    assert len(np.unique(table, axis=0)) > N / 2


@pytest.mark.parametrize("dtype", ["int8", "int64", "float32", "float64"])
def test_ids_of_any_dtype(options, dtype):
    layer = embedding(**options)
    ids = np.array([3, 0, N - 1])
    np.testing.assert_array_equal(layer(ids.astype(dtype)), layer(ids))


def test_float_ids_are_not_rounded_to_the_compute_dtype():
    # bfloat16 has 8 bits: it would round 301 to 300.
    layer = kd_keras.KDEmbedding(512, SIZE, K, D, dtype="mixed_bfloat16")
    ids = np.array([257, 301, 511])
    inputs = keras.Input((), dtype="float32")
    model = keras.Model(inputs, layer(inputs))
    expected = as_numpy(keras.ops.cast(layer(ids), "float32"))
    for call in (layer, model):
        output = keras.ops.cast(call(ids.astype("float32")), "float32")
        np.testing.assert_array_equal(output, expected)


@pytest.mark.parametrize("codes", [None, "learn"])
def test_ids_that_sequential_has_rounded_are_refused(codes):
    # Without an Input, Sequential casts ids to its first layer's dtype.
    layer = kd_keras.KDEmbedding(512, SIZE, K, D, codes, dtype="mixed_bfloat16")
    with pytest.raises(ValueError, match="511 were rounded to bfloat16"):
        keras.Sequential([layer])(np.array([257, 301]))
    model = keras.Sequential([keras.Input((), dtype="int32"), layer])
    np.testing.assert_array_equal(
        keras.ops.cast(model(np.array([301])), "float32"),
        keras.ops.cast(layer(np.array([301])), "float32"),
    )


def behaviour_out_of_range(layer, ids):
    try:
        return as_numpy(layer(ids))
    except tf.errors.InvalidArgumentError:
        return "error"


@pytest.mark.parametrize("id", [-1, -N, N, -N - 1, 10 * N])
def test_ids_out_of_range_behave_as_in_keras_embedding(options, id):
    ids = np.array([0, id])
    layer = embedding(**options)
    plain = keras.layers.Embedding(N, SIZE)
    behaviours = [behaviour_out_of_range(x, ids) for x in (layer, plain)]
    if isinstance(behaviours[1], str):
        assert behaviours[0] == behaviours[1]
    else:
        for x, behaviour in zip((layer, plain), behaviours, strict=True):
            expected = x(np.array([id + N]))
            np.testing.assert_allclose(behaviour[1:], expected, rtol=1e-5)


@pytest.mark.parametrize("codes", [None, "learn"])
def test_mask_reaches_an_lstm_as_from_keras_embedding(codes):
    layer = embedding(mask_zero=True, codes=codes)
    ids = np.array([[4, 7, 0, 0], [1, 2, 3, 0], [5, 6, 7, 8]])
    plain = keras.layers.Embedding(N, SIZE, mask_zero=True)
    plain.build()
    plain.set_weights([layer(np.arange(N))])
    lstm = keras.layers.LSTM(3)
    outputs = [
        keras.Sequential([x, lstm]).predict(ids, verbose=0)
        for x in (layer, plain)
    ]
    np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-6)
    # Without the mask it would be different.
    unmasked = as_numpy(lstm(as_numpy(layer(ids))))
    assert np.abs(unmasked[:2] - outputs[0][:2]).max() > 1e-4


def test_there_is_no_mask_unless_asked(options):
    ids = np.array([[4, 0]])
    assert embedding(**options).compute_mask(ids) is None
    mask = embedding(mask_zero=True, **options).compute_mask(ids)
    np.testing.assert_array_equal(mask, [[True, False]])


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


def test_the_same_seed_gives_the_same_random_codes():
    codes = [embedding(seed=seed).codes for seed in (1, 1, 2)]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert (codes[0] != codes[2]).any()


def test_set_random_seed_gives_the_same_random_codes():
    codes = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        codes += [embedding().codes, embedding().codes]
    np.testing.assert_array_equal(codes[:2], codes[2:4])
    assert (codes[0] != codes[1]).any() and (codes[0] != codes[4]).any()


def test_random_codes_use_all_values():
    codes = kd_keras.KDEmbedding(1000, SIZE, K, D).codes
    counts = [np.bincount(column, minlength=K) for column in codes.T]
    assert np.min(counts) > 180  # 250 expected, standard deviation 14


@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_given_codes_are_the_layers_codes(dtype):
    codes = random_codes().astype(dtype)
    layer = embedding(codes=codes)
    assert layer.codes.dtype == "uint8"
    np.testing.assert_array_equal(layer.codes, codes)


def test_codes_may_be_a_list():
    layer = kd_keras.KDEmbedding(2, SIZE, K, 2, codes=[[0, 3], [1, 2]])
    np.testing.assert_array_equal(layer.codes, [[0, 3], [1, 2]])


def test_given_codes_are_kept_on_every_replica(strategy):
    with strategy.scope():
        layer = embedding(codes=random_codes())
        layer.build()
    np.testing.assert_array_equal(layer.codes, random_codes())
    outputs = strategy.run(lambda: layer(tf.range(N)))
    for output in strategy.experimental_local_results(outputs):
        np.testing.assert_array_equal(output, layer(np.arange(N)))


def test_many_values_need_uint16():
    for codes in (None, "learn", random_codes(300)):
        layer = embedding(K=300, codes=codes)
        assert layer.codes.dtype == "uint16"
        assert layer.codes.max() > 255
        layer(np.arange(N))


def test_numpy_integers_are_sizes_too(tmp_path):
    layer = embedding(K=np.int64(K), D=np.int32(D))
    model = keras.Sequential([layer])
    before = model(np.arange(N))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(np.arange(N)), before)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", kd_keras.LazyAdam])
def test_logits_of_every_position_move_in_training(optimizer):
    if not isinstance(optimizer, str):
        optimizer = optimizer()
    model = learning_model(optimizer)
    model.build((None,))
    logits = model.layers[0].learner.logits
    before = as_numpy(logits).copy()
    model.fit(*ids_and_vectors(), verbose=0)
    assert np.all(np.any(as_numpy(logits) != before, axis=-1))


def test_fixed_codes_do_not_move_in_training():
    layer = embedding(codes=random_codes())
    model = learning_model("adam", layer)
    model.fit(*ids_and_vectors(), verbose=0)
    np.testing.assert_array_equal(layer.codes, random_codes())


def test_evaluation_uses_hard_codes():
    smooth = kd_keras.KDCodeLearner(N, K, D, estimator="smooth")
    layer = embedding(codes=smooth)
    model = learning_model(embedding=layer)
    ids, vectors = ids_and_vectors()
    hard = as_numpy(layer.composition(layer.codes))
    np.testing.assert_allclose(model.predict(ids, verbose=0), hard, rtol=1e-5)
    loss = np.mean((hard - vectors) ** 2)
    np.testing.assert_allclose(
        model.evaluate(ids, vectors, verbose=0), loss, rtol=1e-5
    )
    soft = as_numpy(layer(ids, training=True))
    assert np.abs(soft - hard).max() > 1e-3


def test_learned_codes_reconstruct_better_than_they_began():
    model = learning_model(kd_keras.LazyAdam(0.1), jit_compile=False)
    ids, vectors = ids_and_vectors()
    before = model.evaluate(ids, vectors, verbose=0)
    codes = model.layers[0].codes
    model.fit(
        ids,
        vectors,
        batch_size=N,
        epochs=40,
        verbose=0,
        callbacks=[kd_keras.TemperatureSchedule(decay_rate=0.1, minimum=0.1)],
    )
    assert model.evaluate(ids, vectors, verbose=0) < 0.7 * before
    assert np.mean(model.layers[0].codes != codes) > 0.1


def test_two_layers_may_share_a_learner_and_are_loaded_so(tmp_path):
    shared = kd_keras.KDCodeLearner(N, K, D)
    ids = keras.Input((), dtype="int32")
    outputs = [embedding(codes=shared)(ids) for _ in range(2)]
    model = keras.Model(ids, outputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    learners = [layer.learner for layer in loaded.layers[1:]]
    assert learners[0] is learners[1]
    np.testing.assert_array_equal(learners[0].codes, shared.codes)
    x = np.arange(N)
    np.testing.assert_array_equal(loaded(x), model(x))
    # A copy made from the configuration shares nothing with the original.
    copy = kd_keras.KDEmbedding.from_config(model.layers[1].get_config())
    assert copy.learner is not shared


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
def test_any_floatx(floatx):
    # In a process of its own: Keras fixes the default policy when it is used.
    run_python(FLOATX, floatx)


@pytest.mark.parametrize(
    ("dtype", "largest"),
    [("float32", 2**24), ("float16", 2**11), ("bfloat16", 2**8)],
)
@pytest.mark.parametrize("codes", ["fixed", "learn"])
def test_ids_that_were_rounded_are_refused(dtype, largest, codes):
    """A float dtype holds every integer up to 2 to its bits, not beyond."""
    for symbols, is_refused in ((largest + 1, False), (largest + 2, True)):
        given = np.zeros((symbols, 1), "u1") if codes == "fixed" else codes
        layer = kd_keras.KDEmbedding(symbols, 2, K=2, D=1, codes=given)
        ids = keras.ops.cast([[largest]], dtype)
        if is_refused:
            with pytest.raises(ValueError, match=f"were rounded to {dtype}"):
                layer(ids)
        else:
            assert layer(ids).shape == (1, 1, 2)


@pytest.mark.parametrize("codes", [None, "learn"])
def test_ragged_ids(codes):
    layer = kd_keras.KDEmbedding(20, 6, K=4, D=2, codes=codes, mask_zero=True)
    ids = tf.ragged.constant([[1, 2], [3], [], [0]], dtype="int32")
    vectors = layer(ids)
    assert vectors.shape.as_list() == [4, None, 6]
    np.testing.assert_allclose(
        vectors.flat_values, layer(ids.flat_values), rtol=1e-6
    )
    assert layer.compute_mask(ids).flat_values.numpy().tolist() == [1, 1, 1, 0]


def test_input_length_is_taken_with_a_warning():
    with pytest.warns(UserWarning, match="`input_length` is not needed"):
        kd_keras.KDEmbedding(20, 6, K=4, D=2, input_length=3)


def test_given_codes_do_not_follow_the_array():
    codes = np.random.default_rng(0).integers(0, 4, (20, 2)).astype("u1")
    before = codes.copy()
    built, unbuilt = (
        kd_keras.KDEmbedding(20, 6, K=4, D=2, codes=codes) for _ in range(2)
    )
    built.build()
    later = kd_keras.KDEmbedding(20, 6, K=4, D=2)
    later.codes = codes
    codes[:] = 0
    for layer in (built, unbuilt, later):
        np.testing.assert_array_equal(layer.codes, before)
        layer.codes[:] = 0  # what is returned is the caller's own
        np.testing.assert_array_equal(layer.codes, before)


@pytest.mark.parametrize("jit", [False, True])
def test_ties_signed_zeros_and_nan_in_logits(jit):
    """Codes that are told, frozen and computed are the same."""
    nan, inf = np.nan, np.inf
    logits = np.array(
        [
            [1, 1, 0, 1], [0.0, -0.0, 0.0, -0.0], [-0.0, 0.0, -0.0, 0.0],
            [nan, 1, 2, 2], [1, nan, 0, nan], [nan, nan, nan, nan],
            [-inf, -inf, -inf, -inf], [nan, -inf, nan, -inf],
            [inf, nan, inf, 1],
        ],
        "float32",
    )  # fmt: skip
    N = len(logits)
    layer = kd_keras.KDEmbedding(N, 3, K=4, D=1, codes="learn")
    layer.build()
    layer.learner.logits.assign(logits[:, None])
    wanted = [0, 0, 0, 2, 0, 0, 0, 0, 0]
    assert layer.codes[:, 0].tolist() == wanted
    frozen = kd_keras.freeze(layer)
    assert frozen.codes[:, 0].tolist() == wanted
    call = tf.function(layer.learner, jit_compile=jit)
    one_hot = call(tf.range(N)).numpy()[:, 0]
    assert one_hot.argmax(axis=-1).tolist() == wanted
    np.testing.assert_array_equal(one_hot.sum(axis=-1), 1)
