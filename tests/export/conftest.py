"""An exported file of an embedding with a vocabulary."""

import pytest
from exported_models import WORDS, embedding

import kd_keras


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "small.tflite"
    kd_keras.export_litert(embedding(), path, WORDS)
    return path
