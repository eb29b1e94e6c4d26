"""Tests of exported models whose rare symbols have shorter codes."""

import json
import zipfile

import keras
import numpy as np
import pytest

import kd_keras
from kd_keras.utils.errors import BadInputError

N, SIZE, K = 60, 6, 5
TIERS = {"D": (5, 2, 0), "tiers": (12, 40)}


def embedding(order=None, composition="linear"):
    layer = kd_keras.KDEmbedding(N, SIZE, K, composition=composition, **TIERS)
    layer.build()
    rng = np.random.default_rng(0)
    for weight in layer.trainable_weights:
        weight.assign(rng.normal(size=weight.shape))
    if order is not None:
        layer.codes = layer.codes[order]
    return layer


SHUFFLED = np.random.default_rng(1).permutation(N)


@pytest.mark.parametrize("order", [None, SHUFFLED], ids=["sorted", "any order"])
@pytest.mark.parametrize("quantization", [None, "int8"])
@pytest.mark.parametrize("composition", ["linear", "residual"])
@pytest.mark.slow
def test_vectors_and_bytes(order, quantization, composition, tmp_path):
    layer = embedding(order, composition)
    path = tmp_path / "small.tflite"
    report = kd_keras.export_litert(layer, path, quantization=quantization)
    device = kd_keras.load_litert(path)
    atol = 1e-5 if quantization is None else 0.3
    ids = np.arange(N)
    np.testing.assert_allclose(device.embed(ids), layer(ids), atol=atol)
    # 15 bits in 2 bytes, 6 bits in 1 byte, and 2 bytes for a rank.
    codes = 12 * 2 + 28 * 1 + (0 if order is None else 2 * N)
    assert report.parts["codes"] == codes
    assert kd_keras.size_report(layer, quantization).parts["codes"] == codes
    told = kd_keras.size_report(path)
    if quantization is None:  # in int8 there are scales too
        assert told.predicted == told.embedding_bytes
    with pytest.raises(ValueError, match="must be from 0 to 59"):
        device.embed(np.array([N]))


@pytest.mark.parametrize("order", [None, SHUFFLED], ids=["sorted", "any order"])
@pytest.mark.parametrize("quantization", [None, "int8"])
@pytest.mark.slow
def test_logits(order, quantization, tmp_path):
    hidden = keras.Input((SIZE,), name="hidden")
    logits = kd_keras.KDLogits.from_embedding(embedding(order))
    model = keras.Model(hidden, logits(hidden))
    path = tmp_path / "logits.tflite"
    report = kd_keras.export_litert(model, path, quantization=quantization)
    codes = 12 * 2 + 28 * 1 + (0 if order is None else 2 * N)
    assert report.parts["codes"] == codes
    inputs = np.random.default_rng(2).normal(size=(1, SIZE)).astype("f4")
    found = kd_keras.load_litert(path).run("serving_default", hidden=inputs)
    atol = 1e-4 if quantization is None else 0.3
    np.testing.assert_allclose(found["output"], model(inputs), atol=atol)


def test_ids_out_of_range_of_a_saved_model(tmp_path):
    import tensorflow as tf

    kd_keras.export_saved_model(embedding(), tmp_path / "model")
    call = tf.saved_model.load(str(tmp_path / "model")).signatures
    run = call["serving_default"]
    for wrong in (-1, N, 10 * N):
        with pytest.raises(tf.errors.InvalidArgumentError):
            run(token_ids=tf.constant([wrong]))
    kd_keras.export_saved_model(embedding(), tmp_path / "known", unknown_id=3)
    call = tf.saved_model.load(str(tmp_path / "known")).signatures
    [found] = call["serving_default"](token_ids=tf.constant([N, 3])).values()
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("ends", [[40, 12], ["12"], 12, None, [12, N]])
@pytest.mark.slow
def test_a_damaged_description_is_an_error(ends, tmp_path):
    path, damaged = tmp_path / "small.tflite", tmp_path / "damaged.tflite"
    kd_keras.export_litert(embedding(), path)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        configuration = json.loads(archive.read("kd_keras.json"))
    configuration["embeddings"][0]["tiers"]["ends"] = ends
    damaged.write_bytes(content[: content.index(b"PK\x03\x04")])
    with zipfile.ZipFile(damaged, "a") as archive:
        archive.writestr("kd_keras.json", json.dumps(configuration))
    with pytest.raises(BadInputError, match="damaged"):
        kd_keras.size_report(damaged)
