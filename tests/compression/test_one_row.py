"""Sizes of models that LiteRT gets wrong with an open batch size."""

import keras
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


def test_files_without_computed_shapes_are_not_checked(monkeypatch):
    def checked(*_):
        raise AssertionError("checked")

    monkeypatch.setattr(trial_export, "write_checked_litert", checked)
    assert FileSize(model_of("pooled"), "int8").is_measured
    assert not FileSize(model_of("flatten"), "int8").is_measured
