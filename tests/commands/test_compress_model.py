"""Tests of `kd-keras compress MODEL.keras --budget SIZE`."""

import json
import re

import keras
import numpy as np
import pytest
from keras import layers
from small_models import STEPS, N, ids_of, sequential, two_towers

import kd_keras
from kd_keras.cli.main import main
from kd_keras.compression.steps import KeptSteps


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model, its data, and what is not a model."""
    path = tmp_path_factory.mktemp("models")
    model = sequential()
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.save(path / "model.keras")
    two_towers().save(path / "towers.keras")
    x = ids_of(200)
    np.save(path / "ids.npy", x)
    np.savez(path / "data.npz", x=x, y=x[:, 0] % 3)
    np.savez(path / "wrong.npz", z=x)
    np.save(path / "far.npy", x + N)
    (path / "counts.txt").write_text("\n".join(map(str, range(N, 0, -1))))
    (path / "few.txt").write_text("1\n2\n")
    (path / "text.txt").write_text("some words\n")
    (path / "broken.keras").write_bytes(b"PK\x03\x04 no zip")
    (path / "model.tflite").write_bytes(b"    TFL3")

    class Unknown(layers.Layer):
        def call(self, x):
            return x

    unknown = keras.Sequential([keras.Input((3,)), Unknown()])
    unknown.save(path / "unknown.keras")

    def own_loss(y, p):
        return keras.ops.mean(p)

    mixed = keras.Sequential([keras.Input((3,)), layers.Lambda(lambda x: -x)])
    mixed.save(path / "lambda.keras")
    unknown = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    unknown.compile("sgd", own_loss)
    unknown.save(path / "unknown_loss.keras")
    return path


@pytest.fixture
def run(folder, tmp_path, monkeypatch, capsys):
    def run(*words):
        monkeypatch.chdir(tmp_path)
        for path in folder.iterdir():
            if not (tmp_path / path.name).exists():
                (tmp_path / path.name).symlink_to(path)
        code = main(["compress", *words])
        return (code, *capsys.readouterr())

    return run


def test_it_writes_a_model_a_file_and_reports(run, tmp_path, capsys):
    code, out, err = run(
        "model.keras", "--budget", "12KB", "--data", "data.npz",
        "--effort", "0.2",
    )  # fmt: skip
    assert code == 0, err
    made = tmp_path / "model-small"
    assert sorted(x.name for x in made.iterdir()) == [
        "model.keras", "model.tflite", "report.html", "report.json",
    ]  # fmt: skip
    size = (made / "model.tflite").stat().st_size
    assert size <= 12_000 and f"{size:,} bytes" in out
    report = json.loads((made / "report.json").read_text())
    assert report["bytes"] == size == sum(report["parts"].values())
    assert set(report["measured"]["trained"]) == {"loss", "accuracy"}
    page = (made / "report.html").read_text()
    assert "model.tflite" in page and "(taken)" not in page
    small = keras.saving.load_model(made / "model.keras")
    assert isinstance(
        small.get_layer("words"),
        (kd_keras.KDEmbedding, kd_keras.ReducedEmbedding),
    )
    assert main(["report", str(made)]) == 0
    assert capsys.readouterr().out == out
    # A result is replaced only if that is wanted.
    code, _, err = run("model.keras", "--budget", "12KB")
    assert code == 2 and "--force" in err
    assert main(["explore", str(made)]) == 2


@pytest.mark.slow
def test_a_dry_run_prints_the_plan_and_writes_nothing(run, tmp_path):
    code, out, _ = run(
        "model.keras", "--budget", "40%", "--counts", "counts.txt", "--dry-run"
    )
    assert code == 0 and "(taken)" in out
    assert not (tmp_path / "model-small").exists()


@pytest.mark.parametrize(
    "words, message",
    [
        (("model.keras",), "needs --budget"),
        (("model.keras", "--budget", "0"), "A budget must be"),
        (("model.keras", "--budget", "2 apples"), "A budget must be"),
        (("model.keras", "--budget", "100"), "must be at least"),
        (("none.keras", "--budget", "1KB"), "no such file"),
        (("broken.keras", "--budget", "1KB"), "cannot be loaded"),
        (("model.tflite", "--budget", "1KB"), "A .tflite file cannot"),
        ((".", "--budget", "1KB"), "A SavedModel holds functions"),
        (("ids.npy", "--data", "ids.npy"), "--data is for a model"),
        (("model.keras", "--budget", "9KB", "--K", "4"), "--K is for a table"),
        (("unknown.keras", "--budget", "1KB"), "--custom module:Unknown"),
        (("unknown_loss.keras", "--budget", "1KB"), "module:own_loss"),
        (("lambda.keras", "--budget", "1KB"), "a Python lambda"),
        (
            ("unknown.keras", "--budget", "1KB", "--custom", "none:Unknown"),
            "--custom must be module:name",
        ),
        (("model.keras", "--budget", "9KB", "--data", "x"), "must be a file"),
        (
            ("model.keras", "--budget", "9KB", "--validation-data", "ids.npy"),
            "needs --data",
        ),
        (
            ("model.keras", "--budget", "9KB", "--teacher", "model.keras"),
            "--teacher needs --data",
        ),
        (
            ("model.keras", "--budget", "9KB", "--data", "ids.npy")
            + ("--teacher", "model.keras", "--no-tune"),
            "--teacher and --no-tune",
        ),
        (("ids.npy", "--teacher", "model.keras"), "--teacher is for a model"),
        (
            ("model.keras", "--budget", "9KB", "--data", "wrong.npz"),
            "must have the array 'x'.*with z",
        ),
        (
            ("model.keras", "--budget", "9KB", "--data", "text.txt"),
            "must be a .npy file",
        ),
        (
            ("model.keras", "--budget", "9KB", "--data", "far.npy"),
            f"from 0 to {N - 1:,}",
        ),
        (
            ("towers.keras", "--budget", "40%", "--data", "data.npz"),
            "what the model takes",
        ),
        (
            ("model.keras", "--budget", "9KB", "--counts", "few.txt"),
            "one count for each symbol",
        ),
        (("model.keras", "--budget", "9KB", "--seed", "-1"), "--seed must"),
        (
            ("model.keras", "--budget", "9KB", "--sequence-length", "0"),
            "--sequence-length must be a positive",
        ),
        (
            ("model.keras", "--budget", "9KB", "--sequence-length", "99"),
            "must be None or the second size of an input",
        ),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    words, message, run, tmp_path
):
    code, out, err = run(*words)
    lines = [x for x in err.splitlines() if x.startswith("kd-keras: error")]
    assert code == 2 and len(lines) == 1 and not out
    assert re.search(message, lines[0])
    assert "Traceback" not in err
    assert not list(tmp_path.glob("*-small"))


@pytest.mark.slow
def test_text_is_data_for_a_model_that_takes_text(run, tmp_path):
    words = [f"w{i}" for i in range(N - 1)]
    lookup = layers.TextVectorization(
        vocabulary=words, output_sequence_length=STEPS
    )
    model = keras.Sequential(
        [
            keras.Input((), dtype="string"),
            lookup,
            layers.Embedding(N + 1, 16, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2),
        ]
    )
    model.save(tmp_path / "texts.keras")
    lines = [" ".join(f"w{i}" for i in row) for row in ids_of(50)]
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n")
    code, _, _ = run(
        "texts.keras", "--budget", "12KB", "--data", "lines.txt", "--effort",
        "0.2", "--output", "small",
    )  # fmt: skip
    assert code == 0
    lite = kd_keras.load_litert(tmp_path / "small" / "model.tflite")
    small = keras.saving.load_model(tmp_path / "small" / "model.keras")
    texts = keras.ops.convert_to_tensor(lines[:1], dtype="string")
    ids = np.asarray(small.layers[0](texts))
    [found] = lite.run("serving_default", token_ids=ids).values()
    np.testing.assert_allclose(found, small(texts), atol=0.1)


@pytest.mark.slow
def test_a_stopped_training_gives_the_same(run, folder, tmp_path, monkeypatch):
    """With dropout, whose seed is drawn when the model is loaded."""
    model = keras.Sequential(
        [
            keras.Input((STEPS,), dtype="int32"),
            layers.Embedding(N, 16),
            layers.GlobalAveragePooling1D(),
            layers.Dropout(0.5),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.save(tmp_path / "dropout.keras")
    write = KeptSteps.write

    def write_and_stop(self, name, found):
        write(self, name, found)
        if name.startswith("trial"):
            raise KeyboardInterrupt

    given = ["dropout.keras", "--budget", "60%", "--effort", "0.4"]
    given += ["--data", "data.npz", "--output"]
    assert run(*given, "whole")[0] == 0
    with monkeypatch.context() as patch:
        patch.setattr(KeptSteps, "write", write_and_stop)
        assert run(*given, "stopped")[0] == 130
    keras.utils.set_random_seed(5)  # as another process would
    assert run(*given, "stopped")[0] == 0
    want, found = (
        json.loads((tmp_path / name / "report.json").read_text())
        for name in ("whole", "stopped")
    )
    assert found["losses"] == want["losses"]
    assert [x["loss"] for x in found["plan"]["alternatives"]] == [
        x["loss"] for x in want["plan"]["alternatives"]
    ]


def test_a_stopped_run_goes_on_where_it_was(run, tmp_path, monkeypatch):
    write = KeptSteps.write

    def write_and_stop(self, name, found):
        write(self, name, found)
        if name.startswith("table"):
            raise KeyboardInterrupt

    given = ("model.keras", "--budget", "60%", "--effort", "0")
    with monkeypatch.context() as patch:
        patch.setattr(KeptSteps, "write", write_and_stop)
        assert run(*given)[0] == 130
    assert (tmp_path / "model-small.partial").is_dir()
    assert not (tmp_path / "model-small").exists()
    with monkeypatch.context() as patch:
        patch.setattr(KeptSteps, "write", None)  # nothing is made again
        code, _, err = run(*given)
        assert code == 0 and "Going on from" in err
    assert not (tmp_path / "model-small.partial").exists()
    assert (tmp_path / "model-small" / "model.tflite").exists()


@pytest.mark.parametrize("name", ["mse", "mae", "binary_crossentropy"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
def test_a_file_of_the_older_format_is_read(run, tmp_path, name):
    model = sequential()
    model.compile("adam", name, metrics=[name])
    model.save(tmp_path / "old.h5")
    code, out, err = run("old.h5", "--budget", "60%", "--dry-run")
    assert code == 0 and "words" in out, err
    (tmp_path / "broken.h5").write_bytes(b"no model")
    code, _, err = run("broken.h5", "--budget", "60%")
    assert code and "broken.h5 cannot be loaded" in err
    assert len(err.splitlines()) == 2 and ".keras file" not in err
