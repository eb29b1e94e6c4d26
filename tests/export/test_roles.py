"""Tests that a file's bytes by role are those of the weights in Keras."""

import keras
import numpy as np
import pytest
from exported_models import embedding
from keras import layers

import kd_keras
from kd_keras.export.size.model_sizes import parts_in_memory

ARCHITECTURES = {
    "Conv1D": lambda x: layers.Conv1D(40, 3)(x),
    "dilated": lambda x: layers.Conv1D(40, 2, dilation_rate=2)(x),
    "LSTM": lambda x: layers.LSTM(24)(x),
    "dropout": lambda x: layers.LSTM(24, recurrent_dropout=0.3)(x),
    "GRU": lambda x: layers.GRU(24)(x),
    "SimpleRNN": lambda x: layers.SimpleRNN(24)(x),
    "both ways": lambda x: layers.Bidirectional(layers.LSTM(16))(x),
    "Separable": lambda x: layers.SeparableConv1D(24, 3)(x),
    "attention": lambda x: layers.MultiHeadAttention(2, 8)(x, x),
    "Dense": lambda x: layers.Dense(40, "relu")(x),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_weight_has_its_role(name, tmp_path):
    ids = keras.Input((6,), 1, dtype="int32")
    vectors = [embedding()(ids), layers.Conv1D(20, 1)(embedding()(ids))]
    steps = ARCHITECTURES[name](layers.Concatenate()(vectors))
    model = keras.Model(ids, layers.Dense(5)(layers.Flatten()(steps)))
    report = kd_keras.export_litert(model, tmp_path / "m.tflite")
    wanted, _ = parts_in_memory(model)
    for role in ("code embeddings", "output layer", "rest"):
        assert report.parts[role] == pytest.approx(
            wanted[role], rel=0.1, abs=600
        ), role


@keras.saving.register_keras_serializable(package="tests")
class MadeWhenCalled(keras.Model):
    """Its own `build` leaves a layer to the first call."""

    def __init__(self):
        super().__init__()
        self.embedding = kd_keras.KDEmbedding(20, 8, K=4, D=2)
        self.head = keras.layers.Dense(3)

    def build(self, shape):
        self.embedding.build()

    def call(self, ids):
        return self.head(self.embedding(ids))


def test_weights_that_the_trace_makes_are_exported(tmp_path):
    model = MadeWhenCalled()
    model.build((None, 3))
    assert not model.head.built
    ids = np.zeros((1, 3), np.int32)
    kd_keras.export_saved_model(model, tmp_path / "saved", example=ids)
    assert model.head.built
