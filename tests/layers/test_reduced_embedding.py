"""Tests of `ReducedEmbedding` against numpy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import kd_keras

N, SIZE = 60, 8
TABLE = np.random.default_rng(0).normal(size=(N, SIZE))
WEIGHTS = np.random.default_rng(1).uniform(0.1, 5, N)
IDS = np.arange(N)


def vectors(layer, ids=IDS):
    return np.asarray(layer(ids))


def test_kept_rows_stay_and_the_others_share_their_weighted_mean():
    layer = kd_keras.ReducedEmbedding.from_table(TABLE, 20, None, WEIGHTS)
    heavy = np.argsort(-WEIGHTS)[:20]
    rest = np.setdiff1d(IDS, heavy)
    shared = np.average(TABLE[rest], axis=0, weights=WEIGHTS[rest])
    found = vectors(layer)
    np.testing.assert_allclose(found[heavy], TABLE[heavy], rtol=1e-5)
    np.testing.assert_allclose(
        found[rest], np.tile(shared, (len(rest), 1)), rtol=1e-4, atol=1e-6
    )


def test_without_weights_the_first_rows_are_kept_and_no_places_stored():
    layer = kd_keras.ReducedEmbedding.from_table(TABLE, 20)
    assert layer.in_order
    assert [tuple(w.shape) for w in layer.weights] == [(21, SIZE)]
    np.testing.assert_allclose(vectors(layer)[:20], TABLE[:20], rtol=1e-5)


@given(st.integers(1, SIZE - 1), st.integers(0, 5))
@settings(max_examples=10, deadline=None)
def test_no_other_table_of_the_same_rank_is_nearer(width, seed):
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.1, 3, N)
    layer = kd_keras.ReducedEmbedding.from_table(TABLE, None, width, weights)
    root = np.sqrt(weights)[:, None]
    left, values, right = np.linalg.svd(root * TABLE, full_matrices=False)
    best = (left[:, :width] * values[:width]) @ right[:width] / root
    np.testing.assert_allclose(vectors(layer), best, atol=1e-5)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_saves_and_loads(weights, tmp_path):
    layer = kd_keras.ReducedEmbedding.from_table(
        TABLE, 20, 3, weights, mask_zero=True, name="words"
    )
    model = keras.Sequential([keras.Input((4,), dtype="int32"), layer])
    ids = np.random.default_rng(0).integers(0, N, (5, 4))
    wanted = model.predict(ids, verbose=0)
    model.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    np.testing.assert_array_equal(loaded.predict(ids, verbose=0), wanted)
    assert loaded.layers[-1].compute_mask(ids).shape == ids.shape


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("wrong", [N, N + 7, -N - 1])
def test_wrong_ids_fail_as_in_an_embedding(in_order, wrong):
    layer = kd_keras.ReducedEmbedding.from_table(
        TABLE, 20, None, WEIGHTS, in_order
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="not in"):
        layer(np.array([wrong]))
    np.testing.assert_allclose(
        vectors(layer, np.array([-1])), vectors(layer, np.array([N - 1]))
    )


def test_training_moves_only_the_rows_of_the_batch():
    layer = kd_keras.ReducedEmbedding.from_table(TABLE, 20)
    model = keras.Sequential([keras.Input((1,), dtype="int32"), layer])
    model.compile("sgd", "mse")
    before = layer.embeddings.numpy()
    model.fit(np.array([[3], [40]]), np.zeros((2, 1, SIZE)), verbose=0)
    moved = np.flatnonzero((layer.embeddings.numpy() != before).any(axis=1))
    assert moved.tolist() == [3, 20]


@pytest.mark.parametrize("quantization", [None, "int8", "float16"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.slow
def test_exports(quantization, weights, tmp_path):
    layer = kd_keras.ReducedEmbedding.from_table(TABLE, 20, 5, weights)
    ids = keras.Input((6,), dtype="int32")
    hidden = keras.layers.GlobalAveragePooling1D()(layer(ids))
    model = keras.Model(ids, keras.layers.Dense(3)(hidden))
    path = tmp_path / "small.tflite"
    report = kd_keras.export_litert(model, path, None, quantization)
    [(name, size)] = [
        (x, y) for x, y in report.parts.items() if x.startswith("embedding")
    ]
    numbers = 21 * 5 + 5 * SIZE
    places = 0 if weights is None else 2 * N
    width = {None: 4, "int8": 4, "float16": 2}[quantization]  # all are small
    assert name.endswith(layer.name) and size == numbers * width + places


@pytest.mark.parametrize(
    "options, message",
    [
        ({"kept": N}, "`kept` must be .*Received: .*60"),
        ({"kept": 0}, "`kept` must be"),
        ({"width": SIZE}, "`width` must be"),
        ({"in_order": False}, "`in_order=False` needs `kept`"),
    ],
)
def test_bad_sizes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        kd_keras.ReducedEmbedding(N, SIZE, **options)
