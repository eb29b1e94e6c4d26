"""Tests of `kd-keras compress --tiers`."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from kd_keras.cli.main import main
from kd_keras.explorer.folder_contents import read_folder
from kd_keras.search import learning_sample, shards

N, DIM = 300, 6
OPTIONS = ["--K", "8", "--D", "5", "--effort", "0", "--quiet"]
TIERS = [*OPTIONS, "--tiers", "50:2,200:0"]


@pytest.fixture(autouse=True)
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(N, DIM)).astype(np.float32)
    with open("words.txt", "w") as file:
        for i, row in enumerate(vectors):
            file.write(f"w{i} {' '.join(map(str, row))}\n")
    counts = rng.permutation(N) + 1
    Path("counts.txt").write_text("".join(f"{x}\n" for x in counts))
    return counts


def compress(*options):
    assert main(["compress", "words.txt", *options, "--output", "out"]) == 0
    return json.loads(Path("out/report.json").read_text())


def test_tiers_of_the_order_of_the_file(capsys):
    report = compress(*TIERS, "--litert", "int8")
    contents = read_folder("out")
    assert not contents.codes[50:, 2:].any() and not contents.codes[200:].any()
    # 15 bits in 2 bytes, 6 bits in 1 byte.
    assert report["bytes"]["codes"] == 50 * 2 + 150
    assert report["parameters"]["codes"] == 50 * 5 + 150 * 2
    layer = keras.saving.load_model("out/embedding.keras").layers[0]
    np.testing.assert_array_equal(layer.codes, contents.codes)
    page = Path("out/report.html").read_text()
    assert "5 for 50 symbols, 2 for 150, 0 for 100" in page
    assert "a code of up to 5 values" in page
    assert main(["report", "out/embedding.tflite"]) == 0
    assert "D=(5, 2, 0) in tiers up to 50, 200" in capsys.readouterr().out


def test_tiers_of_the_order_of_counts(table):
    report = compress(*TIERS, "--counts", "counts.txt")
    codes = read_folder("out").codes
    frequent = np.argsort(-table, kind="stable")
    assert not codes[frequent[50:], 2:].any()
    assert not codes[frequent[200:]].any() and codes[frequent[:50], 2:].any()
    assert report["bytes"]["codes"] == 50 * 2 + 150 + 2 * N


def test_a_table_learned_from_a_sample(monkeypatch):
    monkeypatch.setattr(learning_sample, "LEARNING_ROWS", 250)
    monkeypatch.setattr(shards, "ENCODED_ROWS", 64)
    compress(*TIERS)
    codes = read_folder("out").codes
    assert not codes[50:, 2:].any() and not codes[200:].any()
    assert codes[:50, 2:].any() and codes[50:200].any()


@pytest.mark.parametrize(
    "options, message",
    [
        (["--tiers", "50"], "must be START:POSITIONS"),
        (["--tiers", "50:a"], "must be START:POSITIONS"),
        (["--tiers", "50:2:1"], "must be START:POSITIONS"),
        (["--tiers", "50:5"], "D must fall"),
        (["--tiers", "50:2,40:1"], "must rise"),
        (["--tiers", "300:2"], "below the number of symbols, 300"),
        (["--tiers", "5:2"], "at least K symbols"),
        (["--tiers", "50:2", "--composition", "lstm"], "linear composition"),
        (["--tiers", "50:2", "--codebooks-only"], "with --codebooks-only"),
    ],
)
def test_wrong_tiers_are_one_line(options, message, capsys):
    given = ["compress", "words.txt", *OPTIONS, *options]
    assert main([*given, "--output", "out"]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert "Received: " in error
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "tiers", [{"D": [5, 2], "ends": [400]}, {"D": [4, 2], "ends": [50]}, 3]
)
def test_a_damaged_report_is_one_line(tiers, capsys):
    report = compress(*TIERS)
    Path("out/report.json").write_text(json.dumps(report | {"tiers": tiers}))
    assert main(["explore", "out"]) == 2
    error = capsys.readouterr().err
    assert "its tiers do not fit its sizes" in error
    assert error.count("\n") == 1
