"""`kd-keras ptb tune`: codes in a trained model, which is trained on."""

import os
import shutil

import keras
import numpy as np
import pytest
from ptb_runs import TEXT, read, run

import kd_keras
from kd_keras.cli.main import main

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
    assert row["valid_perplexity_by_epoch"][0] > row["valid_perplexity"] * 0.9
    capsys.readouterr()
    run("evaluate", folder, *TEXT)
    assert capsys.readouterr().out.count(f"{row['test_perplexity']:.3f}") == 2
    run("table", "--model", "tiny", "--no-train")
    assert "concat, tuned" in capsys.readouterr().out


def test_it_goes_on_from_a_run_with_codes_and_resumes(codes, tmp_path):
    first, whole, parts = (str(tmp_path / name) for name in "abc")
    tune(codes, "--codes", CODES, "--output", first)
    start = ("--from", first)
    words = ("--output-codes", OUTPUT_CODES)
    tune(start, *words, "--output", whole)
    shutil.copytree(whole, parts)
    row = read(f"{whole}/row.json")
    assert (row["K"], row["relearning"]) == (8, "concat")
    np.testing.assert_array_equal(
        model_of(whole).embedding.codes, model_of(first).embedding.codes
    )
    # As if it had been killed before the first epoch.
    for name in ("row.json", "model.keras", "log.csv"):
        os.remove(f"{parts}/{name}")
    tune(start, *words, "--output", parts)
    again = read(f"{parts}/row.json")
    assert again["test_perplexity"] == row["test_perplexity"]


@pytest.mark.parametrize(
    "words, message",
    [
        ((), "needs --codes, --output-codes or both. Received: neither"),
        (("--output-codes", "nowhere"), "nowhere"),
        (("--from", "nowhere", "--codes", CODES), "nowhere"),
        (("--codes", CODES, "--epochs", "0"), "--epochs"),
        (("--codes", CODES, "--data-dir", "nowhere"), "nowhere"),
    ],
)
def test_refusals(words, message, codes, capsys):
    start = () if "--from" in words else codes
    text = () if "--data-dir" in words else TEXT
    assert main(["ptb", "tune", *start, *words, *text]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and message in error
