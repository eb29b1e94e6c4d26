"""A file in which equal parts are stored once computes what it did."""

import ai_edge_litert.interpreter as litert
import flatbuffers
import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

import kd_keras
from kd_keras.export.litert.flatbuffer import read_flatbuffer
from kd_keras.export.litert.repack import ALIGNMENT, repack
from kd_keras.export.litert.scales import one_scale_is_enough


@pytest.fixture(scope="module", params=[None, "int8"])
def converted(request, tmp_path_factory):
    """A file as the converter writes it, with an LSTM in two functions."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 8), 1)
    hidden = keras.layers.LSTM(32)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(40)(hidden))
    module = tf.Module()
    module.weights = [variable.value for variable in model.weights]
    spec = tf.TensorSpec((1, 6, 8))
    functions = {
        name: tf.function(lambda x: {"y": model(x)}).get_concrete_function(spec)
        for name in ("one", "two")
    }
    folder = str(tmp_path_factory.mktemp("saved") / "model")
    tf.saved_model.save(module, folder, signatures=functions)
    converter = tf.lite.TFLiteConverter.from_saved_model(
        folder, signature_keys=list(functions)
    )
    if request.param:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()


def outputs(content):
    interpreter = litert.Interpreter(model_content=content)
    found = []
    for name in sorted(interpreter.get_signature_list()):
        runner = interpreter.get_signature_runner(name)
        (given,) = runner.get_input_details()
        x = np.random.default_rng(0).normal(size=(1, 6, 8)).astype("f4")
        found += runner(**{given: x}).values()
    return found


def test_a_repacked_file_is_smaller_and_computes_the_same(converted):
    after = repack(converted)
    assert len(after) < len(converted) - 5_000
    assert len(repack(after)) == len(after)
    wanted = outputs(converted)
    assert wanted
    for found, want in zip(outputs(after), wanted, strict=True):
        np.testing.assert_array_equal(found, want)


def test_contents_are_stored_once_and_aligned(converted):
    content = repack(converted)
    flatbuffer = read_flatbuffer(content, "file")
    contents = [bytes(buffer) for buffer in flatbuffer.buffers]
    assert len(set(contents)) == len(contents) and contents[0] == b""
    start = np.frombuffer(content, np.uint8).ctypes.data
    for buffer in flatbuffer.buffers[1:]:
        assert (buffer.ctypes.data - start) % ALIGNMENT == 0


def test_weights_outside_of_the_flatbuffer_stay_there(converted):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(converted, 0))
    model.buffers[-1].offset, model.buffers[-1].size = 1 << 31, 4
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    large = bytes(builder.Output())
    assert repack(large) is large


def test_one_scale_where_rounding_stays_small():
    rng = np.random.default_rng(0)
    even = rng.normal(size=(64, 64)).astype("f4")
    outlier = even.copy()
    outlier[3, 5] = 40  # all others are rounded to few steps then
    assert one_scale_is_enough([even, outlier[:, 0]])
    assert one_scale_is_enough([even, outlier[:4, :9]])  # stays float32
    assert not one_scale_is_enough([even, outlier])
    small = even * np.where(np.arange(64) < 32, 1, 1e-3)
    assert not one_scale_is_enough([small])  # half of the units would be lost
    unused = even * (np.arange(64) < 32)
    assert one_scale_is_enough([unused])
    assert not one_scale_is_enough([even.reshape(64, 8, 8)])


@pytest.mark.parametrize("outlier", [False, True])
def test_scales_of_a_dense_layer_in_a_file(outlier, tmp_path):
    keras.utils.set_random_seed(0)
    ids = keras.Input((3,), 1, dtype="int32")
    vectors = kd_keras.KDEmbedding(50, 16, 4, 4)(ids)
    dense = keras.layers.Dense(80)
    model = keras.Model(ids, dense(vectors))
    if outlier:
        kernel = dense.kernel.numpy()
        kernel[0, 0] = 100
        dense.kernel.assign(kernel)
    path = tmp_path / "model.tflite"
    kd_keras.export_litert(model, path, quantization="int8")
    tensors = read_flatbuffer(path.read_bytes(), path).constants().values()
    (scales,) = [t.scales for t in tensors if t.shape == (80, 16)]
    assert len(scales) == (80 if outlier else 1)


@pytest.mark.slow
def test_units_of_very_different_sizes_keep_their_scales(tmp_path):
    keras.utils.set_random_seed(0)
    ids = keras.Input((3,), 1, dtype="int32")
    dense = keras.layers.Dense(64)
    hidden = dense(kd_keras.KDEmbedding(50, 16, 4, 4)(ids))
    norm = keras.layers.LayerNormalization
    halves = [norm()(hidden[..., :32]), norm()(hidden[..., 32:])]
    model = keras.Model(ids, keras.layers.Concatenate()(halves))
    kernel = np.random.default_rng(0).normal(size=(16, 64))
    dense.kernel.assign(kernel * np.where(np.arange(64) < 32, 1, 1 / 200))
    path = tmp_path / "model.tflite"
    kd_keras.export_litert(
        model, path, quantization="int8", tolerance=0.05
    )  # checked for every id


def test_an_einsum_with_an_outlier_keeps_its_scales(tmp_path):
    keras.utils.set_random_seed(0)
    ids = keras.Input((3,), 1, dtype="int32")
    dense = keras.layers.EinsumDense("abc,cde->abde", (None, 8, 10))
    model = keras.Model(ids, dense(kd_keras.KDEmbedding(50, 16, 4, 4)(ids)))
    kernel = dense.kernel.numpy()
    kernel[0, 0, 0] = 100
    dense.kernel.assign(kernel)
    path = tmp_path / "model.tflite"
    kd_keras.export_litert(model, path, quantization="int8", tolerance=0.05)
