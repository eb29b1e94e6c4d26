"""What is written beside the results of an experiment."""

import json

import tensorflow as tf

from kd_keras.experiment_record import circumstances, write_record


def test_gpus_are_named_where_there_are_any(monkeypatch):
    assert "gpus" not in circumstances()["machine"]
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda kind: [f"{kind}:0"]
    )
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda device: {"device_name": f"name of {device}"},
    )
    assert circumstances()["machine"]["gpus"] == ["name of GPU:0"]


def test_a_record_says_what_is_needed_to_repeat_it(tmp_path):
    path = write_record(tmp_path / "made" / "x.json", {"rows": [{"a": 1}]}, 7)
    record = json.loads(path.read_text())
    assert record["rows"] == [{"a": 1}]
    assert record["seed"] == 7
    assert {"numpy", "keras", "tensorflow"} <= set(record["versions"])
    assert record["machine"]["cores"] >= 1
    assert [each.name for each in path.parent.iterdir()] == ["x.json"]
