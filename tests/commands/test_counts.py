"""`kd-keras compress --counts`: errors of frequent symbols count more."""

import html

import keras
import numpy as np
import pytest

import kd_keras
from kd_keras.cli.main import main
from kd_keras.folders.report_file import read_report

N = 300
COUNTS = np.round(1000 / np.arange(1, N + 1)).astype(int)
SIZES = ("--K", "4", "--D", "3", "--effort", "0.1")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vectors = np.random.default_rng(0).normal(size=(N, 6)).astype("f4")
    np.save("table.npy", vectors)
    np.savetxt("counts.txt", COUNTS, "%d")
    return tmp_path


def compress(output, *words):
    code = main(["compress", "table.npy", *SIZES, "--output", output, *words])
    return code


def weighted_share(output, power):
    table = np.load("table.npy")
    embedding = kd_keras.learn_codes(
        table, 4, 3, effort=0.1, verbose=0, weights=COUNTS**power
    )
    report = read_report(output)
    codes = np.load(f"{output}/codes.npz")["codes"]
    np.testing.assert_array_equal(
        codes, kd_keras.pack_codes(embedding.codes, 4)
    )
    gap = table - np.asarray(embedding(np.arange(N)))
    weights = COUNTS**power / (COUNTS**power).sum()
    error = weights @ np.square(gap).sum(axis=1)
    mean = weights @ table
    variance = weights @ np.square(table - mean).sum(axis=1)
    np.testing.assert_allclose(
        report["error"]["weighted_error"], error, rtol=1e-4
    )
    return report["error"]["weighted_error_share"], error / variance


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_codes_are_those_of_weights(power, folder, capsys):
    words = () if power == 0.5 else ("--count-power", str(power))
    assert compress("small", "--counts", "counts.txt", *words) == 0
    told, want = weighted_share("small", power)
    assert told == pytest.approx(want, rel=1e-4)
    assert "weighted error" in capsys.readouterr().out
    page = html.unescape((folder / "small" / "report.html").read_text())
    assert "Weighted error" in page
    report = read_report("small")
    assert f"--counts counts.txt --count-power {power}" in report["command"]
    # The same command again, word for word.
    assert main(report["command"].split()[1:] + ["--force"]) == 0


def test_without_counts_the_report_is_as_before(folder):
    assert compress("small") == 0
    assert "weighted_error" not in read_report("small")["error"]
    assert "--count" not in read_report("small")["command"]


def test_codebooks_of_a_large_table_have_weights_too(
    folder, monkeypatch, capsys
):
    monkeypatch.setattr("kd_keras.search.learning_sample.LEARNING_ROWS", 100)
    only = ("--codebooks-only", "--quiet")
    assert compress("plain", *only) == 0
    assert compress("weighted", *only, "--counts", "counts.txt") == 0
    assert compress("a", "--codebooks", "plain") == 0
    assert compress("b", "--codebooks", "weighted") == 0
    both = ("--codebooks", "plain", "--counts", "counts.txt")
    assert compress("c", *both) == 2
    assert "learned already" in capsys.readouterr().err
    table = np.load("table.npy")
    errors = []
    for name in "ab":
        codes = np.load(f"{name}/codes.npz")
        assert codes["N"] == N
        model = coded_layer(name)
        gap = table - np.asarray(model(np.arange(N)))
        errors.append(np.average(np.square(gap).sum(axis=1), weights=COUNTS))
    assert errors[1] < errors[0]


def coded_layer(folder):
    return keras.saving.load_model(f"{folder}/embedding.keras").layers[0]


@pytest.mark.parametrize(
    "words, message",
    [
        (("--counts", "none.txt"), "none.txt cannot be read"),
        (("--counts", "short.txt"), "each of the 300 symbols"),
        (("--counts", "counts.txt", "--count-power", "-1"), "--count-power -1"),
        (("--counts", "counts.txt", "--count-power", "nan"), "nan"),
        (("--counts", "counts.txt", "--count-power", "x"), "invalid float"),
        (("--count-power", "1"), "needs --counts"),
    ],
)
def test_bad_options_are_refused_before_any_work(
    words, message, folder, capsys
):
    (folder / "short.txt").write_text("1\n2\n")
    try:
        code = compress("small", *words)
    except SystemExit as refused:  # by the parser
        code = refused.code
    error = capsys.readouterr().err
    assert code == 2 and message in error.splitlines()[-1]
    assert "Traceback" not in error and not (folder / "small").exists()
