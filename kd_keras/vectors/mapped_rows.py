"""A table in a memory-mapped file that is read one block of rows at a time."""

import mmap
from typing import Any, cast

import numpy as np

from kd_keras.utils.row_blocks import row_blocks

PART_FLOATS = 1 << 18  # numbers read before the pages are released
# Most scattered rows read before that: each may load 64 KB around it.
PART_ROWS = 1 << 10


class MappedRows:
    """A memory map that is read as a float32 table, shape `(N, d)`.

    Rows are converted to float32 when they are read, and the pages of the file
    are then released to the system at once. So the memory of the process
    depends neither on the precision of the file nor on its size.

    Args:
        array: `numpy.memmap` of rank 2, or a view of one.

    Attributes:
        shape: `(N, d)`.
        dtype: float32.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "table.npy")
    >>> np.save(path, np.array([[0.5, 1], [2, 3], [4, 5]], np.float16))
    >>> table = MappedRows(np.load(path, mmap_mode="r"))
    >>> table.shape, table[1:].tolist(), table[np.array([2, 0])].dtype
    ((3, 2), [[2.0, 3.0], [4.0, 5.0]], dtype('float32'))
    """

    dtype = np.dtype(np.float32)

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self._file = _file_of(array)
        self.shape = array.shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        is_slice = isinstance(index, slice)
        wanted = self._array[index] if is_slice else np.asarray(index)
        rows = np.empty((len(wanted), self.shape[1]), np.float32)
        step = max(1, PART_FLOATS // self.shape[1])
        step = step if is_slice else min(step, PART_ROWS)
        for part in row_blocks(len(wanted), step):
            some = wanted[part] if is_slice else self._array[wanted[part]]
            with np.errstate(over="ignore"):  # checks refuse infinity
                rows[part] = some
            if self._file is not None:
                self._file.madvise(mmap.MADV_DONTNEED)
        return rows

    def whole(self) -> np.ndarray:
        """Returns the memory map if it is float32, else all rows as float32."""
        same = self._array.dtype == np.float32
        return self._array if same else self[:]


def is_mapped(array: np.ndarray) -> bool:
    """Returns whether an array is a memory map or a view of one.

    Example:

    >>> is_mapped(np.zeros(3))
    False
    """
    return _memory_map(array) is not None


def _memory_map(array: Any) -> np.memmap | None:
    """Finds the memory map that an array is a view of."""
    while isinstance(array, np.ndarray):
        # A copy of a memory map has the same class, but no file.
        if isinstance(array.base, mmap.mmap):
            return array if isinstance(array, np.memmap) else None
        array = array.base
    return None


def _file_of(array: np.ndarray) -> mmap.mmap | None:
    """Returns the mapped file if its pages can be dropped without loss."""
    mapped = _memory_map(array)
    # Mode "c" is copy on write: these pages are the only place of the changes.
    can_drop = hasattr(mmap, "MADV_DONTNEED")
    if mapped is None or mapped.mode == "c" or not can_drop:
        return None
    return cast(mmap.mmap, mapped.base)
