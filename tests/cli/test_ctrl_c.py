"""Ctrl-C at any moment: one line, exit code 130, and nothing left behind."""

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import time

import pytest
from command_line import ENVIRONMENT, START, fake_learning

import kd_keras
from kd_keras.cli import main as cli
from kd_keras.utils.interrupts import interrupts


def test_ctrl_c_while_learning_leaves_nothing(monkeypatch, capsys):
    def interrupted(vectors, **given):
        raise KeyboardInterrupt

    fake_learning(monkeypatch, interrupted)
    before = signal.getsignal(signal.SIGINT)
    given = ["compress", "table.npy", "--K", "4", "--quiet"]
    assert cli.main(given) == 130
    assert capsys.readouterr() == ("", "kd-keras: interrupted\n")
    assert os.listdir() == ["table.npy"]
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_that_an_import_turned_into_another_error(monkeypatch, capsys):
    def interrupted(vectors, **given):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None

    fake_learning(monkeypatch, interrupted)
    assert cli.main(["compress", "table.npy", "--K", "4", "--quiet"]) == 130
    assert capsys.readouterr().err == "kd-keras: interrupted\n"
    assert os.listdir() == ["table.npy"]


def test_ctrl_c_that_got_lost_ends_the_next_step(monkeypatch, capsys):
    def interrupted(vectors, verbose, effort, weights, **given):
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        return kd_keras.KDEmbedding(*vectors.shape, **given)

    fake_learning(monkeypatch, interrupted)
    assert cli.main(["compress", "table.npy", "--K", "4", "--quiet"]) == 130
    assert capsys.readouterr().err == "kd-keras: interrupted\n"
    assert os.listdir() == ["table.npy"]


def test_ctrl_c_waits_for_an_import_to_end(tmp_path, monkeypatch):
    (tmp_path / "slow_import.py").write_text(
        "import os, signal, time\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(0.2)\n"
        "done = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyboardInterrupt), interrupts() as interrupted:
        importlib.import_module("slow_import")
        time.sleep(5)
    assert interrupted.seen
    assert sys.modules["slow_import"].done


@pytest.mark.slow
def test_ctrl_c_in_a_process_while_keras_starts():
    with subprocess.Popen(
        [
            *(sys.executable, "-c", START + "sys.exit(cli.main())"),
            *("compress", "table.npy", "--K", "4"),
        ],
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        text=True,
    ) as run:
        assert run.stderr is not None
        lines = [run.stderr.readline() for _ in range(2)]
        assert lines[1] == "Starting Keras\n"
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)
        assert run.stderr.read() == "kd-keras: interrupted\n"
        assert run.wait(60) == 130
    assert os.listdir() == ["table.npy"]
