"""Unpacking gzip, bzip2, xz, and zip with a single file inside."""

import bz2
import contextlib
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple, cast

from kd_keras.vectors.kinds import check_members
from kd_keras.vectors.table import VectorFileError, clipped

# Exceptions of these modules for truncated or damaged files.
BROKEN = (
    EOFError,
    OSError,  # includes gzip.BadGzipFile
    ValueError,
    RuntimeError,  # includes NotImplementedError
    MemoryError,
    OverflowError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)


class Packing(NamedTuple):
    """A way in which a single file is compressed.

    Attributes:
        name: str. What people call it.
        suffix: str. The suffix of its files.
        magic: Pattern of the first bytes of its files.
        unpack: From the file to a stream of the content.
    """

    name: str
    suffix: str
    magic: re.Pattern[bytes]
    unpack: Callable[[BinaryIO], Any]


def _open_gzip(raw: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(gzip.GzipFile(fileobj=raw)))


def _open_member(raw: BinaryIO) -> BinaryIO:
    archive = zipfile.ZipFile(raw)
    return cast(BinaryIO, archive.open(_files_in(archive)[0]))


ZIP = Packing(
    "zip", ".zip", re.compile(rb"PK(\x03\x04|\x05\x06)"), _open_member
)
PACKINGS = (
    Packing("gzip", ".gz", re.compile(rb"\x1f\x8b"), _open_gzip),
    Packing(
        "bzip2",
        ".bz2",
        re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
        bz2.BZ2File,
    ),
    Packing("xz", ".xz", re.compile(rb"\xfd7zXZ\0"), lzma.LZMAFile),
    ZIP,
)


def find_packing(head: bytes) -> Packing | None:
    """Returns the packing of a file with these first bytes, or None.

    Example:

    >>> find_packing(gzip.compress(b"the 1 2")).name
    'gzip'
    """
    return next((p for p in PACKINGS if p.magic.match(head)), None)


def single_member(raw: BinaryIO) -> str | None:
    """Returns the name of the single file in a zip, or None for arrays.

    Args:
        raw: File. A zip.

    Returns:
        str, or None if it is a zip of numpy arrays or an empty one.

    Raises:
        VectorFileError: If the zip is damaged, has several files, or is of
            another kind, such as a Keras model.
    """
    try:
        archive = zipfile.ZipFile(raw)
    except BROKEN as error:
        raise damaged("zip", error) from None
    check_members(archive.namelist())
    names = _files_in(archive)
    if not names or any(name.endswith(".npy") for name in names):
        return None
    if len(names) > 1:
        shown = ", ".join(name[:60] for name in names[:5])
        shown += ", ..." if len(names) > 5 else ""
        raise VectorFileError(
            "A zip must contain a single file of vectors; unpack the one you "
            f"want. Received: {len(names)} files, {' '.join(shown.split())}"
        )
    return names[0]


def unpack(packing: Packing, raw: BinaryIO) -> Any:
    """Opens the content of a packed file.

    Args:
        packing: `Packing`.
        raw: File.

    Returns:
        A stream, to be read within `reports_damage`.
    """
    with reports_damage(packing.name):
        return packing.unpack(raw)


@contextlib.contextmanager
def reports_damage(packing: str) -> Any:
    """Turns the errors of a damaged packed file into a `VectorFileError`."""
    try:
        yield
    except BROKEN as error:
        raise damaged(packing, error) from None


def damaged(packing: str, error: Exception) -> VectorFileError:
    """Returns the error for a packed file that cannot be unpacked."""
    return VectorFileError(
        f"The {packing} file must be complete and undamaged. "
        f"Received: {clipped(error)}"
    )


def _files_in(archive: zipfile.ZipFile) -> list[str]:
    """Lists the files in a zip, without those that macOS adds."""
    return [
        name
        for name in archive.namelist()
        if not name.endswith("/")
        and not name.startswith("__MACOSX/")
        and name.rsplit("/", 1)[-1] not in (".DS_Store", "Thumbs.db")
    ]
