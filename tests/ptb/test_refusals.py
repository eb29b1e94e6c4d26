"""`kd-keras ptb` refuses bad input in one line and before any work."""

import os
import shutil

import keras
import numpy as np
import pytest
from ptb_runs import TEXT, TRAIN

import kd_keras
from kd_keras.cli.main import main
from kd_keras.language_model import evaluation
from kd_keras.ptb.inputs import load_codes
from kd_keras.utils.errors import BadInputError

BAD = {
    "no text": (["train", "--data-dir", "nothing"], "Received: nothing"),
    "other text": (
        ["train", "--data-dir", "text"],
        "another text needs --any-text",
    ),
    "any text of nothing": (["train", "--any-text"], "--data-dir"),
    "seed": (["train", *TRAIN, "--seed", "-1"], "--seed"),
    "epochs": (["train", *TRAIN, "--epochs", "0"], "--epochs 0"),
    "workers": (["train", *TRAIN, "--strategy", "multi-worker"], "TF_CONFIG"),
    "tpu": (["train", *TRAIN, "--strategy", "tpu"], "no TPU"),
    "K": (["retrain", *TRAIN, "--K", "1"], "K=1"),
    "D": (["retrain", *TRAIN, "--composition", "lstm", "--D", "0"], "D=0"),
    "codes of a code": (
        ["learn-codes", "--from", "ptb-runs/tiny-conventional-seed0"]
        + ["--K", "0"],
        "K=0",
    ),
    "replicas": (
        ["train", *TRAIN, "--strategy", "mirrored", "--replicas", "0"],
        "--replicas 0",
    ),
    "replicas of one device": (
        ["train", *TRAIN, "--replicas", "2"],
        "--strategy default",
    ),
    "K of a table": (
        ["train", *TRAIN, "--K", "8"],
        "--K is for --embedding fixed or learn",
    ),
    "schedule of fixed codes": (
        ["train", *TRAIN, "--embedding", "fixed", "--temperature", "1"],
        "--temperature is for --embedding learn",
    ),
    "rate of no LSTM": (
        ["retrain", *TRAIN, "--lstm-rate", "1"],
        "--lstm-rate is for --composition lstm",
    ),
    "rate": (
        ["retrain", *TRAIN, "--composition", "lstm", "--lstm-rate", "nan"],
        "--lstm-rate nan",
    ),
    "results": (
        ["train", *TRAIN, "--results", "text/ptb.test.txt/rows.json"],
        "cannot be written",
    ),
    "concat": (
        ["retrain", *TRAIN, "--composition", "concat", "--D", "5"],
        "D=5",
    ),
    "codes of nothing": (["retrain", *TRAIN, "--codes", "no"], "no"),
    "codes for a table": (["train", *TRAIN, "--codes", "x"], "--codes"),
    "warm table": (["train", *TRAIN, "--warm-start", "x"], "--warm-start"),
    "temperature": (
        ["train", *TRAIN, "--embedding", "learn", "--temperature", "0"],
        "--temperature 0.0",
    ),
    "run of nothing": (["evaluate", "text", *TEXT], "not the folder of a run"),
    "codes of no run": (["learn-codes", "--from", "text"], "text"),
    "rows": (["table", "--results", "text/ptb.test.txt"], "ptb.test.txt"),
    "output": (["train", *TRAIN, "--output", "text"], "contains no run"),
    "output not UTF-8": (
        ["train", *TRAIN, "--output", os.fsdecode(b"caf\xe9")],
        "in UTF-8",
    ),
    "backend": (["train", "--strategy", "all"], "--strategy"),
    "export of nothing": (["export", "text"], "not the folder of a run"),
    "precision": (
        ["export", "x", "--format", "saved-model", "--precision", "int8"],
        "--precision int8",
    ),
    "export over the run": (
        ["export", "ptb-runs/tiny-conventional-seed0"]
        + ["--output", "ptb-runs/tiny-conventional-seed0/model.keras"],
        "--output must not be a file of the run",
    ),
    "codes that are not there": (
        ["retrain", *TRAIN, "--codes", "nothing"],
        "--codes must be a folder written by",
    ),
    "output codes that are not there": (
        ["train", *TRAIN, "--output-layer", "codes"]
        + ["--output-codes", "nothing"],
        "--output-codes must be a folder written by",
    ),
    "no rows": (
        ["table", "--no-train", "--results", "nothing.json"],
        "nothing.json, not there",
    ),
    "no rows of the text": (
        ["table", "--model", "tiny", "--no-train"],
        "ptb_tiny.json, without any",
    ),
    "no .tflite": (["evaluate", "no.tflite", *TEXT], "no.tflite"),
}


@pytest.mark.usefixtures("conventional")
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(work, case, capsys):
    words, said = BAD[case]
    before = sorted(path.name for path in work.iterdir())
    assert main(["ptb", *words]) == 2
    output = capsys.readouterr()
    assert output.err.startswith("kd-keras: error: ")
    assert output.err.count("\n") == 1 and said in output.err
    assert sorted(path.name for path in work.iterdir()) == before


@pytest.mark.slow
def test_what_cannot_be_exported_is_one_line(retrained, capsys):
    words = [retrained, "--sequence-length", "0", "--quiet"]
    assert main(["ptb", "export", *words]) == 2
    said = capsys.readouterr().err
    assert "sequence_length=0" in said and said.count("\n") == 1


@pytest.mark.parametrize("form", ["litert", "saved-model"])
@pytest.mark.parametrize("path", ["no/file", os.fsdecode(b"caf\xe9")])
def test_an_export_tries_its_path_before_the_model_is_loaded(
    retrained, monkeypatch, capsys, form, path
):
    monkeypatch.setattr(evaluation, "load_streaming_model", None)
    words = [retrained, "--format", form, "--output", path, "--quiet"]
    assert main(["ptb", "export", *words]) == 2
    said = capsys.readouterr().err
    assert "`path` must be" in said and said.count("\n") == 1


def test_another_run_in_the_folder_is_told(conventional, capsys):
    output = f"ptb-runs/{conventional.name}"
    words = ["train", *TRAIN, "--seed", "5", "--output", output]
    assert main(["ptb", *words]) == 2
    assert "differs in seed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.keras", None, "cannot be read"),
        ("model.keras", b"PK", "cannot be read"),
        ("vocabulary.txt", None, "vocabulary.txt"),
        ("row.json", b"{}", "not the row of a run"),
        ("settings.json", b"[1]", "settings.json"),
        ("settings.json", b'{"size": 1}', "settings.json"),
    ],
)
def test_a_damaged_run_is_told(
    conventional, tmp_path, capsys, name, content, said
):
    broken = shutil.copytree(conventional, tmp_path / "broken")
    (broken / name).unlink()
    if content is not None:
        (broken / name).write_bytes(content)
    assert main(["ptb", "evaluate", str(broken), *TEXT, "--quiet"]) == 2
    output = capsys.readouterr().err
    assert output.count("\n") == 1 and said in output


def test_another_model_is_told(conventional, tmp_path, capsys):
    foreign = shutil.copytree(conventional, tmp_path / "foreign")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]).save(
        foreign / "model.keras"
    )
    assert main(["ptb", "evaluate", str(foreign), *TEXT, "--quiet"]) == 2
    assert "Received: a Sequential" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"PK"])
def test_a_damaged_model_is_not_exported(retrained, tmp_path, capsys, content):
    broken = shutil.copytree(retrained, tmp_path / "broken")
    (broken / "model.keras").unlink()
    if content is not None:
        (broken / "model.keras").write_bytes(content)
    assert main(["ptb", "export", str(broken), "--quiet"]) == 2
    output = capsys.readouterr().err
    assert output.count("\n") == 1 and "model.keras cannot be read" in output


def test_a_damaged_log_is_told(conventional, tmp_path, capsys):
    broken = shutil.copytree(conventional, tmp_path / "broken")
    (broken / "row.json").unlink()
    log = (broken / "log.csv").read_text()
    (broken / "log.csv").write_text(log.replace(",", ",x", 9))
    assert main(["ptb", "train", *TRAIN, "--output", str(broken)]) == 2
    assert "log.csv is damaged" in capsys.readouterr().err


@pytest.fixture
def other_text(work, tmp_path):
    """Writes another text with the same number of words."""
    for path in (work / "text").iterdir():
        words = path.read_text().split(" ")
        words = [word and word.replace("w1", "v1") for word in words]
        (tmp_path / path.name).write_text(" ".join(words))
    return ["--data-dir", str(tmp_path), "--any-text"]


def test_another_text_is_told(conventional, codes, other_text, capsys):
    tiny = ["--model", "tiny", "--quiet", *other_text]
    folder = f"ptb-runs/{conventional.name}"
    assert main(["ptb", "train", *tiny]) == 2
    assert "differs in text" in capsys.readouterr().err
    assert main(["ptb", "evaluate", folder, *other_text]) == 2
    assert "another text" in capsys.readouterr().err
    new = ["--output", "of-another-text"]
    assert main(["ptb", "retrain", "--codes", codes, *tiny, *new]) == 2
    assert "another text" in capsys.readouterr().err
    assert not os.path.exists("of-another-text")


def test_other_codes_in_the_folder_are_told(codes, conventional, capsys):
    words = ["--K", "4", "--D", "4", "--output", codes]
    run_folder = f"ptb-runs/{conventional.name}"
    assert main(["ptb", "learn-codes", "--from", run_folder, *words]) == 2
    assert "learned with other options" in capsys.readouterr().err
    words[-1:] = ["other", "--effort", "-1"]
    assert main(["ptb", "learn-codes", "--from", run_folder, *words]) == 2
    assert "Received: effort=-1.0" in capsys.readouterr().err
    assert not os.path.exists("other")
    assert main(["ptb", "learn-codes", "--from", codes]) == 2


def test_codes_with_tiers_are_refused(tmp_path):
    embedding = kd_keras.KDEmbedding(9, 4, 2, (3, 1), tiers=(2,))
    model = keras.Sequential([embedding])
    model(np.arange(9))
    model.save(tmp_path / "embedding.keras")
    with pytest.raises(BadInputError, match="same number .*, with tiers"):
        load_codes(str(tmp_path), None)
