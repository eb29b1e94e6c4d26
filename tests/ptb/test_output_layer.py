"""`kd-keras ptb` with codes in the output layer, untied and tied."""

import keras
import numpy as np
import pytest
from ptb_runs import TEXT, TRAIN, read, run

import kd_keras
from kd_keras.cli.main import main

SIZES = ("--K", "8", "--D", "4")
ONE = ("--epochs", "1")


def refused(*words):
    assert main(["ptb", *words]) == 2


@pytest.fixture(scope="module")
def output_codes(conventional):
    source = ("--from", f"ptb-runs/{conventional.name}", "--part", "output")
    run("learn-codes", *source, *SIZES, "--effort", "0.1", "--quiet")
    return "ptb-runs/tiny-output-codes-linear-K8-D4"


@pytest.mark.slow
def test_codes_are_learned_of_the_output_layer(conventional, output_codes):
    model = keras.saving.load_model(conventional / "model.keras")
    table = model.get_layer("output").kernel.numpy().T
    given = keras.saving.load_model(f"{output_codes}/embedding.keras").layers[0]
    rebuilt = np.asarray(given(np.arange(len(table))))
    error = np.square(rebuilt - table).sum() / np.square(table).sum()
    assert error < 0.8  # codes of another table have an error of 1


def test_an_untied_output_layer(output_codes, capsys):
    run("train", "--output-codes", output_codes, *TRAIN, *ONE)
    name = "tiny-conventional-output-linear-linear-K8-D4-1epochs-seed0"
    row = read(f"ptb-runs/{name}/row.json")
    assert row["output_layer"] == "codes"
    assert row["output_code_learning"] == row["output_composition"] == "linear"
    assert (row["output_K"], row["output_D"]) == (8, 4)
    symbols = row["embedding_parameters"] // 16
    assert row["output_bytes"] == symbols * 2 + 4 * 4 * 8 * 16
    given = keras.saving.load_model(f"{output_codes}/embedding.keras").layers[0]
    model = keras.saving.load_model(f"ptb-runs/{name}/model.keras")
    output = model.get_layer("output")
    np.testing.assert_array_equal(output.codes, given.codes)
    capsys.readouterr()
    run("evaluate", f"ptb-runs/{name}", *TEXT)
    said = capsys.readouterr().out
    assert said.count(f"{row['test_perplexity']:.3f}") == 2


@pytest.mark.parametrize("embedding", ["fixed", "learn"])
@pytest.mark.slow
def test_a_tied_output_layer(embedding, work, tmp_path, capsys):
    words = ("train", "--embedding", embedding, *SIZES, *TRAIN, *ONE)
    folder = str(tmp_path / "run")
    run(*words, "--output-layer", "tied", "--output", folder)
    row = read(f"{folder}/row.json")
    assert (row["output_layer"], row["output_bytes"]) == ("tied", 0)
    model = keras.saving.load_model(f"{folder}/model.keras")
    output = model.get_layer("output")
    assert isinstance(output, kd_keras.KDLogits)
    assert output.embedding is model.embedding
    if embedding == "learn":
        return
    path = str(tmp_path / "model.tflite")
    run("export", folder, "--output", path, "--quiet")
    report = kd_keras.size_report(path)
    symbols = len(model.embedding.codes)
    assert report.parts["codes"] == symbols * 2  # once, for both layers
    assert report.embeddings[1]["shares"] == ["codes", "composition"]
    capsys.readouterr()
    run("evaluate", path, *TEXT)
    perplexity = float(capsys.readouterr().out.split()[-1])
    assert perplexity == pytest.approx(row["test_perplexity"], rel=0.01)


def test_the_table_shows_it(output_codes, capsys):
    run("train", "--output-codes", output_codes, *TRAIN, *ONE)
    capsys.readouterr()
    run("table", "--model", "tiny", "--no-train", *TEXT)
    said = capsys.readouterr().out
    assert "output layer" in said
    assert "linear, linear, K=8, D=4" in said


@pytest.mark.parametrize(
    "words, message",
    [
        (
            ("train", "--output-layer", "tied"),
            "--output-layer tied needs an embedding with codes",
        ),
        (
            ("retrain", "--output-layer", "tied", "--output-K", "4"),
            "--output-K is for --output-layer codes",
        ),
        (
            ("train", "--output-layer", "dense", "--output-codes", "random"),
            "--output-codes is for --output-layer codes",
        ),
        (
            ("train", "--output-layer", "codes", "--output-K", "1"),
            "Received: K=1",
        ),
        (
            ("train", "--output-layer", "codes", "--output-D", "7")
            + ("--output-composition", "concat"),
            "D divides d",
        ),
    ],
)
def test_bad_options(words, message, work, capsys):
    refused(*words, *TRAIN)
    assert message in capsys.readouterr().err


def test_codes_of_other_sizes(output_codes, capsys):
    words = ("train", "--output-codes", output_codes, "--output-K", "16")
    refused(*words, *TRAIN)
    said = capsys.readouterr().err
    assert "--output-K must be 8" in said and "--output-K 16" in said


@pytest.mark.slow
def test_codes_of_a_coded_output_layer_are_not_learned(tmp_path, work, capsys):
    folder = str(tmp_path / "run")
    words = ("train", "--output-layer", "codes", "--output-K", "8")
    run(*words, "--output-D", "4", *TRAIN, *ONE, "--output", folder)
    refused("learn-codes", "--from", folder, "--part", "output")
    assert "with a dense output layer" in capsys.readouterr().err
