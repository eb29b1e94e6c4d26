"""`kd-keras ptb`: training, resuming, several devices, the table."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from kd_testing import TEXT_SYMBOLS, run_python
from ptb_runs import TEXT, TRAIN, read, run

from kd_keras.export.litert.load_litert import load_litert
from kd_keras.ptb.run_folder import RunFolder

ROW_OF_THE_PAPER = {
    "code_learning", "relearning", "K", "D", "code_dim", "seed",
    "train_perplexity", "valid_perplexity", "test_perplexity",
    "embedding_parameters", "embedding_bytes", "seconds_per_epoch",
    "warm_start", "backend", "precision", "command",
}  # fmt: skip


@pytest.mark.slow
def test_a_run_leaves_what_a_user_needs(conventional):
    row = read(conventional / "row.json")
    assert row.keys() >= ROW_OF_THE_PAPER
    assert row["code_learning"] == row["relearning"] == "none"
    assert row["K"] is row["D"] is row["code_dim"] is None
    assert row["embedding_bytes"] == 4 * row["embedding_parameters"]
    assert row["valid_perplexity"] == min(row["valid_perplexity_by_epoch"])
    assert len(row["train_perplexity"]) == 3
    assert row["train_perplexity"][2] < 0.8 * row["train_perplexity"][0]
    # Where the Penn Treebank lies changes nothing, another text does.
    assert "--data-dir text --any-text" in row["command"]
    names = {path.name for path in conventional.iterdir()}
    assert names == {
        "settings.json", "row.json", "log.csv", "tensorboard", "model.keras",
        "vocabulary.txt", "table.npz",
    }  # fmt: skip
    assert read("results/ptb_tiny.json")["rows"][0] == row


def test_tensorboard_has_the_curves_and_the_words(conventional):
    from tensorboard.backend.event_processing import event_accumulator

    found = {}
    for part in ("train", "validation"):
        events = event_accumulator.EventAccumulator(
            str(conventional / "tensorboard" / part)
        ).Reload()
        found[part] = set(events.Tags()["tensors"])
    assert {"epoch_loss", "epoch_perplexity", "epoch_learning_rate"} <= (
        found["train"]
    )
    assert {"epoch_loss", "epoch_perplexity"} <= found["validation"]
    # TensorBoard finds the projector only beside curves.
    train = conventional / "tensorboard" / "train"
    assert "words.tsv" in (train / "projector_config.pbtxt").read_text()
    vectors = np.loadtxt(train / "vectors.tsv")
    words = (train / "words.tsv").read_text("utf-8")
    assert len(vectors) == words.count("\n") == TEXT_SYMBOLS


def test_a_finished_run_is_not_run_again(conventional):
    before = (conventional / "row.json").stat().st_mtime_ns
    run("train", *TRAIN)
    assert (conventional / "row.json").stat().st_mtime_ns == before
    assert len(read("results/ptb_tiny.json")["rows"]) >= 1


@pytest.mark.slow
def test_retrain_over_learned_codes(codes):
    run("retrain", "--codes", codes, *TRAIN)
    row = read("ptb-runs/tiny-linear-linear-K8-D4-seed0/row.json")
    assert (row["code_learning"], row["relearning"]) == ("linear", "linear")
    assert (row["K"], row["D"]) == (8, 4)
    count = TEXT_SYMBOLS
    assert row["embedding_parameters"] == count * 4 + 4 * 8 * 16
    assert row["embedding_bytes"] == count * 2 + 4 * 4 * 8 * 16
    from kd_keras.folders.report_file import read_report

    report = read_report(codes)
    assert (report["N"], report["arguments"]["effort"]) == (count, 0.5)


def test_codes_are_those_of_the_folder(codes):

    run("retrain", "--codes", codes, *TRAIN)
    model = keras.saving.load_model(
        "ptb-runs/tiny-linear-linear-K8-D4-seed0/model.keras"
    )
    given = keras.saving.load_model(f"{codes}/embedding.keras").layers[0]
    np.testing.assert_array_equal(model.embedding.codes, given.codes)


@pytest.mark.slow
def test_random_codes_and_an_lstm(work):
    sizes = ["--K", "8", "--D", "4", "--composition", "lstm"]
    run("retrain", *sizes, *TRAIN, "--epochs", "1")
    row = read("ptb-runs/tiny-random-lstm-K8-D4-1epochs-seed0/row.json")
    assert (row["code_learning"], row["relearning"]) == ("random", "lstm")


@pytest.mark.slow
def test_learn_with_the_task_and_a_warm_start(codes):
    rate = ["--codes-learning-rate", "0.2"]  # fast enough for three epochs
    words = ["train", "--embedding", "learn", "--warm-start", codes]
    run(*words, *rate, *TRAIN)
    folder = "ptb-runs/tiny-task-linear-K8-D4-warm-seed0"
    row = read(f"{folder}/row.json")
    assert row["warm_start"] is True and row["code_learning"] == "task"
    with open(f"{folder}/log.csv") as file:
        lines = list(csv.DictReader(file))
    temperatures = [float(line["temperature"]) for line in lines]
    assert temperatures == sorted(temperatures, reverse=True)
    assert 0 < float(lines[0]["code_flip_ratio"]) < 1
    assert "dead_codes" in lines[0]


def test_evaluate_gives_what_was_recorded(conventional, capsys):
    run("evaluate", f"ptb-runs/{conventional.name}", *TEXT)
    row = read(conventional / "row.json")
    line = capsys.readouterr().out.strip()
    figure = f"{row['test_perplexity']:.3f}"
    assert line == f"test perplexity {figure} (recorded: {figure})"


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.slow
def test_an_exported_model_has_the_perplexity_of_keras(
    retrained, precision, tmp_path, capsys
):
    path = str(tmp_path / "model.tflite")
    run("export", retrained, "--precision", precision, "--output", path)
    assert "code embeddings" in capsys.readouterr().out
    run("evaluate", path, *TEXT, "--quiet")
    run("evaluate", retrained, *TEXT, "--quiet")
    device, host = (
        float(line.split()[2]) for line in capsys.readouterr().out.splitlines()
    )
    share = 0.001 if precision == "float32" else 0.01
    assert device == pytest.approx(host, rel=share)
    words = load_litert(path).next_words(["<eos>"], 3)
    assert len(words) == 3 and sum(p for _, p in words) < 1


def test_the_embedding_of_a_run_is_exported(retrained, work):
    run("export", retrained, "--part", "embedding", "--quiet")
    run(
        *("export", retrained, "--part", "embedding", "--quiet"),
        *("--format", "saved-model", "--output", "saved"),
    )
    file = work / f"ptb-{retrained}-embedding-int8.tflite"
    small = load_litert(file)
    saved = tf.saved_model.load("saved").signatures["serving_default"]
    vectors = saved(token_ids=tf.range(TEXT_SYMBOLS))["embeddings"]
    np.testing.assert_allclose(
        small.embed(small.vocabulary), vectors, atol=0.03
    )


@pytest.mark.slow
def test_a_run_without_codes_is_exported(conventional, tmp_path, capsys):
    run_folder, path = (
        f"ptb-runs/{conventional.name}",
        str(tmp_path / "m.tflite"),
    )
    run("export", run_folder, "--output", path)
    assert "embedding table (not coded)" in capsys.readouterr().out
    run("evaluate", path, *TEXT, "--quiet")
    row = read(conventional / "row.json")
    device = float(capsys.readouterr().out.split()[2])
    assert device == pytest.approx(row["test_perplexity"], rel=0.01)


@pytest.mark.slow
def test_a_fresh_process_loads_the_model(codes):
    run("retrain", "--codes", codes, *TRAIN)
    run_folder = "ptb-runs/tiny-linear-linear-K8-D4-seed0"
    code = (
        "import keras, kd_keras, numpy, sys\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "print(model(numpy.array([[1, 2]])).shape)\n"
    )
    printed = run_python(code, f"{run_folder}/model.keras")
    assert printed == f"(1, 2, {TEXT_SYMBOLS})\n"


def test_table_draws_what_is_there(codes, capsys):
    run("retrain", "--codes", codes, *TRAIN)
    capsys.readouterr()
    run("table", "--model", "tiny", "--no-train", *TEXT)
    lines = capsys.readouterr().out.splitlines()
    row = read("ptb-runs/tiny-linear-linear-K8-D4-seed0/row.json")
    (line,) = [li for li in lines if li.startswith("│ linear ")]
    assert f"{row['test_perplexity']:.1f}" in line
    assert any("conventional" in li for li in lines)


@pytest.mark.slow
def test_table_trains_what_is_missing(work, monkeypatch, capsys):
    from kd_keras.ptb import commands as ptb_commands
    from kd_keras.ptb import paper_plan

    def plan(model, backend):
        wanted = paper_plan.planned_runs(model, backend)
        return [
            s for s in wanted if (s.code_learning, s.K) == ("linear", 32)
        ]  # these codes need a conventional run first

    monkeypatch.setattr(ptb_commands, "planned_runs", plan)
    there = ["--runs", "other", "--results", "other.json"]
    run("table", "--model", "tiny", *there, *TEXT)
    assert "32" in capsys.readouterr().out
    assert len(read("other.json")["rows"]) == 2
    assert (work / "other" / "tiny-codes-linear-K32-D32").is_dir()


def test_the_plan_leads_to_its_rows():
    from kd_keras.ptb import paper_plan

    for model in ("small", "large"):
        plan = paper_plan.planned_runs(model)
        keys = [paper_plan.key_of(settings) for settings in plan]
        assert len(set(keys)) == len(plan) == 13
        table_1 = {
            (s.code_learning, s.composition)
            for s in plan
            if (s.K, s.D) == (50, 10)
        }
        assert len(table_1) == 6


@pytest.mark.slow
def test_the_rate_of_an_lstm_makes_another_row(work, capsys):
    words = ["retrain", "--K", "4", "--D", "3", "--composition", "lstm"]
    words += [*TRAIN, "--epochs", "1", "--results", "rates.json"]
    run(*words)
    run(*words, "--lstm-rate", "1")
    usual, one = read("rates.json")["rows"]
    assert usual["lstm_rate"] == 1 / 9 and one["lstm_rate"] == 1
    assert usual["train_perplexity"] != one["train_perplexity"]
    # Rows from before these were recorded.
    for row in (one, usual):
        del row["lstm_rate"], row["text"]
    assert "--any-text" in usual["command"]
    one["command"] = "kd-keras ptb retrain"
    with open("old.json", "w") as file:
        json.dump({"rows": [one, usual]}, file)
    run("table", "--model", "tiny", "--no-train", "--results", "old.json")
    told = capsys.readouterr().out
    assert "lstm, rate 1" in told and "Penn Treebank" in told


def test_rows_of_different_texts_are_kept_apart(conventional, tmp_path, capsys):
    text = tmp_path / "text"
    shutil.copytree("text", text)
    with open(text / "ptb.train.txt", "a") as file:
        file.write("w1 w2\n")
    results = str(tmp_path / "rows.json")
    own = ["--data-dir", str(text), "--any-text"]
    words = ["train", "--model", "tiny", "--epochs", "1", "--quiet"]
    words += ["--results", results]
    for i, where in enumerate((TEXT, own)):
        run(*words, *where, "--output", str(tmp_path / str(i)))
    first, second = read(results)["rows"]
    assert first["text"] != second["text"]
    assert str(text) in second["command"]
    for row, where in ((first, TEXT), (second, own)):
        capsys.readouterr()
        table = ["table", "--model", "tiny", "--no-train"]
        run(*table, "--results", results, *where)
        told = capsys.readouterr().out
        assert "own text" in told
        (line,) = [x for x in told.splitlines() if "conventional" in x]
        assert f"{row['test_perplexity']:.1f} │     1" in line


def test_the_log_has_no_epoch_twice(tmp_path):
    folder = RunFolder(tmp_path)
    # `CSVLogger` ends lines as the csv module does.
    lines = ["epoch,loss", "0,5.0", "1,4.0", "1,4.0", "2,3."]
    folder.log.write_text("\r\n".join(lines), newline="")
    assert [x["epoch"] for x in folder.read_log()] == [0, 1]
    folder.cut_log(2)
    assert folder.log.read_bytes() == b"epoch,loss\r\n0,5.0\r\n1,4.0\r\n"
    folder.cut_log(1)
    assert folder.log.read_bytes() == b"epoch,loss\r\n0,5.0\r\n"
    folder.cut_log(0)
    assert folder.log.read_text() == ""
    assert folder.read_log() == []
