"""What would fail at the end is refused at the start, or works."""

import errno
import importlib
import json
import os
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import kd_keras
from kd_keras.cli.main import main
from kd_keras.commands import early_checks, write_result

NOT_UTF8 = os.fsdecode(b"caf\xe9")
SMALL = ["--K", "4", "--D", "2", "--quiet"]


@pytest.fixture
def learned(tmp_path, monkeypatch):
    """Replaces the search with random codes; counts its calls.

    The working directory contains only a table.
    """
    calls = []

    def learn_codes(vectors, verbose, effort, weights, **given):
        calls.append(given)
        embedding = kd_keras.KDEmbedding(*vectors.shape, **given)
        embedding.build()
        return embedding

    learning = importlib.import_module("kd_keras.learning.learn_codes")
    monkeypatch.setattr(learning, "learn_codes", learn_codes)
    monkeypatch.chdir(tmp_path)
    vectors = np.random.default_rng(0).normal(size=(20, 6)).astype("f4")
    np.save("table.npy", vectors)
    return calls


def compress(*options, vectors="table.npy", output="out"):
    return main(["compress", vectors, *SMALL, "--output", output, *options])


def refused(code, capsys, said):
    """Checks that a command was refused in one line and left nothing."""
    error = capsys.readouterr().err
    assert code == 2, error
    assert error.count("\n") == 1 and said in error
    assert os.listdir() == ["table.npy"]


def set_backend(monkeypatch, backend, in_file):
    """Makes a backend the one of a process that has not imported Keras."""
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    home = os.path.abspath(os.path.join(os.pardir, "keras"))
    os.makedirs(home, exist_ok=True)
    monkeypatch.setenv("KERAS_HOME", home)
    if in_file:
        with open(os.path.join(home, "keras.json"), "w") as file:
            json.dump({"backend": backend}, file)
    else:
        monkeypatch.setenv("KERAS_BACKEND", backend)


COMMANDS = {
    "compress": ["compress", "table.npy", *SMALL],
    "compress --litert": ["compress", "table.npy", *SMALL, "--litert"],
    "merge": ["merge", "shard", "--output", "out"],
    "report": ["report", "table.npy"],
    "ptb train": ["ptb", "train", "--model", "tiny"],
    "ptb export": ["ptb", "export", "run"],
}


@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_backend_is_refused(
    command, in_file, learned, monkeypatch, capsys
):
    set_backend(monkeypatch, "torch", in_file)
    where = "keras.json" if in_file else "KERAS_BACKEND=torch"
    refused(main(COMMANDS[command]), capsys, where)
    assert not learned


@pytest.mark.parametrize("command", ["compress", "ptb train"])
def test_a_backend_that_is_not_installed_is_refused(
    command, learned, monkeypatch, capsys
):
    set_backend(monkeypatch, "jax", False)
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    monkeypatch.setattr(early_checks, "find_spec", lambda name: None)
    refused(main(COMMANDS[command]), capsys, "KERAS_BACKEND=jax, which is not")
    assert not learned


@pytest.mark.parametrize("command", ["compress --litert", "ptb export"])
def test_a_backend_that_cannot_export_is_refused(
    command, learned, monkeypatch, capsys
):
    set_backend(monkeypatch, "jax", False)
    refused(main(COMMANDS[command]), capsys, "KERAS_BACKEND=tensorflow")
    assert not learned


@pytest.mark.parametrize("floatx", ["float64", "float16"])
def test_results_are_in_float32_whatever_floatx_is(floatx, learned):
    keras.config.set_floatx(floatx)
    try:
        assert compress("--litert", "float32") == 0
    finally:
        keras.config.set_floatx("float32")
    vectors = kd_keras.load_litert("out/embedding.tflite").embed([3])
    saved = keras.saving.load_model("out/embedding.keras")
    assert saved.layers[0].compute_dtype == "float32"
    np.testing.assert_allclose(vectors, saved(np.array([[3]]))[0], rtol=1e-5)


def test_a_path_that_is_not_utf8_works_without_tensorflow(learned, capsys):
    os.rename("table.npy", NOT_UTF8 + ".npy")
    assert compress(vectors=NOT_UTF8 + ".npy", output=NOT_UTF8) == 0
    assert main(["explore", NOT_UTF8]) == 0
    assert main(["report", NOT_UTF8]) == 0
    assert "explorer.html" in os.listdir(NOT_UTF8)


def test_an_input_that_is_not_utf8_is_exported(learned):
    os.rename("table.npy", NOT_UTF8 + ".npy")
    assert compress("--litert", vectors=NOT_UTF8 + ".npy") == 0
    assert "embedding.tflite" in os.listdir("out")


@pytest.mark.parametrize("inside", ["", "/out"])
def test_an_export_to_a_path_that_is_not_utf8_is_refused(
    inside, learned, tmp_path, capsys
):
    if inside:
        os.mkdir(os.pardir + f"/{NOT_UTF8}")
    output = (os.pardir + "/" if inside else "") + NOT_UTF8 + inside
    refused(compress("--litert", output=output), capsys, "in UTF-8")
    assert not learned


@pytest.mark.parametrize(
    "path, said",
    [
        (NOT_UTF8, "in UTF-8"),
        ("/proc/out", "written to"),
        ("x" * 250, "File name too long"),
        ("no/out", "exists"),
    ],
)
@pytest.mark.parametrize(
    "export", [kd_keras.export_litert, kd_keras.export_saved_model]
)
def test_an_export_tries_its_path_first(
    export, path, said, learned, monkeypatch
):
    signatures = importlib.import_module(
        "kd_keras.export.signatures.signatures_of"
    )
    monkeypatch.setattr(signatures, "signatures_of", None)
    embedding = kd_keras.KDEmbedding(20, 6, K=4, D=2)
    embedding.build()
    with pytest.raises(ValueError, match=said):
        export(embedding, path)
    assert os.listdir() == ["table.npy"]


FULL = {
    "of Python": OSError(errno.ENOSPC, "No space left on device"),
    "of TensorFlow": tf.errors.ResourceExhaustedError(
        None, None, "x; No space left on device"
    ),
    "of h5py": RuntimeError("errno = 28, 'No space left on device'"),
}


def fail_at(step, error, monkeypatch):
    """Makes a step of writing the result fail: the page, or the export."""

    def fail(*given, **options):
        raise error

    if step == "page":
        monkeypatch.setattr(write_result, "write_report", fail)
    else:
        module = importlib.import_module("kd_keras.commands.compress_litert")
        monkeypatch.setattr(module, "compress_litert", fail)


@pytest.mark.parametrize("error", FULL)
@pytest.mark.parametrize("step", ["page", "export"])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    step, error, learned, monkeypatch, capsys
):
    fail_at(step, FULL[error], monkeypatch)
    assert compress(*(["--litert"] if step == "export" else [])) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "No space left on device" in said
    assert os.listdir() == ["table.npy"]


@pytest.mark.parametrize("step", ["page", "export"])
def test_a_failure_after_learning_keeps_what_was_learned(
    step, learned, monkeypatch, capsys
):
    with monkeypatch.context() as broken:
        fail_at(step, OSError(errno.EIO, "Input/output error"), broken)
        assert compress(*(["--litert"] if step == "export" else [])) == 1
    assert "Input/output error" in capsys.readouterr().err
    assert sorted(os.listdir()) == ["out.partial", "table.npy"]
    assert compress() == 0
    assert len(learned) == 1
    assert sorted(os.listdir()) == ["out", "table.npy"]


def test_a_failure_of_the_explorer_leaves_the_result(
    learned, monkeypatch, capsys
):
    assert compress() == 0
    before = sorted(os.listdir("out"))
    explore = importlib.import_module("kd_keras.explorer.explore_folder")

    def fail(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(explore, "write_whole", fail)
        assert main(["explore", "out"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert sorted(os.listdir("out")) == before
    assert main(["explore", "out"]) == 0
