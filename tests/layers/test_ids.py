"""Tests of what `KDEmbedding` takes as ids, and of its mask."""

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
)

import kd_keras


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 1, 3, 2)])
@pytest.mark.slow
def test_ids_of_any_rank(options, shape):
    layer = embedding(**options)
    ids = np.random.default_rng(0).integers(0, N, shape)
    vectors = as_numpy(layer(ids))
    assert vectors.shape == (*shape, SIZE)
    table = as_numpy(layer(np.arange(N)))
    np.testing.assert_allclose(vectors, table[ids], rtol=1e-5)


@pytest.mark.parametrize("dtype", ["int8", "int64", "float32", "float64"])
@pytest.mark.slow
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
@pytest.mark.slow
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


@pytest.mark.parametrize("codes", [None, "learn"])
@pytest.mark.parametrize("tiers", [{}, {"D": (4, 1), "tiers": (3,)}])
def test_negative_ids_count_from_the_end(codes, tiers):
    sizes = {"K": K, "D": D} | tiers
    layer = kd_keras.KDEmbedding(N, SIZE, codes=codes, **sizes)
    ids = np.array([-1, -N, 2 - N])
    for training in (False, True):
        found, wanted = (layer(x, training=training) for x in (ids, ids % N))
        np.testing.assert_array_equal(found, wanted)


TABLES = {
    "fixed": lambda: kd_keras.KDEmbedding(N, SIZE, K, D, mask_zero=True),
    "learned": lambda: kd_keras.KDEmbedding(
        N, SIZE, K, D, "learn", mask_zero=True
    ),
    "reduced": lambda: kd_keras.ReducedEmbedding(
        N, SIZE, kept=3, width=2, mask_zero=True
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_sparse_ids_are_those_of_the_dense_tensor(name):
    layer = TABLES[name]()
    ids = np.array([[1, 0, 5], [0, 0, 2]])
    sparse = tf.sparse.from_dense(ids)
    vectors = layer(sparse)
    np.testing.assert_array_equal(vectors, layer(ids))
    np.testing.assert_array_equal(layer.compute_mask(sparse), ids != 0)
    as_float = tf.sparse.from_dense(np.arange(2.0 * SIZE).reshape(2, SIZE) % N)
    assert layer(as_float).shape == (2, SIZE, SIZE)
    plain = keras.layers.Embedding(N, SIZE)
    assert plain(sparse).shape == vectors.shape


def test_vectors_have_the_dtype_of_the_layer():
    given = kd_keras.LinearComposition(K, D, SIZE, code_dim=3)
    layer = kd_keras.KDEmbedding(
        N, SIZE, K, D, composition=given, dtype="mixed_bfloat16"
    )
    assert layer(np.arange(4)).dtype == layer.compute_dtype == "bfloat16"
