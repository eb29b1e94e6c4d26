"""`kd-keras ptb tune`: codes in a trained model, which is trained on."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from ptb_runs import TEXT, read, run

import kd_keras
from kd_keras.cli.main import main
from kd_keras.cli.options import make_parser
from kd_keras.ptb.run_callbacks import FreshState

SIZES = ("--K", "8", "--D", "4", "--effort", "0.1", "--quiet")
OUTPUT_CODES = "ptb-runs/tiny-output-codes-linear-K8-D4"
CODES = "ptb-runs/tiny-codes-concat-K8-D4"


@pytest.fixture(scope="module")
def codes(conventional):
    start = ("--from", f"ptb-runs/{conventional.name}")
    run("learn-codes", *start, "--part", "output", *SIZES)
    run("learn-codes", *start, "--composition", "concat", *SIZES)
    return start


def tune(start, *words):
    run("tune", *start, *words, *TEXT, "--epochs", "2", "--quiet")


def model_of(folder):
    return keras.saving.load_model(f"{folder}/model.keras")


@pytest.mark.slow
def test_both_sides_begin_as_they_were_learned(codes, conventional, capsys):
    words = ("--codes", CODES, "--output-codes", OUTPUT_CODES)
    folder = (
        "ptb-runs/tiny-concat-concat-K8-D4-output-linear-linear-K8-D4-"
        "tuned-2epochs-seed0"
    )
    tune(codes, *words)
    row = read(f"{folder}/row.json")
    assert row["tuned"] and row["output_layer"] == "codes"
    assert row["code_dim"] is None  # d / D, as it was learned
    model = model_of(folder)
    for layer, source in (
        (model.embedding, CODES),
        (model.get_layer("output"), OUTPUT_CODES),
    ):
        given = keras.saving.load_model(f"{source}/embedding.keras").layers[0]
        np.testing.assert_array_equal(layer.codes, given.codes)
        here, there = (
            x.composition.code_embeddings.numpy() for x in (layer, given)
        )
        moved = np.linalg.norm(here - there) / np.linalg.norm(there)
        assert 0 < moved < 0.5
    start = model_of(conventional)
    assert isinstance(model.get_layer("output"), kd_keras.KDLogits)
    weights = zip(
        model.get_layer("lstm_0").get_weights()[:3],
        start.get_layer("lstm_0").get_weights()[:3],
        strict=True,
    )
    for here, there in weights:
        moved = np.linalg.norm(here - there) / np.linalg.norm(there)
        assert 0 < moved < 0.5  # two different models are 1.4 apart
    # It learns what the codes lost: an untrained model is far worse.
    before = read(conventional / "row.json")["valid_perplexity"]
    assert row["valid_perplexity"] < 1.3 * before
    capsys.readouterr()
    run("evaluate", folder, *TEXT)
    assert capsys.readouterr().out.count(f"{row['test_perplexity']:.3f}") == 2
    run("table", "--model", "tiny", "--no-train", *TEXT)
    assert "concat, tuned" in capsys.readouterr().out


@pytest.mark.slow
def test_it_goes_on_from_a_run_with_codes(codes, tmp_path):
    first, second = (str(tmp_path / name) for name in "ab")
    tune(codes, "--codes", CODES, "--output", first)
    tune(("--from", first), "--output-codes", OUTPUT_CODES, "--output", second)
    row = read(f"{second}/row.json")
    assert (row["K"], row["relearning"]) == (8, "concat")
    np.testing.assert_array_equal(
        model_of(second).embedding.codes, model_of(first).embedding.codes
    )
    # The command that is told can be parsed and is this one.
    given = make_parser().parse_args(row["command"].split()[1:])
    assert (given.run, given.output_codes) == (first, OUTPUT_CODES)


@pytest.mark.filterwarnings(  # of the log that the interrupted run left open
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.slow
def test_an_interrupted_run_resumes_with_the_same_inputs_only(
    codes, weighted_codes, tmp_path, monkeypatch, capsys
):
    whole, parts = (str(tmp_path / name) for name in "ab")
    words = ("--output-codes", OUTPUT_CODES, "--output")
    tune(codes, *words, whole)

    class StoppedError(Exception):
        pass

    def stop(self, epoch, logs=None):
        if epoch == 1:
            raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(FreshState, "on_epoch_begin", stop)
        with pytest.raises(StoppedError):
            tune(codes, *words, parts)
    shutil.copytree(f"{codes[1]}", "other")
    model = model_of("other")
    model.get_layer("output").bias.assign_add(np.ones(model.output_shape[-1]))
    model.save("other/model.keras")
    tuned = ("tune", "--from", "other", *words, parts, *TEXT, "--epochs", "2")
    assert main(["ptb", *tuned]) == 2
    assert "which differs in --from" in capsys.readouterr().err
    tune(codes, *words, parts)
    # A finished run is not taken for that of another teacher, but needs none.
    tuned = ("tune", "--from", "other", *words, parts, *TEXT, "--epochs", "2")
    assert main(["ptb", *tuned]) == 2
    again, row = (read(f"{x}/row.json") for x in (parts, whole))
    curve = "valid_perplexity_by_epoch"
    assert again[curve] == pytest.approx(row[curve], rel=1e-6)


@pytest.fixture(scope="module")
def weighted_codes(codes):
    words = ("--part", "output", "--count-power", "0.5")
    run("learn-codes", *codes, *words, *TEXT, *SIZES)
    return f"{OUTPUT_CODES}-count0.5"


@pytest.mark.slow
def test_codes_learned_with_counts(codes, weighted_codes):
    report = read(f"{weighted_codes}/report.json")
    assert report["arguments"]["count_power"] == 0.5
    plain = read(f"{OUTPUT_CODES}/report.json")
    assert report["error"]["error"] > plain["error"]["error"]
    with open(f"{codes[1]}/counts.txt") as file:
        counts = [int(line) for line in file]
    with open("text/ptb.train.txt") as file:
        text = file.read().replace("\n", " <eos> ").split()
    assert sum(counts) == len(text)
    with open(f"{codes[1]}/vocabulary.txt") as file:
        assert counts[0] == text.count(file.readline().strip())
    # At once, without the text.
    words = ("--part", "output", "--count-power", "0.5")
    run("learn-codes", *codes, *words, *SIZES)
    tune(codes, "--output-codes", weighted_codes)
    name = "tiny-conventional-output-linear-linear-K8-D4-count0.5-tuned-2epochs"
    row = read(f"ptb-runs/{name}-seed0/row.json")
    assert row["output_count_power"] == 0.5


@pytest.fixture(scope="module")
def refused(codes):
    """Folders that `ptb tune` refuses, made of those it takes."""

    def altered(source, name, file, **changes):
        shutil.copytree(source, name)
        content = read(f"{name}/{file}") | changes
        with open(f"{name}/{file}", "w") as out:
            json.dump(content, out)

    altered(CODES, "narrow", "report.json", d=8)
    altered(CODES, "lstm", "report.json", composition="lstm")
    settings = "settings.json"
    altered(codes[1], "tied", settings, output_layer="tied")
    altered(codes[1], "half", settings, precision="mixed_bfloat16")
    altered(codes[1], "begun", settings)
    (Path("begun") / "row.json").unlink()


@pytest.mark.parametrize(
    "words, message",
    [
        ((), "needs --codes, --output-codes or both. Received: neither"),
        (("--output-codes", "nowhere"), "nowhere"),
        (("--from", "nowhere", "--codes", CODES), "nowhere"),
        (("--codes", CODES, "--epochs", "0"), "--epochs"),
        (("--codes", CODES, "--data-dir", "nowhere"), "nowhere"),
        (("--codes", "narrow"), "vectors of size 16, as in the model"),
        (("--codes", "lstm"), "linear or concat composition"),
        (("--from", "tied", "--codes", CODES), "is not tied"),
        (("--from", "half", "--codes", CODES), "--precision mixed_bfloat16"),
        (("--from", "begun", "--codes", CODES), "must be a finished run"),
    ],
)
def test_refusals(words, message, codes, refused, capsys):
    start = () if "--from" in words else codes
    text = () if "--data-dir" in words else TEXT
    assert main(["ptb", "tune", *start, *words, *text]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and message in error
