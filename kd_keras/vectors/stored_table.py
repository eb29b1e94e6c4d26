"""The precision and the fingerprint of a file of vectors."""

import hashlib
import os
import zipfile
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format

from kd_keras.utils.row_blocks import Rows

MAGIC = b"\x93NUMPY"


def stored_dtype(path: str | os.PathLike[str]) -> str | None:
    """Returns the precision in which a file stores its vectors.

    Only headers are read.

    Args:
        path: path. A file that `read_vectors` can read.

    Returns:
        The name of the dtype for `.npy` and `.npz` files, else None.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "table.npy")
    >>> np.save(path, np.zeros((3, 2), np.float16))
    >>> stored_dtype(path)
    'float16'
    """
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) == MAGIC:
            file.seek(0)
            return _header(file)[1].name
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        for name in sorted(
            archive.namelist(), key=lambda n: n != "vectors.npy"
        ):
            with archive.open(name) as member:
                shape, dtype = _header(member)
            if len(shape) == 2 and dtype.kind == "f":
                return dtype.name
    return None


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Computes the SHA-256 of a file, so that it can be recognised later.

    Args:
        path: path. The file.

    Returns:
        A str of 64 hexadecimal digits.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Reads the shape and dtype in the header of a `.npy` file."""
    if npy_format.read_magic(file) == (1, 0):
        shape, _, dtype = npy_format.read_array_header_1_0(file)
    else:
        shape, _, dtype = npy_format.read_array_header_2_0(file)
    return shape, dtype


LOOKED_AT = 256  # rows, evenly spread


def table_identity(vectors: Rows) -> dict[str, Any]:
    """Describes a table by its size and some of its rows.

    With this, a process that encodes one of many shards can check that it has
    the right table without reading all of it.

    Args:
        vectors: `Rows` of float32, shape `(N, d)`.

    Returns:
        Dictionary with `N`, `d`, and `sampled_sha256`, the SHA-256 of up to
        256 rows.

    Example:

    >>> table = np.eye(3, dtype=np.float32)
    >>> table_identity(table) == table_identity(table.copy())
    True
    >>> table_identity(table) == table_identity(2 * table)
    False
    """
    N, d = vectors.shape
    rows = np.linspace(0, N - 1, min(N, LOOKED_AT)).astype(np.int64)
    data = np.asarray(vectors[rows], "<f4").tobytes()
    return {"N": N, "d": d, "sampled_sha256": hashlib.sha256(data).hexdigest()}
