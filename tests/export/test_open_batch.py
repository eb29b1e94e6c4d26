"""Tests of models whose open batch size LiteRT's CompiledModel gets wrong."""

import keras
import numpy as np
import pytest
from exported_models import embedding
from keras import layers

import kd_keras

ENDS = {
    "Flatten": [layers.Flatten],
    "Flatten, Dense": [layers.Flatten, lambda: layers.Dense(1)],
    "Reshape": [lambda: layers.Reshape((9, -1))],
}


def of_three_words(end):
    ids = keras.Input((3,), dtype="int32")
    steps = embedding()(ids)
    for make in ENDS[end]:
        steps = make()(steps)
    return keras.Model(ids, steps)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.slow
def test_it_falls_back_to_one_row_and_says_so(end, tmp_path, capfd):
    model, path = of_three_words(end), tmp_path / "m.tflite"
    kd_keras.export_litert(model, path)
    said = capfd.readouterr().err
    assert said.startswith("kd_keras: ") and said.count("\n") == 1
    assert "batch_size=1" in said
    small = kd_keras.load_litert(path)
    shapes = small.configuration["signatures"]["serving_default"]
    assert shapes == {"token_ids": [1, 3]}
    ids = np.array([[5, 6, 7]])
    found = small.run("serving_default", token_ids=ids)["output"]
    np.testing.assert_allclose(found, model(ids), atol=1e-6)
    assert list(tmp_path.iterdir()) == [path]


def test_a_size_that_is_asked_for_is_kept(tmp_path, capfd):
    model, path = of_three_words("Flatten"), tmp_path / "m.tflite"
    kd_keras.export_litert(model, path, batch_size=2)
    shapes = kd_keras.load_litert(path).configuration["signatures"]
    assert shapes["serving_default"] == {"token_ids": [2, 3]}
    assert not capfd.readouterr().err


@pytest.mark.slow
def test_attention_over_any_number_of_steps(tmp_path):
    ids = keras.Input((None,), dtype="int32")
    steps = embedding()(ids)
    model = keras.Model(ids, layers.MultiHeadAttention(2, 3)(steps, steps))
    kd_keras.export_litert(model, tmp_path / "m.tflite")
    small = kd_keras.load_litert(tmp_path / "m.tflite")
    for count in (3, 8):
        ids = np.arange(count)[None]
        found = small.run("serving_default", token_ids=ids)["output"]
        np.testing.assert_allclose(found, model(ids), atol=1e-6)
