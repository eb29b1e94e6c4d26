"""Commands that are killed leave no half file, and the same command ends.

`benchmarks/kills.py` kills more commands at random moments.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import keras
import numpy as np
import pytest
from kill_switch import killed_at

from kd_keras.cli.main import main
from kd_keras.export.litert.load_litert import load_litert
from kd_keras.ptb.kept_weights import KeptWeights
from kd_keras.ptb.run_folder import RunFolder

RUN = "import sys, kd_keras_command; sys.exit(kd_keras_command.main())"
KD = ("--K", "4", "--D", "2", "--effort", "0", "--quiet")
COMPRESS = ("compress", "table.npz", *KD)
BOOKS = (*COMPRESS, "--codebooks-only", "--output", "books")
SHARD = (*COMPRESS, "--codebooks", "books", "--shard", "1/1")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with a table and a result of each command."""
    folder = tmp_path_factory.mktemp("results")
    rows = np.random.default_rng(0).normal(size=(40, 6)).astype("f4")
    words = np.array([f"w{i}" for i in range(40)])
    np.savez(folder / "table.npz", vectors=rows, words=words)
    before = os.getcwd()
    os.chdir(folder)
    for words in (
        (*COMPRESS, "--output", "result"),
        BOOKS,
        (*SHARD, "--output", "shard"),
    ):
        assert main(words) == 0
    os.chdir(before)
    return folder


def names_below(folder):
    """Names at any depth; folders that vanish meanwhile are no error."""
    return [n for _, some, more in os.walk(folder) for n in (*some, *more)]


@pytest.mark.slow
def test_a_killed_compress_is_repeated(tmp_path):
    """Killed when the first file of the result appears."""
    rows = np.random.default_rng(0).normal(size=(40, 6)).astype("f4")
    np.save(tmp_path / "table.npy", rows)
    words = [
        *(sys.executable, "-c", RUN, "compress", "table.npy"),
        *(*KD, "--output", "out"),
    ]
    with subprocess.Popen(words, cwd=tmp_path) as run:
        while not any(n.endswith("codes.npz") for n in names_below(tmp_path)):
            assert run.poll() is None
            time.sleep(0.002)
        run.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out").exists()
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(tmp_path)) == ["out", "table.npy"]
    assert (tmp_path / "out" / "report.json").exists()


def contents(folder):
    """Reads every file with a final name; each must be whole."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or "/." in f"/{name}":
            continue
        found[name] = path.read_bytes()
        if path.suffix == ".json":
            json.loads(found[name])
        elif path.suffix == ".html":
            assert found[name].endswith(b"</html>\n")
        elif path.suffix in (".npz", ".keras"):
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        elif path.suffix == ".tflite":
            load_litert(path)
    return found


# The changes before which a command is killed: the first, some, and the rest.
@pytest.mark.parametrize(
    "words, changes",
    [
        ((*COMPRESS, "--output", "out"), (1, 2, 3, 5, 8, 13, 21)),
        ((*COMPRESS, "--output", "result", "--force"), (2, 9, 16, 18, 22)),
        ((*SHARD, "--output", "out"), (2, 5, 8, 10)),
        (("merge", "shard", "--output", "out", "--quiet"), (1, 4, 12)),
        (("explore", "result"), tuple(range(1, 9))),
    ],
    ids=[
        "compress",
        "compress --force",
        "compress --shard",
        "merge",
        "explore",
    ],
)
@pytest.mark.slow
def test_a_command_killed_at_a_change(
    results, tmp_path, monkeypatch, capsys, words, changes
):
    was_killed = []
    for change in changes:
        folder = tmp_path / str(change)
        shutil.copytree(results, folder)
        monkeypatch.chdir(folder)
        before = contents(folder)
        with killed_at(change, folder) as kill:
            main(words)
        was_killed.append(kill["killed"])
        after = contents(folder)
        if "--force" not in words:
            assert {name: after[name] for name in before} == before
        if "result/report.json" in after and "explore" not in words:
            assert main(["explore", "result"]) == 0
            os.unlink("result/explorer.html")
        if kill["killed"] or "explore" in words:
            assert main(words) == 0, capsys.readouterr().err
        extra = {"out"} if "out" in words else set()
        assert set(os.listdir()) == set(os.listdir(results)) | extra
        assert not [n for n in names_below(folder) if n.startswith(".")]
        last = contents(folder)
        for name in ("out/codes.npz", "result/codes.npz"):
            if name in last and "--shard" not in words:
                assert last[name] == before["result/codes.npz"]
    assert was_killed[0] and was_killed.count(True) >= 3


def test_weights_of_a_killed_run(tmp_path):
    """Killed at each change of two epochs: the best and the last are whole."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    changes = 0
    while True:
        changes += 1
        folder = RunFolder(tmp_path / str(changes))
        folder.path.mkdir()
        kept = KeptWeights(folder)
        kept.set_model(model)
        with killed_at(changes, tmp_path) as kill:
            for epoch, perplexity in enumerate((9.0, 8.0)):
                model.set_weights([np.full((1, 1), epoch + 1.0), np.zeros(1)])
                kept.on_epoch_end(epoch, {"val_perplexity": perplexity})
        if not kill["killed"]:
            break
        log = "epoch,val_perplexity\n0,9.0\n1,8.0\n"
        folder.log.write_text(log)
        with folder.reserved():
            pass
        again = KeptWeights(folder)
        assert again.best == (np.inf, 9.0, 8.0)[again.epochs]
        if again.epochs:
            again.load(model)
            assert model.get_weights()[0] == again.epochs
        if again.epochs or folder.best_weights.exists():
            model.load_weights(folder.best_weights)
            # Of the next epoch too: it is run again.
            assert model.get_weights()[0] - again.epochs in (0, 1)
        left = names_below(folder.path)
        assert not [name for name in left if name.startswith(".")]
    assert changes > 6
