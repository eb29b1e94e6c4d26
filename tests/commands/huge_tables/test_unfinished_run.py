"""Runs that are interrupted and resumed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from tables import (
    KD,
    assert_same,
    codebooks,
    make_vectors,
    refused,
    run,
    shards,
)

from kd_keras.cli import main as cli
from kd_keras.folders import unfinished_run
from kd_keras.search import encode_rows


def stop_after(monkeypatch, blocks):
    """Simulates Ctrl-C after the given number of encoded blocks."""
    monkeypatch.setattr(encode_rows, "MOST_AT_A_TIME", 1)
    write = unfinished_run.UnfinishedRun.write
    written = []

    def write_and_stop(self, rows, codes):
        write(self, rows, codes)
        written.append(rows)
        if len(written) == blocks:
            raise KeyboardInterrupt

    monkeypatch.setattr(unfinished_run.UnfinishedRun, "write", write_and_stop)
    return written


def test_a_stopped_run_goes_on_where_it_was(vectors, monkeypatch, capsys):
    run("compress", "big.npy", *KD, "--output", "whole")
    given = ("compress", "big.npy", *KD, "--output", "out")
    written = stop_after(monkeypatch, 2)
    assert cli.main([*given, "--quiet"]) == 130
    assert sorted(os.listdir()) == ["big.npy", "out.partial", "whole"]
    capsys.readouterr()
    assert cli.main(list(given)) == 0
    said = capsys.readouterr().err
    assert "Encoding 450 rows in 5 blocks, 2 of them already done" in said
    assert [rows.start for rows in written] == [0, 100, 200, 300, 400]
    assert sorted(os.listdir()) == ["big.npy", "out", "whole"]
    assert_same("whole", "out")


def test_a_stopped_shard_goes_on_and_a_cut_block_is_found_again(
    vectors, monkeypatch
):
    run("compress", "big.npy", *KD, "--output", "whole")
    codebooks(*KD)
    words = ["compress", "big.npy", "--codebooks", "B", "--shard", "1/2"]
    written = stop_after(monkeypatch, 1)
    assert cli.main([*words, "--output", "S1", "--quiet"]) == 130
    (block,) = Path("S1.partial").glob("codes-*.npy")
    block.write_bytes(block.read_bytes()[:-9])
    shards(2)
    assert [rows.start for rows in written] == [0, 0, 100, 200, 300, 400]
    run("merge", "S1", "S2", "--output", "merged")
    assert_same("whole", "merged")


def test_other_settings_do_not_touch_a_stopped_run(
    vectors, monkeypatch, capsys
):
    given = ("compress", "big.npy", "--D", "4", "--output", "out")
    stop_after(monkeypatch, 2)
    assert cli.main([*given, "--K", "4", "--quiet"]) == 130
    capsys.readouterr()
    said = refused(capsys, *given, "--K", "8")
    assert "out.partial is an unfinished run" in said
    assert "Received: K=8, but that run has 4" in said
    said = refused(capsys, *given, "--K", "4", "--seed", "1", "--force")
    assert "Received: seed=1, but that run has 0" in said
    Path("counts.txt").write_text("2\n" * 449 + "1\n")
    said = refused(capsys, *given, "--K", "4", "--counts", "counts.txt")
    assert "Received: weights=" in said
    said = refused(capsys, *given, "--K", "4", "--tiers", "50:2")
    assert "Received: tiers='50:2', but that run has None" in said
    vectors[0] += 1
    np.save("big.npy", vectors)
    said = refused(capsys, *given, "--K", "4")
    assert "Received: table=450 x 8" in said
    shutil.rmtree("out.partial")
    Path("out.partial").mkdir()
    Path("out.partial/letter.txt").write_text("dear")
    assert "settings.json" in refused(capsys, *given, "--K", "4")


KILLED = """
import sys
import kd_keras_command
from kd_keras.search import learning_sample, shards
learning_sample.LEARNING_ROWS, shards.ENCODED_ROWS = 200, 100
sys.exit(kd_keras_command.main())
"""


@pytest.mark.slow
def test_a_killed_process_goes_on(tmp_path):
    np.save("big.npy", make_vectors(1500))
    words = [
        *(sys.executable, "-c", KILLED, "compress", "big.npy"),
        *(*KD, "--output", "out", "--quiet"),
    ]
    with subprocess.Popen(words) as run:
        for _ in range(3000):
            if len(list(Path("out.partial").glob("codes-*.npy"))) > 2:
                break
            assert run.poll() is None
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
    kept = {p: p.read_bytes() for p in Path("out.partial").glob("codes-*")}
    assert 2 < len(kept) < 15
    assert not Path("out").exists()
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir()) == ["big.npy", "out"]
    codes = keras.saving.load_model("out/embedding.keras").get_weights()[0]
    for path, content in kept.items():
        begin = int(path.stem.removeprefix("codes-"))
        found = np.frombuffer(content[-400:], np.uint8).reshape(100, 4)
        np.testing.assert_array_equal(codes[begin : begin + 100], found)
