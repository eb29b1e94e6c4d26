"""Commands that are killed leave no half file, and the same command ends."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

RUN = "import sys, kd_keras_command; sys.exit(kd_keras_command.main())"


def names_below(folder):
    """Names at any depth; folders that vanish meanwhile are no error."""
    return [n for _, some, more in os.walk(folder) for n in (*some, *more)]


@pytest.mark.parametrize("wait", ["partial", "codes.npz"])
def test_a_killed_compress_is_repeated(tmp_path, wait):
    """Killed when the first temporary file with this name appears."""
    rows = np.random.default_rng(0).normal(size=(40, 6)).astype("f4")
    np.save(tmp_path / "table.npy", rows)
    words = [
        *(sys.executable, "-c", RUN, "compress", "table.npy", "--quiet"),
        *("--K", "4", "--D", "2", "--effort", "0", "--output", "out"),
    ]
    with subprocess.Popen(words, cwd=tmp_path) as run:
        while not any(n.endswith(wait) for n in names_below(tmp_path)):
            assert run.poll() is None
            time.sleep(0.002)
        run.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out").exists()
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(tmp_path)) == ["out", "table.npy"]
    assert (tmp_path / "out" / "report.json").exists()
