"""The record that is written with the results of an experiment."""

import json
from types import SimpleNamespace

import jax
import keras
import pytest
import tensorflow as tf

from kd_keras.utils.experiment_record import circumstances, write_record


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_gpus_are_named_where_there_are_any(backend, monkeypatch):
    gpu = SimpleNamespace(platform="gpu", device_kind="name")
    cpu = SimpleNamespace(platform="cpu", device_kind="cpu")
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    for found, names in (([gpu, gpu], ["name", "name"]), ([], None)):
        monkeypatch.setattr(jax, "local_devices", lambda f=found: [*f, cpu])
        monkeypatch.setattr(
            tf.config, "list_physical_devices", lambda kind, f=found: f
        )
        monkeypatch.setattr(
            tf.config.experimental,
            "get_device_details",
            lambda device: {"device_name": device.device_kind},
        )
        assert circumstances()["machine"].get("gpus") == names


def test_a_record_says_what_is_needed_to_repeat_it(tmp_path):
    path = write_record(tmp_path / "made" / "x.json", {"rows": [{"a": 1}]}, 7)
    record = json.loads(path.read_text())
    assert record["rows"] == [{"a": 1}]
    assert record["seed"] == 7
    assert {"numpy", "keras", "tensorflow"} <= set(record["versions"])
    assert record["machine"]["cores"] >= 1
    assert [each.name for each in path.parent.iterdir()] == ["x.json"]
