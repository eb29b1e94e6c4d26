"""Files of vectors to read, and the form of an error."""

import pytest

from kd_keras.vectors.read_vectors import read_vectors
from kd_keras.vectors.table import VectorFileError


@pytest.fixture
def put(tmp_path):
    """Writes text or bytes to a file and returns its path."""

    def put(name, content):
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return put


@pytest.fixture
def refusal():
    """Returns what `read_vectors` says of a file that it refuses."""

    def refusal(path, **options):
        with pytest.raises(VectorFileError) as error:
            read_vectors(path, **options)
        message = str(error.value)
        assert message.startswith(f"{path}: ") and "Received: " in message
        assert len(message.splitlines()) == 1
        return message

    return refusal


@pytest.fixture
def save(tmp_path):
    """Writes text or bytes to a file and returns its path."""

    def save(content, name="vectors.txt"):
        path = tmp_path / name
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(data)
        return path

    return save
