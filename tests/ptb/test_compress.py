"""`kd-keras ptb compress`: a trained language model within a budget."""

import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
from ptb_runs import read, run

from kd_keras.cli.main import main
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.ptb import compress

WORDS = 1_200
BUDGET = 52_000
TEXT = ("--data-dir", "text", "--any-text", "--quiet")
RUN = "runs/tiny"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A working directory with a run on a text in which words follow others."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "text").mkdir()
    rng = np.random.default_rng(0)
    for name, count in (("train", 3000), ("valid", 400), ("test", 400)):
        steps = rng.integers(1, 4, count)
        ids = np.cumsum(steps) % WORDS
        if name == "train":
            ids[:WORDS] = np.arange(WORDS)  # every word
        text = " ".join(f"w{i}" for i in ids)
        (folder / "text" / f"ptb.{name}.txt").write_text(f" {text} \n")
    before = os.getcwd()
    os.chdir(folder)
    run("train", *TEXT, "--model", "tiny", "--epochs", "2", "--output", RUN)
    yield folder
    os.chdir(before)


@pytest.mark.slow
def test_an_interrupted_reading_keeps_the_model(trained, monkeypatch):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(compress, "litert_perplexity", interrupted)
    words = ["--from", RUN, "--budget", str(BUDGET), "--effort", "0", *TEXT]
    assert main(["ptb", "compress", *words, "--output", "interrupted"]) == 130
    assert {x.name for x in Path("interrupted").iterdir()} == {
        "model.keras",
        "model.tflite",
        "report.html",
        "report.json",
    }
    assert main(["report", "interrupted"]) == 0
    # The same command only reads the text.
    monkeypatch.setattr(compress, "litert_perplexity", lambda *given: 12.0)
    monkeypatch.setattr(compress, "_compress", None)
    run("compress", *words, "--output", "interrupted")
    assert read("interrupted/report.json")["test_perplexity"] == 12.0
    monkeypatch.setattr(compress, "litert_perplexity", None)
    run("compress", *words, "--output", "interrupted")
    # One with other options, or a run that has changed since, is refused.
    words += ["--output", "interrupted"]
    assert main(["ptb", "compress", *words, "--effort", "0.1"]) == 2
    report = read("interrupted/report.json")
    report["decides"]["run"] = "another model"
    Path("interrupted/report.json").write_text(json.dumps(report))
    assert main(["ptb", "compress", *words]) == 2


@pytest.mark.slow
def test_the_file_is_within_the_budget_and_reads_the_text(trained, capsys):
    words = ("--from", RUN, "--budget", str(BUDGET), "--effort", "0")
    run("compress", *words, *TEXT)
    folder = Path(f"{RUN}-small")
    report = read(folder / "report.json")
    assert report["bytes"] <= BUDGET
    assert report["bytes"] == (folder / "model.tflite").stat().st_size
    assert {x["name"] for x in report["plan"]["tables"]} == {
        "embedding",
        "output",
    }
    assert set(report["measured"]["trained"]) == {"loss", "perplexity"}

    run("evaluate", str(folder / "model.tflite"), *TEXT)
    told = float(capsys.readouterr().out.split()[2])
    assert told == pytest.approx(report["test_perplexity"], rel=1e-4)
    # In Keras it is the same model before it is rounded to int8.
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    assert model.input_shape == (1, None)
    page = (folder / "report.html").read_text()
    assert f"on the file: {report['test_perplexity']:.2f}" in page
    assert main(["report", str(folder)]) == 0
    assert "test perplexity of the file" in capsys.readouterr().out


@pytest.mark.slow
def test_a_mean_of_runs_is_the_teacher(trained):
    words = ["--from", RUN, "--budget", str(BUDGET), "--effort", "0", *TEXT]
    losses = []
    for output, teachers in (("one", ()), ("two", ("--teacher", RUN, RUN))):
        run("compress", *words, *teachers, "--output", output)
        report = read(Path(output) / "report.json")
        assert report["arguments"]["teacher"] == (list(teachers[1:]) or None)
        losses.append(report["losses"])
    # Names in a file differ by some bytes, and so may the plans.
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-3)
    assert losses[0][1] != losses[1][1]


@pytest.mark.slow
def test_weights_from_scratch_are_trained_for_all_epochs(trained):
    words = ["--from", RUN, "--budget", str(BUDGET), "--effort", "0", *TEXT]
    run("compress", *words, "--from-scratch", "--output", "scratch")
    report = read("scratch/report.json")
    assert "--from-scratch" in report["command"]
    assert report["bytes"] <= BUDGET
    first, *losses = report["losses"]
    assert len(losses) == CONFIGURATIONS["tiny"].epochs  # not 2, as the run
    for name, loss in (
        ("with new tables", first),
        ("trained", min(first, *losses)),
    ):
        perplexity = report["measured"][name]["perplexity"]
        assert np.log(perplexity) == pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--budget", "2 apples"), "2 apples"),
        (("--budget", "10KB"), "The budget must be at least"),
        (("--budget", "40KB", "--effort", "-1"), "effort"),
        (("--from", "text", "--budget", "40KB"), "is not the folder of a run"),
        (
            ("--budget", "40KB", "--from-scratch", "--teacher", RUN),
            "--from-scratch learns from the text alone",
        ),
        (
            ("--budget", "40KB", "--teacher", RUN, "text"),
            "is not the folder of a run",
        ),
    ],
)
def test_refusals_leave_nothing(trained, capsys, words, told):
    before = sorted(Path("runs").iterdir())
    given = ("--output", "runs/refused", *words, *TEXT)
    assert main(["ptb", "compress", "--from", RUN, *given]) == 2
    error = capsys.readouterr().err.strip()
    assert told in error.splitlines()[-1]
    assert sorted(Path("runs").iterdir()) == before
