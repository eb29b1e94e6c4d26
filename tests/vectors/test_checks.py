"""Tests of the checks of tables of vectors."""

import numpy as np
import pytest

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
