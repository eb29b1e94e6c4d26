"""Tests that files of every release load and return the same vectors."""

import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import kd_keras

RELEASES = sorted(Path(__file__).parent.glob("[0-9]*/"))
NAMES = ["linear", "narrow", "concat", "lstm", "learned"]


def test_there_are_releases():
    assert "0.1.0" in [folder.name for folder in RELEASES]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_keras_files_load(release, name):
    model = keras.saving.load_model(release / f"{name}.keras")
    with np.load(release / "vectors.npz") as wanted:
        N = len(wanted[name])
        found = np.asarray(model(np.arange(N)[None]))[0]
        np.testing.assert_allclose(found, wanted[name], rtol=1e-5, atol=1e-6)


LOAD = """
import sys
import keras, numpy as np, kd_keras
model = keras.saving.load_model(sys.argv[1])
with np.load(sys.argv[2]) as wanted:
    wanted = wanted["linear"]
    found = np.asarray(model(np.arange(len(wanted))[None]))[0]
assert np.allclose(found, wanted, rtol=1e-5, atol=1e-6)
"""


@pytest.mark.slow
def test_a_file_of_the_flat_package_loads_in_a_fresh_process():
    """Its configuration names a module that is not there any more."""
    path = RELEASES[0] / "linear.keras"
    with zipfile.ZipFile(path) as archive:
        assert b'"kd_keras.kd_embedding"' in archive.read("config.json")
    words = [sys.executable, "-c", LOAD, path, RELEASES[0] / "vectors.npz"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_litert_files_load(release, name):
    path = release / f"{name}.tflite"
    model = kd_keras.load_litert(path)
    with np.load(release / "vectors.npz") as wanted:
        found = model.embed(model.vocabulary)
        np.testing.assert_allclose(found, wanted[name], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(model.embed(["unheard"]), found[:1])
    report = kd_keras.size_report(path)
    assert report.total == path.stat().st_size
    assert report.parts["codes"] > 0
