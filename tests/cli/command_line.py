"""Helpers for tests of the command line: processes and fast fake learning."""

import importlib
import os

import kd_keras
from kd_keras.utils.quiet_start import LEVEL

START = "import sys, kd_keras_command; from kd_keras.cli import main as cli; "

# A user's environment: conftest.py sets the log level for the tests' process.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != LEVEL}


def fake_learning(monkeypatch, learn_codes=None):
    def random(vectors, verbose, effort, weights, **given):
        embedding = kd_keras.KDEmbedding(*vectors.shape, **given)
        embedding.build()
        return embedding

    learning = importlib.import_module("kd_keras.learning.learn_codes")
    monkeypatch.setattr(learning, "learn_codes", learn_codes or random)
