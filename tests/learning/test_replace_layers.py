"""Tests of `replace_layers`: kinds of models by kinds of tables."""

import keras
import numpy as np
import pytest
from keras import layers
from replaced_models import (
    IDS,
    SIZE,
    STEPS,
    N,
    Scaled,
    Subclassed,
    exact,
    functional,
    nested,
    sequential,
    table,
    words_of,
)

import kd_keras
from kd_keras.learning.global_policy import global_policy


def called_twice():
    first, second = (
        keras.Input((STEPS,), dtype="int32", name=name) for name in "ab"
    )
    shared = table()
    product = layers.Dot(2)([shared(first), shared(second)])
    return keras.Model({"a": first, "b": second}, product)


def wrapped():
    ids = keras.Input((2, STEPS), dtype="int32")
    return keras.Model(ids, layers.TimeDistributed(table())(ids))


def subclassed():
    model = Subclassed(table())
    model(IDS)
    return model


MODELS = {
    "sequential": (sequential, IDS),
    "functional": (functional, [IDS, np.ones((3, 2), "f4")]),
    "nested": (nested, IDS),
    "called twice": (called_twice, {"a": IDS, "b": IDS[:, ::-1]}),
    "wrapped": (wrapped, np.stack([IDS, IDS], axis=1)),
    "subclassed": (subclassed, IDS),
}


@pytest.fixture(params=MODELS)
def model_and_inputs(request):
    make, inputs = MODELS[request.param]
    return make(), inputs


@pytest.mark.slow
@pytest.mark.parametrize("is_loaded", [False, True])
def test_outputs_are_the_same_if_the_table_is(
    model_and_inputs, is_loaded, tmp_path
):
    model, inputs = model_and_inputs
    if is_loaded:
        model.save(tmp_path / "model.keras")
        model = keras.saving.load_model(tmp_path / "model.keras")
    before = [np.array(v.numpy()) for v in model.variables]
    small = kd_keras.replace_layers(
        model, {words_of(model): exact(words_of(model))}
    )
    assert type(small) is type(model)
    assert isinstance(words_of(small), kd_keras.KDEmbedding)
    np.testing.assert_allclose(small(inputs), model(inputs), atol=1e-6)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    assert not {id(v) for v in small.variables} & {
        id(v) for v in model.variables
    }
    small.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    np.testing.assert_allclose(loaded(inputs), small(inputs), atol=1e-6)


@pytest.mark.slow
def test_the_copy_trains(model_and_inputs):
    model, inputs = model_and_inputs
    model.compile("adam", "mse", metrics=["mae"])
    small = kd_keras.replace_layers(model, {"words": exact(words_of(model))})
    assert isinstance(small.optimizer, keras.optimizers.Adam)
    targets = np.zeros_like(model(inputs))
    code_embeddings = words_of(small).composition.code_embeddings
    before = np.array(code_embeddings.numpy())
    history = small.fit(inputs, targets, verbose=0).history
    assert "mae" in history
    assert (code_embeddings.numpy() != before).any()


@pytest.mark.parametrize(
    "options",
    [
        {"mask_zero": True},
        {"dtype": "mixed_bfloat16"},
        {"dtype": "float64"},
        {"embeddings_regularizer": "l2"},
    ],
    ids=str,
)
def test_kinds_of_tables(options):
    model = keras.Sequential(
        [keras.Input((STEPS,)), table(**options), layers.LSTM(4)]
    )
    small = kd_keras.replace_layers(model, {"words": exact(model.layers[0])})
    wanted, found = (
        keras.ops.convert_to_numpy(m(IDS)).astype("f4") for m in (model, small)
    )
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_frozen_table_stays_frozen():
    model = keras.Sequential([keras.Input((STEPS,)), table(), layers.Dense(2)])
    model.layers[0].trainable = False
    coded = kd_keras.learn_codes(model.layers[0], 8, 2, effort=0, verbose=0)
    small = kd_keras.replace_layers(model, {"words": coded})
    assert len(small.trainable_weights) == 2
    assert not small.layers[0].trainable


def language_model(**options):
    ids = keras.Input((STEPS,), dtype="int32")
    hidden = layers.LSTM(SIZE, return_sequences=True)(table()(ids))
    return keras.Model(ids, layers.Dense(N, name="out", **options)(hidden))


def logits_of(layer, **options):
    kernel = layer.kernel.numpy().T
    coded = kd_keras.KDEmbedding(N, SIZE, N, 1, np.arange(N)[:, None])
    coded.build()
    coded.composition.set_weights([kernel[None]])
    return kd_keras.KDLogits.from_embedding(coded, layer.bias, **options)


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_the_output_layer_too(activation, tmp_path):
    model = language_model(activation=activation, bias_initializer="normal")
    out = model.get_layer("out")
    small = kd_keras.replace_layers(
        model,
        {
            "words": exact(model.get_layer("words")),
            out: logits_of(out, activation=activation),
        },
    )
    np.testing.assert_allclose(small(IDS), model(IDS), atol=1e-6)
    small.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    np.testing.assert_allclose(loaded(IDS), model(IDS), atol=1e-6)


def test_tied_replacements_stay_tied():
    model = language_model()
    coded = kd_keras.KDEmbedding(N, SIZE, 8, 3)
    logits = kd_keras.KDLogits(embedding=coded)
    logits.build((None, SIZE))
    small = kd_keras.replace_layers(model, {"words": coded, "out": logits})
    made = small.get_layer("words")
    assert small.get_layer("out").embedding is made and made is not coded
    np.testing.assert_array_equal(made.codes, coded.codes)
    hidden = np.ones((1, SIZE), "f4")
    np.testing.assert_allclose(
        small.get_layer("out")(hidden), logits(hidden), atol=1e-6
    )


def test_codes_that_learn_go_on_learning():
    model = language_model()
    coded = kd_keras.KDEmbedding(N, SIZE, 8, 3, codes="learn")
    coded.build()
    small = kd_keras.replace_layers(model, {"words": coded})
    made = small.get_layer("words")
    assert made.learner is not None
    np.testing.assert_array_equal(made.codes, coded.codes)


def test_state_of_other_layers_is_kept():
    normal = layers.Normalization()
    normal.adapt(np.random.default_rng(0).normal(3, 2, (50, SIZE)))
    model = keras.Sequential([keras.Input((STEPS,)), table(), normal])
    small = kd_keras.replace_layers(model, {"words": exact(model.layers[0])})
    np.testing.assert_allclose(small(IDS), model(IDS), atol=1e-6)


def test_weights_of_the_model_itself_are_copied():
    model = Scaled(table())
    model.build(IDS.shape)
    model.scale.assign(7.0)
    small = kd_keras.replace_layers(model, {"words": exact(model.words)})
    np.testing.assert_allclose(small(IDS), model(IDS), rtol=1e-5, atol=1e-6)


def test_the_state_of_a_stateful_rnn_stays():
    lstm = layers.LSTM(4, stateful=True)
    model = keras.Sequential([keras.Input((STEPS,), 3), table(), lstm])
    model(IDS)
    before = [np.array(x.numpy()) for x in lstm.states]
    kd_keras.replace_layers(model, {"words": exact(model.layers[0])})
    for state, value in zip(lstm.states, before, strict=True):
        np.testing.assert_array_equal(state, value)


def test_random_generators_go_on_where_they_were():
    model = keras.Sequential(
        [keras.Input((STEPS,)), table(), layers.Dropout(0.5, seed=1)]
    )
    model(IDS, training=True)
    small = kd_keras.replace_layers(model, {"words": exact(model.layers[0])})
    np.testing.assert_allclose(
        small(IDS, training=True), model(IDS, training=True), atol=1e-6
    )


def test_look_up_tables_of_a_replacement_are_copied():
    words = layers.StringLookup(vocabulary=["a", "b"])
    model = keras.Sequential(
        [keras.Input((2,), dtype="string"), words, layers.CategoryEncoding(5)]
    )
    other = layers.StringLookup(vocabulary=["b", "a"])
    texts = keras.ops.convert_to_tensor([["a", "c"]], dtype="string")
    other(texts)
    small = kd_keras.replace_layers(model, {words: other})
    np.testing.assert_array_equal(small.layers[0](texts), [[2, 0]])


def test_an_input_may_have_the_name_of_a_layer():
    inner = keras.Sequential(
        [keras.Input((STEPS, SIZE), name="words"), layers.Dense(2)]
    )
    model = keras.Sequential([keras.Input((STEPS,)), table(), inner])
    small = kd_keras.replace_layers(model, {"words": exact(model.layers[0])})
    np.testing.assert_allclose(small(IDS), model(IDS), atol=1e-6)


def test_policies_stay_whatever_the_global_one_is():
    with global_policy(keras.DTypePolicy("mixed_bfloat16")):
        ids = keras.Input((3,), dtype="int64")
        known = layers.IntegerLookup(vocabulary=list(range(300)))
        words = layers.Embedding(301, 8, name="words")
        output = layers.Dense(2, name="output")
        model = keras.Model(ids, output(words(known(ids))))
    coded = kd_keras.learn_codes(words, 4, 2, effort=0, verbose=0)
    small = kd_keras.replace_layers(model, {words: coded})
    assert keras.config.dtype_policy().name == "float32"
    policies = {x.name: x.dtype_policy.name for x in small.layers}
    assert policies[known.name] == policies["output"] == "mixed_bfloat16"
