"""Contents of vector files, drawn tables, and the check of an error."""

import io
import re

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from kd_keras.vectors.read_vectors import read_vectors
from kd_keras.vectors.table import VectorFileError
from kd_keras.vectors.write_vectors import word_problem

settings = hypothesis.settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
GLOVE = "the 0.5 1\n. . . 2 -3e-2\nNew York 4 5\n"
HEADED = "3 2\n" + GLOVE


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def word2vec(words, array, end=b"\n"):
    rows = [
        word.encode() + b" " + row.astype("<f4").tobytes() + end
        for word, row in zip(words, array, strict=True)
    ]
    return b"%d %d\n" % array.shape + b"".join(rows)


def refused(path, what, **options):
    """Checks that the error is one line, begins with the path, has `what`."""
    with pytest.raises(VectorFileError) as error:
        read_vectors(path, **options)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "Received: " in message
    assert "\n" not in message
    assert re.search(what, message), message


def text_word(word):
    # A number after a space would be read as part of the vector.
    return not word_problem(word.encode())


def tables(alphabet=None, keep=lambda word: True):
    """Draws words, some with spaces, and a finite float32 vector for each."""
    alphabet = alphabet or st.characters(exclude_categories=["Cs"])
    pieces = st.text(alphabet, min_size=1, max_size=5)
    odd = [". . .", "at name@x.org", "\x85", "\xa0", "\ufeff", "1", "-", "nan"]
    word = st.sampled_from(odd) | st.lists(pieces, min_size=1, max_size=3).map(
        " ".join
    )
    words = st.lists(word.filter(keep), min_size=1, max_size=8, unique=True)

    def with_vectors(words_and_d):
        words, d = words_and_d
        floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
        row = st.lists(floats, min_size=d, max_size=d)
        rows = st.lists(row, min_size=len(words), max_size=len(words))
        return rows.map(lambda r: (words, np.array(r, np.float32)))

    return st.tuples(words, st.integers(1, 5)).flatmap(with_vectors)


def same(read, words, array):
    assert read.words == words
    assert read.vectors.dtype == np.float32
    assert read.vectors.tobytes() == array.tobytes()  # -0.0 as well
