"""Reading tables from .npy and .npz files."""

import os
import struct
import zipfile
import zlib

import numpy as np

from kd_keras.vectors.mapped_rows import MappedRows
from kd_keras.vectors.npy_header import MAGIC, NpyHeader, read_npy_header
from kd_keras.vectors.table import Source, Table, VectorFileError, clipped

BROKEN = (  # exceptions of numpy and zipfile for truncated or damaged files
    ValueError,
    OSError,
    EOFError,
    KeyError,
    RuntimeError,  # includes NotImplementedError
    MemoryError,
    OverflowError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
DENSEST = 1032  # bytes that deflate can pack into one


def is_npy(head: bytes, promised: bool = False) -> bool:
    """Returns whether the first bytes of a file are those of a `.npy` file."""
    return head.startswith(MAGIC)


def is_zip(head: bytes, promised: bool = False) -> bool:
    """Returns whether the first bytes of a file are those of a zip."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def read_npy(source: Source) -> Table:
    """Opens a `.npy` file as a memory map.

    Args:
        source: `Source`. Only its path is used.

    Returns:
        A `Table` without words, whose vectors are a `MappedRows`.

    Raises:
        VectorFileError: If the file is truncated, needs pickle, or does not
            contain a float array of rank 2.
    """
    with open(source.path, "rb") as file:
        header = read_npy_header(file)
        size = os.fstat(file.fileno()).st_size
        _check_table(header, "The array")
        check_complete(header, size)
        if 0 in header.shape:  # cannot be mapped; the caller refuses it
            return Table(None, np.empty(header.shape, np.float32))
        try:
            array = np.memmap(
                file,
                header.dtype,
                "r",
                header.offset,
                header.shape,
                "F" if header.order == "F" else "C",
            )
        except BROKEN as error:
            raise _broken("a .npy file", error) from None
    return Table(None, MappedRows(array))


def read_npz(source: Source) -> Table:
    """Reads the arrays `vectors` and, if present, `words` of a `.npz` file.

    Args:
        source: `Source`. Only its path is used.

    Returns:
        A `Table`.

    Raises:
        VectorFileError: If the file is truncated, needs pickle, has no table
            of vectors, or does not have one word per row.
    """
    try:
        with zipfile.ZipFile(source.path) as archive:
            # Other members are not read, since they would only be refused.
            members = [n for n in archive.namelist() if n.endswith(".npy")]
            if "vectors.npy" in members:
                members = [n for n in members if n[:-4] in ("vectors", "words")]
            headers = _headers(archive, members)
            name = _table_name(headers)
            _check_table(headers[name], f"The array {name!r}")
            if 0 in headers[name].shape:  # the caller refuses it
                return Table(None, np.empty(headers[name].shape, np.float32))
            vectors = read_member(archive, name, headers[name])
            words = None
            if "words" in headers:
                found = headers["words"]
                _check_words(found, len(vectors))
                words = read_member(archive, "words", found)
    except VectorFileError:
        raise
    except BROKEN as error:
        raise _broken("a .npz file", error) from None
    if vectors.dtype != np.float32:
        with np.errstate(over="ignore"):  # infinity is refused later
            vectors = np.array(vectors, np.float32)
    return Table(None if words is None else _words(words), vectors)


def _headers(
    archive: zipfile.ZipFile, members: list[str]
) -> dict[str, NpyHeader]:
    """Reads the headers of arrays in a zip, those that can be of use."""
    headers: dict[str, NpyHeader] = {}
    for member in members:
        try:
            headers[member[:-4]] = member_header(archive, member)
        except VectorFileError:
            # A table of any other name has a header that can be read.
            if len(members) == 1 or member[:-4] in ("vectors", "words"):
                raise
    return headers


def member_header(archive: zipfile.ZipFile, member: str) -> NpyHeader:
    """Reads the header of an array in a zip and checks that it is there."""
    info = archive.getinfo(member)
    with archive.open(info) as file:
        header = read_npy_header(file)
    # What the zip says of its own size may be wrong as well.
    densest = 1 if info.compress_type == zipfile.ZIP_STORED else DENSEST
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise VectorFileError(
            "A .npz file must be stored or deflated, as numpy.savez_compressed "
            f"does. Received: compression {info.compress_type} of {member}"
        )
    most = min(info.file_size, densest * info.compress_size)
    check_complete(header, most)
    return header


def read_member(
    archive: zipfile.ZipFile, name: str, header: NpyHeader
) -> np.ndarray:
    """Reads an array whose header was checked."""
    array = np.empty(header.bytes, np.uint8)
    view, done = array.data, 0
    with archive.open(f"{name}.npy") as file:
        read_npy_header(file)
        while done < len(view) and (block := file.read(1 << 22)):
            block = block[: len(view) - done]
            view[done : done + len(block)] = block
            done += len(block)
        while file.read(1 << 22):  # to the end, where the checksum is checked
            pass
    if done < header.bytes:
        raise ValueError(f"{done} of {header.bytes} bytes of {name}.npy")
    if not header.bytes:  # strings of no characters
        return np.zeros(header.shape, header.dtype)
    return array.view(header.dtype).reshape(
        header.shape, order="F" if header.order == "F" else "C"
    )


def check_complete(header: NpyHeader, size: int) -> None:
    """Checks that a file of `size` bytes can hold what its header promises."""
    if header.offset + header.bytes > size:
        raise VectorFileError(
            f"The file is truncated: an array of shape {header.shape} and "
            f"dtype {header.dtype} takes {header.offset + header.bytes} "
            f"bytes. Received: {size} bytes"
        )


def _table_name(headers: dict[str, NpyHeader]) -> str:
    """Returns the name of the array that is the table of vectors."""
    if "vectors" in headers:
        return "vectors"
    tables = [
        name
        for name, header in headers.items()
        if len(header.shape) == 2 and _is_float(header.dtype)
    ]
    if len(tables) != 1:
        raise VectorFileError(
            'A .npz file must have an array "vectors", or one float array '
            f"of rank 2. Received: {_names(headers) or 'no arrays'}"
        )
    return tables[0]


def _names(headers: dict[str, NpyHeader]) -> str:
    """Shows the names of arrays, the first of many."""
    shown = " ".join(", ".join(name[:40] for name in headers).split())
    return shown if len(shown) <= 200 else f"{shown[:200]}..."


def _check_words(header: NpyHeader, N: int) -> None:
    """Checks that an array contains N strings."""
    if header.dtype.kind not in "US" or header.shape != (N,):
        raise VectorFileError(
            f'The array "words" must contain {N} strings. Received: '
            f"dtype={header.dtype}, shape={header.shape}"
        )


def _words(array: np.ndarray) -> list[str]:
    """Returns an array of strings as a list."""
    try:
        if array.dtype.kind == "S":
            return [word.decode("utf-8") for word in array.tolist()]
        words: list[str] = array.tolist()
        "".join(words).encode("utf-8")  # fails for lone surrogates
        return words
    except (ValueError, SystemError, OverflowError) as error:
        raise VectorFileError(
            f'The array "words" must be UTF-8. Received: {clipped(error)}'
        ) from None


def _check_table(header: NpyHeader, what: str) -> None:
    """Checks the rank and dtype of a table."""
    if len(header.shape) != 2 or not _is_float(header.dtype):
        raise VectorFileError(
            f"{what} must have rank 2 and dtype float16, float32 or float64. "
            f"Received: dtype={header.dtype}, shape={header.shape}"
        )


def _is_float(dtype: np.dtype) -> bool:
    """Returns whether the dtype is float16, float32 or float64."""
    return dtype.kind == "f" and dtype.itemsize <= 8


def _broken(what: str, error: Exception) -> VectorFileError:
    """Returns the error for a file that numpy cannot read."""
    return VectorFileError(
        f"The file must be {what} that is complete and can be read without "
        f"pickle. Received: {clipped(error)}"
    )
