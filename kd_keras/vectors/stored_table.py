"""The precision and the fingerprint of a file of vectors."""

import hashlib
import os
import zipfile
from typing import Any

import numpy as np

from kd_keras.utils.row_blocks import Rows
from kd_keras.vectors.npy_header import MAGIC, read_npy_header
from kd_keras.vectors.open_file import HEAD_BYTES
from kd_keras.vectors.safetensors_file import is_safetensors, table_of


def stored_dtype(
    path: str | os.PathLike[str], tensor: str | None = None
) -> str | None:
    """Returns the precision in which a file stores its vectors.

    Only headers are read.

    Args:
        path: path. A file that `read_vectors` can read.
        tensor: str or None. As for `read_vectors`.

    Returns:
        The name of the dtype for `.npy`, `.npz` and `.safetensors` files, else
        None.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "table.npy")
    >>> np.save(path, np.zeros((3, 2), np.float16))
    >>> stored_dtype(path)
    'float16'
    """
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(0)
        if head.startswith(MAGIC):
            return read_npy_header(file).dtype.name
        if is_safetensors(head):
            return table_of(file, tensor).dtype.name
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        arrays = [n for n in archive.namelist() if n.endswith(".npy")]
        for name in sorted(arrays, key=lambda n: n != "vectors.npy"):
            with archive.open(name) as member:
                header = read_npy_header(member)
            if len(header.shape) == 2 and header.dtype.kind == "f":
                return header.dtype.name
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
