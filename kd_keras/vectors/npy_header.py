"""Reading the header of a `.npy` file, without evaluating or allocating."""

import math
import re
import struct
from typing import IO, NamedTuple

import numpy as np

from kd_keras.vectors.table import VectorFileError

MAGIC = b"\x93NUMPY"
LONGEST = 1 << 16  # bytes of a header; those of numpy have 128 or a few more
DESCR = re.compile(r"""['"]descr['"]\s*:\s*(['"])([^'"]*)\1""")
ORDER = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)\b""")
SHAPE = re.compile(r"""['"]shape['"]\s*:\s*\(([\d\sL,]*)\)""")
SIMPLE = re.compile(r"[<>|=]?[?a-zA-Z][0-9]{0,9}(\[[a-z0-9]{1,9}\])?")


class NpyHeader(NamedTuple):
    """What the header of a `.npy` file says.

    Attributes:
        shape: Tuple of int.
        dtype: `numpy.dtype`, not of objects.
        order: One of `"C"`, `"F"`.
        offset: int. Number of bytes before the data.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    order: str
    offset: int

    @property
    def bytes(self) -> int:
        """The number of bytes of the data, however large."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy_header(file: IO[bytes]) -> NpyHeader:
    """Reads the header at the start of a `.npy` file.

    Args:
        file: File, at its start. It is left at the start of the data.

    Returns:
        `NpyHeader`.

    Raises:
        VectorFileError: If the header is damaged, or the data are pickled.

    Example:

    >>> import io
    >>> file = io.BytesIO()
    >>> np.save(file, np.zeros((2, 3), np.float32))
    >>> _ = file.seek(0)
    >>> read_npy_header(file)[:3]
    ((2, 3), dtype('float32'), 'C')
    """
    start = file.read(len(MAGIC) + 2)
    if len(start) < len(MAGIC) + 2 or not start.startswith(MAGIC):
        raise _damaged("no header")
    version = start[len(MAGIC)]
    if version not in (1, 2, 3):
        raise _damaged(f"version {version} of the format")
    width = 2 if version == 1 else 4
    field = file.read(width)
    if len(field) < width:
        raise _damaged("a truncated header")
    (length,) = struct.unpack("<H" if width == 2 else "<I", field)
    if length > LONGEST:
        raise _damaged(f"a header of {length} bytes")
    header = file.read(length)
    if len(header) < length:
        raise _damaged("a truncated header")
    offset = len(start) + width + length
    text = header.decode("latin-1")
    order, shape = ORDER.search(text), SHAPE.search(text)
    if order is None or shape is None:
        raise _damaged(f"the header {text.strip()[:60]!r}")
    sizes = re.findall(r"\d+", shape[1])
    if len(sizes) > 32 or any(len(size) > 18 for size in sizes):
        raise _damaged(f"shape=({' '.join(shape[1].split())[:60]})")
    return NpyHeader(
        tuple(map(int, sizes)),
        _dtype(text),
        "F" if order[1] == "True" else "C",
        offset,
    )


def _dtype(text: str) -> np.dtype:
    """Returns the dtype that a header names."""
    descr = DESCR.search(text)
    if descr is None or not SIMPLE.fullmatch(descr[2]):
        raise _damaged(f"the header {text.strip()[:60]!r}")
    name = "S" + descr[2][1:] if descr[2][:1] == "a" else descr[2]
    try:
        dtype = np.dtype(name)
    except (TypeError, ValueError, OverflowError, SyntaxError):
        raise _damaged(f"dtype {name!r}") from None
    if dtype.hasobject:
        raise _damaged("an array of Python objects")
    return dtype


def _damaged(what: str) -> VectorFileError:
    """Returns the error for a header that cannot be read."""
    return VectorFileError(
        "The file must be in numpy's format, complete and readable without "
        f"pickle. Received: {what}"
    )
