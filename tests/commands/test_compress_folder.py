"""What `compress_folder` writes: files, report, page."""

import html
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from small_table import SIZE, WORDS, D, K, N, compress

import kd_keras
from kd_keras.cli.main import main
from kd_keras.folders.output_folder import FILES
from kd_keras.folders.report_file import read_report
from kd_keras.utils.quiet_start import LEVEL

RUN = "import sys, kd_keras_command; "

# A user's environment: conftest.py sets the log level for the tests' process.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != LEVEL}


def read(source):
    with np.load(source) as file:
        return file["vectors"].astype("f8")


@pytest.mark.parametrize(
    "composition", ["linear", "lstm", "concat", "residual"]
)
def test_sizes_are_those_of_what_was_written(
    source, tmp_path, composition, fake_learning
):
    given = {"composition": composition, "D": 4, "seed": 7, "effort": 0.5}
    if composition != "concat":
        given["code_dim"] = 5
    report = compress(source, tmp_path / "out", **given)
    counted = kd_keras.embedding_bytes(
        N, SIZE, K, 4, given.get("code_dim"), composition
    )
    for part in ("codes", "code_embeddings", "composition", "total", "ratio"):
        assert report["bytes"][part] == getattr(counted, part)
    assert report["bytes"]["float32_table"] == N * SIZE * 4
    assert report["bytes"]["stored_as"] == "float16"
    assert report["bytes"]["stored_table"] == N * SIZE * 2
    folder = tmp_path / "out"
    assert sorted(report["files"]) == sorted(
        set(FILES) - {"explorer.html", "embedding.tflite"}
    )
    assert {p.name for p in folder.iterdir()} == set(report["files"])
    for name, size in report["files"].items():
        assert (folder / name).stat().st_size == size
    assert fake_learning == [
        {"K": K, "D": 4, "composition": composition, "seed": 7, "verbose": 0}
        | {
            "code_dim": given.get("code_dim"),
            "effort": 0.5,
            "weights": None,
            "tiers": None,
        }
    ]


def test_report_round_trips_and_measures_what_is_written(
    source, tmp_path, fake_learning
):
    report = compress(source, tmp_path / "out")
    assert read_report(tmp_path / "out") == json.loads(json.dumps(report))
    model = keras.saving.load_model(tmp_path / "out" / "embedding.keras")
    decoded = np.asarray(model(np.arange(N)[None]))[0].astype("f8")
    vectors = read(source)
    error = np.square(vectors - decoded).sum(axis=1).mean()
    variance = np.square(vectors - vectors.mean(axis=0)).sum(axis=1).mean()
    measured = report["error"]
    assert measured["error"] == pytest.approx(error, rel=1e-6)
    assert measured["variance"] == pytest.approx(variance, rel=1e-6)
    assert measured["error_share"] == pytest.approx(error / variance)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(decoded, axis=1)
    cosine = ((vectors * decoded).sum(axis=1) / lengths).mean()
    assert measured["mean_cosine"] == pytest.approx(cosine, rel=1e-5)


def test_files_hold_codes_words_and_neighbours(source, tmp_path, fake_learning):
    report = compress(source, tmp_path / "out")
    folder = tmp_path / "out"
    model = keras.saving.load_model(folder / "embedding.keras")
    with np.load(folder / "codes.npz", allow_pickle=False) as file:
        assert (file["N"], file["D"], file["K"]) == (N, D, K)
        codes = kd_keras.unpack_codes(file["codes"], K, D)
    np.testing.assert_array_equal(codes, model.layers[0].codes)
    words = (folder / "vocabulary.txt").read_bytes().decode().split("\n")
    assert words == [*WORDS, ""]
    with np.load(folder / "neighbours.npz", allow_pickle=False) as file:
        before, after = file["before"], file["after"]
        assert file["symbols"].tolist() == list(range(N))
    assert before.shape == after.shape == (N, 10)
    kept = [len(set(a) & set(b)) for a, b in zip(before, after, strict=True)]
    assert report["neighbours"]["mean_kept"] == pytest.approx(np.mean(kept))
    example = report["examples"][-1]
    row = before[example["id"]]
    assert example["before"] == [WORDS[i] for i in row]


def test_nothing_is_stored_for_words_that_a_table_has_not(
    vectors, tmp_path, fake_learning, capsys
):
    np.save(tmp_path / "table.npy", vectors)
    folder = tmp_path / "out"
    report = compress(tmp_path / "table.npy", folder, litert="float32")
    assert not (folder / "vocabulary.txt").exists()
    assert "vocabulary.txt" not in report["files"]
    assert report["has_words"] is False
    assert report["bytes"]["stored_as"] == "float32"
    assert report["litert"]["bytes"]["vocabulary"] == 0
    small = kd_keras.load_litert(folder / "embedding.tflite")
    assert small.vocabulary is None
    assert small.embed(np.arange(N)).shape == vectors.shape
    page = (folder / "report.html").read_text("utf-8")
    assert "vocabulary" not in page
    # The ids take the words' place in what is shown.
    assert {example["word"] for example in report["examples"]} <= {
        *map(str, range(N))
    }
    assert main(["explore", str(folder)]) == 0
    assert main(["report", str(folder)]) == 0
    assert "vocabulary" not in capsys.readouterr().out


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("composition", ["linear", "lstm", "concat"])
@pytest.mark.slow
def test_litert_files_are_written_and_measured(
    source, tmp_path, composition, precision, fake_learning, capsys
):
    given = {"composition": composition, "litert": precision, "D": 4}
    folder = tmp_path / "out"
    report = compress(source, folder, **given)
    small = kd_keras.load_litert(folder / "embedding.tflite")
    assert small.vocabulary == WORDS
    error = np.square(read(source) - small.embed(WORDS)).sum(axis=1).mean()
    litert = report["litert"]
    assert litert["error"]["error"] == pytest.approx(error, rel=1e-6)
    assert litert["error"]["error"] == pytest.approx(
        report["error"]["error"], rel=1e-5 if precision == "float32" else 0.05
    )
    size = (folder / "embedding.tflite").stat().st_size
    assert sum(litert["bytes"].values()) == size
    assert report["files"]["embedding.tflite"] == size
    assert f"in {precision}, error" in (folder / "report.html").read_text()
    assert main(["report", str(folder)]) == 0
    assert "on LiteRT" in capsys.readouterr().out


def test_equal_rows_give_no_shares_of_nothing(tmp_path, fake_learning):
    np.save(tmp_path / "table.npy", np.zeros((6, 2), np.float32))
    report = compress(tmp_path / "table.npy", tmp_path / "out")
    assert report["error"]["error_share"] is None
    assert report["error"]["mean_cosine"] is None
    assert report["error"]["zero_vectors"] == 6
    assert report["neighbours"]["mean_kept"] is None


def test_shared_codes_are_listed(tmp_path, vectors, fake_learning):
    np.save(tmp_path / "table.npy", vectors)
    report = compress(tmp_path / "table.npy", tmp_path / "out", K=2, D=2)
    shared = report["shared_codes"]
    assert sum(group["size"] for group in shared) <= N
    assert report["codes"]["collisions"] > 0
    assert report["near_codes"] == []


def test_a_link_to_a_folder_stays_a_link(source, tmp_path, fake_learning):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    compress(source, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "report.json").exists()


@pytest.mark.slow
def test_program_and_page_in_fresh_processes(source, tmp_path):
    """Runs the installed program, then the lines that the page shows."""
    run = subprocess.run(
        [
            *(sys.executable, "-c"),
            RUN + "sys.exit(kd_keras_command.main())",
            *("compress", source, "--K", "4", "--D", "3", "--output", "out"),
        ],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    found, starting, bar, *rest = run.stderr.splitlines()
    assert found == "Found 50 symbols x 8 in a zip of numpy arrays (.npz)"
    assert starting == "Starting Keras"
    assert bar.startswith("Learning codes") and " 100% " in bar
    assert rest == ["Measuring", "Writing out"]
    assert "out/report.html" in run.stdout
    report = read_report(tmp_path / "out")
    lines = lines_on_page(tmp_path)
    check = (
        "vectors = embedding(np.arange(50)); "
        "np.save('decoded.npy', np.asarray(vectors))"
    )
    run = subprocess.run(
        [sys.executable, "-c", f"{lines}\n{check}"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == f"(1, 2, {SIZE})\n"
    decoded = np.load(tmp_path / "decoded.npy").astype("f8")
    before = read(source)
    error = np.square(before - decoded).sum(axis=1).mean()
    assert report["error"]["error"] == pytest.approx(error, rel=1e-6)


def lines_on_page(folder):
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    lines = page.split('<pre id="use">')[1].split("</pre>")[0]
    return html.unescape(lines)
