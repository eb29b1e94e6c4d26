"""Reading arrays of this package's own `.npz` and `.npy` files.

A file may be damaged or come from a stranger: nothing is allocated that the
file cannot hold, and nothing is unpickled.
"""

import os
import zipfile
from pathlib import Path

import numpy as np

from kd_keras.vectors.npy_header import read_npy_header
from kd_keras.vectors.numpy_files import (
    BROKEN,
    check_complete,
    member_header,
    read_member,
)


def read_arrays(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Reads arrays from a `.npz` file.

    Args:
        path: path.
        *names: str. Their names.

    Returns:
        dict of arrays, by name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, or has no such arrays.

    Example:

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "codes.npz")
    >>> np.savez(path, codes=np.zeros((2, 3), np.uint8), D=5)
    >>> {name: x.shape for name, x in read_arrays(path, "codes", "D").items()}
    {'codes': (2, 3), 'D': ()}
    """
    try:
        with zipfile.ZipFile(path) as archive:
            headers = {n: member_header(archive, f"{n}.npy") for n in names}
            return {n: read_member(archive, n, headers[n]) for n in names}
    except FileNotFoundError:
        raise
    except BROKEN as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


def array_names(path: Path) -> list[str]:
    """Returns the names of the arrays of a `.npz` file.

    Args:
        path: path.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except FileNotFoundError:
        raise
    except BROKEN as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


def read_array(path: Path) -> np.ndarray:
    """Reads the array of a `.npy` file.

    Args:
        path: path.

    Returns:
        array.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            header = read_npy_header(file)
            check_complete(header, os.fstat(file.fileno()).st_size)
            count = header.bytes // max(1, header.dtype.itemsize)
            array = np.fromfile(file, header.dtype, count)
        return array.reshape(header.shape, order=header.order)  # type: ignore[call-overload]
    except FileNotFoundError:
        raise
    except BROKEN as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
