"""A table in a memory-mapped file, read a block of rows at a time."""

import mmap
from typing import Any, cast

import numpy as np

from kd_keras.utils.row_blocks import row_blocks

PART_FLOATS = 1 << 18  # read before pages are given back
# Rows drawn here and there: each may bring 64 KB around it into memory.
PART_ROWS = 1 << 10


class MappedRows:
    """Stands for the float32 table `(N, d)` that a memory map holds.

    Rows become float32 when they are asked for, and the pages of the file that
    were read for them are given back to the system at once. So neither the
    precision of the file nor its size makes the process grow.

    Args:
        array: A `numpy.memmap` of rank 2, or a view of one.

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

    def __init__(self, array: np.ndarray):
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
            with np.errstate(over="ignore"):  # to infinity, which is refused
                rows[part] = some
            if self._file is not None:
                self._file.madvise(mmap.MADV_DONTNEED)
        return rows

    def whole(self) -> np.ndarray:
        """Returns the memory map if it is of float32, else all rows as that."""
        same = self._array.dtype == np.float32
        return self._array if same else self[:]


def is_mapped(array: np.ndarray) -> bool:
    """Tells whether an array is a memory map or a view of one.

    Example:

    >>> is_mapped(np.zeros(3))
    False
    """
    return _memory_map(array) is not None


def _memory_map(array: Any) -> np.memmap | None:
    """Finds the memory map that an array is a view of."""
    while isinstance(array, np.ndarray):
        # A copy of a memory map is of that class too, but has no file.
        if isinstance(array.base, mmap.mmap):
            return array if isinstance(array, np.memmap) else None
        array = array.base
    return None


def _file_of(array: np.ndarray) -> mmap.mmap | None:
    """Finds the mapped file if its pages may be dropped: nothing is lost."""
    mapped = _memory_map(array)
    # "c", copy on write: what was written is in these pages only.
    can_drop = hasattr(mmap, "MADV_DONTNEED")
    if mapped is None or mapped.mode == "c" or not can_drop:
        return None
    return cast(mmap.mmap, mapped.base)
