"""Tests of the codes of `KDEmbedding`: random, given, learned."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from coded_layers import embedding
from kd_testing import (
    SIZE,
    D,
    K,
    N,
    as_numpy,
    ids_and_vectors,
    learning_model,
)

import kd_keras


def random_codes(K=K):
    return np.random.default_rng(1).integers(0, K, (N, D))


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


@pytest.mark.parametrize("optimizer", ["sgd", "adam", kd_keras.LazyAdam])
@pytest.mark.slow
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


@pytest.mark.slow
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
