"""Two processes that write the same path: one wins, the other says so."""

import os
import subprocess
import sys

import numpy as np
import pytest
from kd_testing import write_texts

import kd_keras
from kd_keras.cli.main import main

RUN = "import sys, kd_keras_command; sys.exit(kd_keras_command.main())"
KD = ("--K", "4", "--D", "2", "--effort", "0", "--quiet")
COMPRESS = ("compress", "table.npy", *KD)
# Holds the lock of each path until its input ends.
HOLD = """
import contextlib, sys
import kd_keras_command
from pathlib import Path
from kd_keras.utils.folder_lock import folder_lock
with contextlib.ExitStack() as held:
    for name in sys.argv[1:]:
        held.enter_context(folder_lock(Path(name).absolute()))
    print("held", flush=True)
    sys.stdin.read()
"""
PATHS = ("out", "result", "run", "small.tflite", "small")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which another process is writing `PATHS`."""
    folder = tmp_path_factory.mktemp("two").resolve()
    rows = np.random.default_rng(0).normal(size=(40, 6)).astype("f4")
    np.save(folder / "table.npy", rows)
    (folder / "text").mkdir()
    write_texts(folder / "text")
    before = os.getcwd()
    os.chdir(folder)
    books = (*COMPRESS, "--codebooks-only", "--output", "books")
    shard = (*COMPRESS, "--codebooks", "books", "--shard", "1/1")
    assert main((*COMPRESS, "--output", "result")) == 0
    assert main(books) == main((*shard, "--output", "shard")) == 0
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, *PATHS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        yield folder
        holder.stdin.close()
    os.chdir(before)


TEXT = ("--data-dir", "text", "--any-text", "--model", "tiny", "--quiet")


@pytest.mark.parametrize(
    "words",
    [
        (*COMPRESS, "--output", "out"),
        (*COMPRESS, "--output", "result", "--force"),
        (*COMPRESS, "--codebooks-only", "--output", "out"),
        (
            *COMPRESS,
            "--codebooks",
            "books",
            "--shard",
            "1/1",
            "--output",
            "out",
        ),
        ("merge", "shard", "--output", "out", "--quiet"),
        ("explore", "result"),
        ("ptb", "train", *TEXT, "--output", "run"),
    ],
    ids=" ".join,
)
def test_a_command_does_not_write_what_another_writes(folder, capsys, words):
    before = sorted(os.listdir()), sorted(os.listdir("result"))
    assert main(words) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "another command is writing" in said[0]
    assert (sorted(os.listdir()), sorted(os.listdir("result"))) == before


@pytest.mark.parametrize(
    "export, path",
    [
        (kd_keras.export_litert, "small.tflite"),
        (kd_keras.export_saved_model, "small"),
    ],
)
def test_an_export_does_not_write_what_another_writes(folder, export, path):
    embedding = kd_keras.KDEmbedding(20, 6, K=4, D=2)
    embedding.build()
    before = sorted(os.listdir())
    with pytest.raises(kd_keras.BadInputError, match="another command is"):
        export(embedding, path)
    assert sorted(os.listdir()) == before


@pytest.mark.slow
def test_one_of_two_processes_wins(tmp_path):
    rows = np.random.default_rng(0).normal(size=(40, 6)).astype("f4")
    np.save(tmp_path / "table.npy", rows)
    words = [sys.executable, "-c", RUN, *COMPRESS, "--output", "out"]
    both = [
        subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 2], said
    refusal = said[[process.returncode for process in both].index(2)]
    assert (len(refusal.splitlines()) == 1 and "--output" in refusal) or (
        "another command is writing" in refusal
    )
    assert sorted(os.listdir(tmp_path)) == ["out", "table.npy"]
