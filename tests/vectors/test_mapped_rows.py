"""Tests of memory-mapped tables, of which nothing stays in memory."""

import re
from pathlib import Path

import numpy as np
import pytest

from kd_keras.vectors import mapped_rows
from kd_keras.vectors.checks import check_rows
from kd_keras.vectors.mapped_rows import MappedRows, is_mapped
from kd_keras.vectors.read_vectors import open_vectors, read_vectors


@pytest.fixture(params=["f2", "f4", "f8", ">f4", "i2"])
def mapped(request, tmp_path):
    array = np.arange(60).reshape(20, 3).astype(request.param)
    np.save(tmp_path / "table.npy", array)
    return np.load(tmp_path / "table.npy", mmap_mode="r")


@pytest.mark.parametrize(
    "index",
    [
        slice(None),
        slice(3, 9),
        slice(18, 99),
        slice(20, 1, -3),
        slice(4, 4),
        np.array([7, 2, 2, -1]),
        np.array([], int),
    ],
)
def test_rows_are_those_of_the_array_in_float32(mapped, index, monkeypatch):
    monkeypatch.setattr(mapped_rows, "PART_FLOATS", 6)
    rows = MappedRows(mapped)[index]
    assert rows.dtype == np.float32 and isinstance(rows, np.ndarray)
    np.testing.assert_array_equal(rows, np.array(mapped)[index])


def test_views_are_maps_and_copies_are_not(mapped):
    assert is_mapped(mapped) and is_mapped(np.asarray(mapped)[2:, 1:])
    assert not is_mapped(mapped.copy()[2:]) and not is_mapped(np.array(mapped))


def test_what_was_written_into_a_private_map_stays(tmp_path):
    np.save(tmp_path / "table.npy", np.zeros((20, 3), "f4"))
    private = np.load(tmp_path / "table.npy", mmap_mode="c")
    private[4] = 7
    assert MappedRows(private)[4:5].tolist() == [[7, 7, 7]]
    assert private[4].tolist() == [7, 7, 7]


def test_pages_that_were_read_are_given_back(tmp_path):
    path = tmp_path / "table.npy"
    np.save(path, np.ones((1 << 18, 16), "f4"))  # 16 MB
    mapped = np.load(path, mmap_mode="r")
    rows = MappedRows(mapped)
    assert rows[::2].shape == (1 << 17, 16)
    assert rows[np.arange(0, 1 << 18, 64)].shape == (1 << 12, 16)
    assert resident_bytes(path) < 1 << 20
    assert mapped.sum() == 1 << 22  # loads all pages, so they are counted
    assert resident_bytes(path) >= 1 << 24


def resident_bytes(path):
    """Reads from the system how much of a mapped file is in memory."""
    maps = Path("/proc/self/smaps")
    if not maps.exists():
        pytest.skip("only Linux reports the resident bytes")
    _, _, mine = maps.read_text().partition(str(path))
    return 1024 * int(re.search(r"Rss: +(\d+) kB", mine)[1])


def test_checked_maps_stay_maps(mapped):
    rows = check_rows(mapped)
    assert isinstance(rows, MappedRows) and rows.shape == (20, 3)


def test_values_beyond_float32_are_refused(tmp_path):
    array = np.ones((20, 3))
    array[17, 2] = 1e300
    np.save(tmp_path / "table.npy", array)
    mapped = np.load(tmp_path / "table.npy", mmap_mode="r")
    with pytest.raises(ValueError, match="inf in row 17, dimension 2"):
        check_rows(mapped)


def test_open_checks_the_rows_that_will_be_used(tmp_path):
    array = np.ones((20, 3), np.float16)
    array[17, 2] = np.nan
    path = tmp_path / "table.npy"
    np.save(path, array)
    table = open_vectors(path, rows=lambda N: slice(0, N - 3))
    assert isinstance(table.vectors, MappedRows)
    for rows in (None, lambda N: slice(N - 3, N)):
        with pytest.raises(ValueError, match="nan in row 17, dimension 2"):
            open_vectors(path, rows=rows)
    with pytest.raises(ValueError, match="nan in row 17"):
        read_vectors(path)
