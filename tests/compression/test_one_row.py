"""Sizes of models that LiteRT gets wrong with an open batch size."""

import keras
import numpy as np
import pytest
from keras import layers

import kd_keras
from kd_keras.compression.file_size import FileSize
from kd_keras.export import trial_export

ENDS = {
    "flatten": layers.Flatten,
    "logits": lambda: layers.Dense(1200),
    "pooled": layers.GlobalAveragePooling1D,  # right with any batch size
}


def model_of(end):
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(1500, 16),
            ENDS[end](),
        ]
    )


@pytest.mark.parametrize("end", ENDS)
def test_the_plan_has_the_size_of_the_file(end, tmp_path, capfd):
    model = model_of(end)
    size = FileSize(model, "int8")
    found = kd_keras.export_litert(model, tmp_path / "m.tflite", None, "int8")
    assert size.before.total == found.total
    assert size.of(model) == size.of(model, is_last=True) == found.total
    fell_back = "batch_size=1" in capfd.readouterr().err
    assert fell_back == (end != "pooled")


def test_a_small_model_that_reads_many_rows_is_counted_as_such():
    size, small = FileSize(model_of("flatten"), "int8"), model_of("pooled")
    with_open_batch = FileSize(small, "int8").before.total
    assert size.of(small, is_last=True) == with_open_batch != size.of(small)


def test_a_compressed_model_has_the_planned_size(tmp_path, capfd):
    model = model_of("flatten")
    plan = kd_keras.plan(model, "40%", verbose=0)
    small = kd_keras.compress(model, "40%", verbose=0)
    path = tmp_path / "m.tflite"
    found = kd_keras.export_litert(small, path, None, "int8").total
    assert "batch_size=1" in capfd.readouterr().err
    assert found <= plan.budget
    assert found == pytest.approx(plan.bytes, rel=0.002)


def test_only_files_with_computed_shapes_are_checked(monkeypatch):
    checked = []
    monkeypatch.setattr(
        trial_export, "check_parity", lambda *_: checked.append(1)
    )
    for end, times in (("pooled", 0), ("flatten", 1)):
        size = FileSize(model_of(end), "int8")
        assert size.is_measured and len(checked) == times
    ids = keras.Input((6,), 3, dtype="int32")
    vectors = layers.Embedding(1500, 16)(ids)
    fixed = keras.Model(ids, layers.Flatten()(vectors))
    assert FileSize(fixed, "int8").is_measured and len(checked) == 1


def test_a_file_that_is_too_inexact_is_measured_all_the_same():
    """Whether it is exact enough is for `export_litert` to say."""
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(1500, 16),
            layers.Flatten(),
            layers.Dense(64, use_bias=False),
        ]
    )
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(96, 64))
    kernel -= kernel.mean(axis=0)
    # What differs between symbols is less than a step of int8.
    model.set_weights([5 + 0.01 * rng.normal(size=(1500, 16)), kernel])
    size = FileSize(model, "int8")
    assert size.is_measured and size.note is None
    assert size.of(model, is_last=True) == size.before.total
