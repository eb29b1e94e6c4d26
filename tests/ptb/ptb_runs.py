"""Runs commands on a text of a few words, and reads the files they write."""

import json

from kd_keras.cli.main import main

TEXT = ["--data-dir", "text", "--any-text"]
TRAIN = [*TEXT, "--model", "tiny", "--quiet"]


def run(*words):
    assert main(["ptb", *words]) == 0


def read(path):
    with open(path) as file:
        return json.load(file)
