"""A training that is killed, on JAX alone, and in two processes."""

import csv
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from kd_testing import run_python
from ptb_runs import TRAIN, read, run

from kd_keras.cli.main import main
from kd_keras.language_model.configurations import CONFIGURATIONS

KILLED = """
import dataclasses, os, signal, sys
import keras
from kd_keras.cli.main import main
from kd_keras.language_model import configurations
from kd_keras.ptb import training

tiny = configurations.CONFIGURATIONS["tiny"]
configurations.CONFIGURATIONS["tiny"] = dataclasses.replace(tiny, dropout=0.2)
callbacks = training.run_callbacks

class Kill(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 1 and batch == 5:
            os.kill(os.getpid(), signal.SIGKILL)

training.run_callbacks = lambda *a: [*callbacks(*a), Kill()]
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_same_curve(work, monkeypatch):
    words = ["train", "--embedding", "learn", "--K", "8", "--D", "4", *TRAIN]
    broken, whole = ([*words, "--output", name] for name in ("broken", "whole"))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, "ptb", *broken],
        env=os.environ | {"KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == -signal.SIGKILL
    assert not os.path.exists("broken/row.json")
    with open("broken/log.csv") as file:
        assert len(list(csv.DictReader(file))) == 1

    tiny = dataclasses.replace(CONFIGURATIONS["tiny"], dropout=0.2)
    monkeypatch.setitem(CONFIGURATIONS, "tiny", tiny)
    run(*broken)
    run(*whole)
    broken, whole = (read(f"{name}/row.json") for name in ("broken", "whole"))
    for name in ("train_perplexity", "valid_perplexity_by_epoch"):
        np.testing.assert_allclose(broken[name], whole[name], rtol=1e-5)
    assert broken["test_perplexity"] == pytest.approx(
        whole["test_perplexity"], rel=1e-5
    )
    assert not os.path.exists("broken/backup")


@pytest.mark.slow
def test_jax_trains_without_tensorflow(work):
    """Blocks the imports, so that TensorFlow is not even needed."""
    code = (
        "import sys\n"
        "for name in ('tensorflow', 'tensorflow_datasets'):\n"
        "    sys.modules[name] = None\n"
        "from kd_keras.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    learn = ["--embedding", "learn", "--K", "8", "--D", "4"]
    words = ["ptb", "train", *TRAIN, *learn, "--composition", "concat"]
    run_python(code, *words, environment={"KERAS_BACKEND": "jax"})
    row = read("ptb-runs/tiny-task-concat-K8-D4-jax-seed0/row.json")
    assert row["backend"] == "jax"
    assert row["train_perplexity"][2] < 0.9 * row["train_perplexity"][0]


@pytest.mark.slow
def test_two_processes_train_as_one(work):
    """Tests `MultiWorkerMirroredStrategy` with `fit` over the loopback."""
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("localhost", 0))
        workers = [f"localhost:{s.getsockname()[1]}" for s in (one, two)]
    # Not learned codes, which flip on a difference in the last digit.
    sizes = ["--K", "8", "--D", "4"]
    words = ["ptb", "retrain", *sizes, *TRAIN, "--epochs", "1"]
    processes = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": workers}, "task": task}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", MAIN, *words]
                + ["--strategy", "multi-worker", "--output", "two"],
                env=os.environ
                | {"KERAS_BACKEND": "tensorflow"}
                | {"TF_CONFIG": json.dumps(config)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    for process in processes:
        errors = process.communicate(timeout=300)[1]
        assert process.returncode == 0, errors
    assert main([*words, "--output", "one"]) == 0
    one, two = (read(f"{name}/row.json") for name in ("one", "two"))
    assert two["replicas"] == 2
    for name in ("train_perplexity", "valid_perplexity_by_epoch"):
        np.testing.assert_allclose(np.log(one[name]), np.log(two[name]), 1e-4)
    assert one["test_perplexity"] == pytest.approx(two["test_perplexity"], 1e-4)


MAIN = """
import sys
from kd_keras.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
