"""Tests that a file's bytes by role are those of the weights in Keras."""

import contextlib

import keras
import numpy as np
import pytest
from exported_models import N, embedding
from keras import layers, ops

import kd_keras
from kd_keras.cli.main import main
from kd_keras.export import engines, parity
from kd_keras.export.litert.archive import read_archive
from kd_keras.export.litert.flatbuffer import read_flatbuffer
from kd_keras.export.size.coded_model import table_role
from kd_keras.export.size.model_sizes import parts_in_memory


class Positions(layers.Layer):
    """Adds the vectors of the positions, which are constant ids."""

    def __init__(self):
        super().__init__()
        self.table = layers.Embedding(9, 32, name="positions")

    def build(self, shape):
        self.table.build()

    def call(self, x):
        return x + self.table(ops.arange(6))


ARCHITECTURES = {
    "Conv1D": lambda x: layers.Conv1D(40, 3)(x),
    "dilated": lambda x: layers.Conv1D(40, 2, dilation_rate=2)(x),
    "transposed": lambda x: layers.Conv1DTranspose(40, 3)(x),
    "depthwise": lambda x: layers.DepthwiseConv1D(3, depth_multiplier=2)(x),
    "separable": lambda x: layers.SeparableConv1D(40, 3)(x),
    "Conv2D": lambda x: layers.Conv2D(9, 2)(layers.Reshape((6, 32, 1))(x)),
    "LSTM": lambda x: layers.LSTM(24)(x),
    "LSTM, dropout": lambda x: layers.LSTM(40, recurrent_dropout=0.3)(x),
    "GRU": lambda x: layers.GRU(24)(x),
    "GRU, dropout": lambda x: layers.GRU(
        24, recurrent_dropout=0.3, reset_after=False
    )(x),
    "SimpleRNN": lambda x: layers.SimpleRNN(40)(x),
    "both ways": lambda x: layers.Bidirectional(layers.LSTM(24))(x),
    "attention": lambda x: layers.MultiHeadAttention(2, 20)(x, x),
    "grouped": lambda x: layers.GroupQueryAttention(20, 4, 2)(x, x),
    "Dense": lambda x: layers.Dense(40, "relu")(x),
    "EinsumDense": lambda x: layers.EinsumDense(
        "abc,cd->abd", (6, 40), bias_axes="d"
    )(x),
    "steps": lambda x: layers.TimeDistributed(layers.Dense(40, "tanh"))(x),
    "LayerNorm": lambda x: layers.LayerNormalization()(x),
    "GroupNorm": lambda x: layers.GroupNormalization(4)(x),
    "PReLU": lambda x: layers.PReLU()(layers.Conv1D(40, 2)(x)),
    "positions": lambda x: Positions()(x),
}
# Loops take the converter long. Rounded ones are cut in the same way.
LOOPS = {"LSTM", "GRU, dropout", "SimpleRNN", "both ways"}
LEFT_OUT = {
    None: set(),
    "float16": LOOPS | {"LSTM, dropout", "GRU"},
    "int8": LOOPS,
}


def with_random_weights(model):
    """Makes all weights different, so that each is told by its numbers."""
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(generator.uniform(0.2, 0.9, weight.shape))
    return model


def with_all(names=ARCHITECTURES):
    """Returns a model with a branch for each architecture."""
    ids = keras.Input((6,), 1, dtype="int32")
    plain = layers.Embedding(N, 20, name="plain")(ids)
    steps = layers.Concatenate()([embedding()(ids), plain])
    ends = [layers.Flatten()(ARCHITECTURES[name](steps)) for name in names]
    end = layers.Concatenate()(ends) if ends[1:] else ends[0]
    return with_random_weights(keras.Model(ids, layers.Dense(5)(end)))


@pytest.fixture
def unchecked(monkeypatch):
    """Exports without comparing numbers, which other tests are about."""
    monkeypatch.setattr(
        engines, "litert_engines", lambda _: contextlib.nullcontext()
    )
    monkeypatch.setattr(parity, "check_parity", lambda *_: None)


def elements_of(path):
    """Counts the numbers of each role in a file, and the floats of none."""
    content = path.read_bytes()
    constants = read_flatbuffer(content, path).constants()
    buffers = read_archive(content, path)[0]["buffers"]
    elements = {
        role: sum(int(np.prod(constants[i].shape)) for i in found)
        for role, found in buffers.items()
    }
    told = {i for found in buffers.values() for i in found}
    left = [
        np.prod(tensor.shape)
        for i, tensor in constants.items()
        if i not in told and tensor.dtype in ("FLOAT32", "FLOAT16", "INT8")
    ]
    return elements, left


@pytest.mark.parametrize("quantization", [None, "float16", "int8"])
@pytest.mark.slow("last")
def test_every_weight_has_its_role(quantization, tmp_path, unchecked):
    names = [x for x in ARCHITECTURES if x not in LEFT_OUT[quantization]]
    model, path = with_all(names), tmp_path / "m.tflite"
    report = kd_keras.export_litert(model, path, None, quantization)
    elements, left = elements_of(path)
    wanted, _, tables = parts_in_memory(model)
    wanted = {role: count // 4 for role, count in wanted.items() if count}
    wanted["codes"] = report.parts["codes"]
    wanted[table_role("positions")] = 6 * 32  # the others are not in use
    if quantization == "int8":  # the scales of 4 code positions
        wanted["code embeddings"] += 4
    found = {role: count for role, count in elements.items() if count}
    assert found == wanted
    # Scalars, the zeros that a loop begins with, and those that the converter
    # adds as the bias of a convolution that has none.
    assert set(left) <= {1, 24, 40, 32}
    assert not report.parts["rest"]
    assert sum(report.parts.values()) == report.total == path.stat().st_size
    assert report.tables == tables


def test_saved_models_have_the_same_roles(tmp_path):
    model, path = with_all(["LSTM, dropout", "positions"]), tmp_path / "saved"
    kd_keras.export_saved_model(model, path)
    wanted, _, tables = parts_in_memory(model)
    wanted["codes"] //= 2  # packed
    report = kd_keras.size_report(path)
    # The state of the dropout's random numbers is no weight.
    found = {role: report.parts[role] for role in wanted}
    assert found == wanted
    assert not report.parts["rest"]
    assert sum(report.parts.values()) == report.total
    assert report.tables == tables


@pytest.mark.slow
def test_a_folded_normalization_is_a_weight(tmp_path, unchecked):
    ids = keras.Input((6,), 1, dtype="int32")
    steps = layers.Conv1D(40, 3)(embedding()(ids))
    steps = layers.BatchNormalization()(steps)
    model = keras.Model(ids, layers.Dense(5)(layers.Flatten()(steps)))
    report = kd_keras.export_litert(
        with_random_weights(model), tmp_path / "m.tflite"
    )
    kernel_and_bias = 4 * (3 * 12 * 40 + 40)
    assert report.parts["other layers"] == kernel_and_bias
    assert report.parts["output layer"] == 4 * (4 * 40 * 5 + 5)


def test_weights_of_one_number(tmp_path, unchecked):
    ids = keras.Input((6,), 1, dtype="int32")
    steps = layers.PReLU(shared_axes=[1, 2])(embedding()(ids))
    model = keras.Model(ids, layers.Dense(1)(layers.Flatten()(steps)))
    report = kd_keras.export_litert(
        with_random_weights(model), tmp_path / "m.tflite"
    )
    assert report.parts["other layers"] == 4
    assert report.parts["output layer"] == 4 * (6 * 12 + 1)


@pytest.mark.slow
def test_zeros_and_ones_are_told_from_those_of_the_graph(tmp_path, unchecked):
    ids = keras.Input((6,), 1, dtype="int32")
    steps = layers.LSTM(24, recurrent_dropout=0.3)(embedding()(ids))
    model = keras.Model(ids, layers.Dense(5)(steps))
    report = kd_keras.export_litert(model, tmp_path / "m.tflite")
    kernels = 4 * (12 * 96 + 24 * 96)
    # The bias is 0 but for the 1 of the forget gate.
    assert 0 <= report.parts["other layers"] - kernels <= 4 * 96


def test_the_command_names_tables_that_are_not_coded(
    tmp_path, capsys, unchecked
):
    path = tmp_path / "m.tflite"
    kd_keras.export_litert(with_all(["Dense"]), path, quantization="int8")
    assert main(["report", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "embedding table (not coded): plain" in printed
    assert "plain: 60 symbols x 20, not coded" in printed


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
