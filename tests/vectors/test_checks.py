"""Tests of the checks of tables of vectors."""

import numpy as np
import pytest

import kd_keras
from kd_keras.vectors import checks
from kd_keras.vectors.checks import check_vectors


@pytest.mark.parametrize("dtype", ["f2", "f8", "i4", "u1", ">f4"])
def test_check_vectors_converts(dtype):
    checked = check_vectors(np.array([[1, 2], [3, 4]], dtype))
    assert checked.dtype == np.float32 and checked.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "bad, what",
    [
        (np.zeros(3), r"\(N, d\).*Received: shape=\(3,\)"),
        (np.zeros((0, 3)), r"one row.*Received: shape=\(0, 3\)"),
        (np.zeros((3, 0)), r"one column.*Received: shape=\(3, 0\)"),
        (np.zeros((3, 2), bool), "Received: dtype=bool"),
        (np.zeros((3, 2), complex), "Received: dtype=complex128"),
        ([["a", "b"]], "Received: dtype=<U1"),
        ([[1.0], [1.0, 2.0]], "rectangular.*Received: a list"),
        ([[1.0], [1e39]], "Received: inf in row 1, dimension 0"),
    ],
)
def test_check_vectors_refuses(bad, what):
    with pytest.raises(ValueError, match=what):
        check_vectors(bad)


def test_check_vectors_finds_the_first_bad_row_in_any_block(monkeypatch):
    monkeypatch.setattr(checks, "BLOCK_FLOATS", 10)  # 3 rows of 3
    array = np.zeros((100, 3), np.float32)
    assert check_vectors(array) is array
    array[77, 2] = array[90, 0] = np.nan
    with pytest.raises(ValueError, match="nan in row 77, dimension 2$"):
        check_vectors(array)


MASKED = np.ma.masked_array(np.ones((6, 2)), mask=np.eye(6, 2))


@pytest.mark.parametrize(
    "masked",
    [
        MASKED,
        MASKED.astype("f4"),
        np.ma.masked_invalid([[1, np.nan], [2, 3]]),
        np.ma.masked_array([[1.0, 2.0]]),  # nothing is hidden, but may be
    ],
)
def test_masked_arrays_are_refused_everywhere(masked):
    """What is hidden must not be learned from, nor pass a check."""
    embedding = kd_keras.KDEmbedding(4, 2, K=2, D=2)
    codes = np.ma.masked_array(np.zeros((4, 2), "u1"))
    for call in (
        lambda: check_vectors(masked),
        lambda: kd_keras.learn_codes(masked, K=2, D=1, verbose=0),
        lambda: embedding.encode(masked),
        lambda: kd_keras.grow_embedding(embedding, masked),
        lambda: kd_keras.write_vectors("x.txt", ["a"], masked),
        lambda: kd_keras.KDEmbedding(4, 2, K=2, D=2, codes=codes),
        lambda: kd_keras.pack_codes(codes, 2),
        lambda: kd_keras.unpack_codes(codes[:, :1], 2, 2),
        lambda: kd_keras.code_statistics(codes, 2),
    ):
        with pytest.raises(ValueError, match="must not be masked: fill"):
            call()


@pytest.mark.parametrize("kind", [np.matrix, np.recarray])
def test_other_subclasses_are_plain_arrays(kind):
    rows = np.arange(6, dtype="f4").reshape(3, 2)
    found = check_vectors(rows.view(kind))
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, rows)
