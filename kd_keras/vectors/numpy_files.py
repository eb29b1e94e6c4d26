"""Reading tables from .npy and .npz files."""

import zipfile
import zlib

import numpy as np

from kd_keras.vectors.mapped_rows import MappedRows
from kd_keras.vectors.table import Source, Table, VectorFileError

BROKEN = (  # exceptions of numpy and zipfile for truncated or damaged files
    ValueError,
    OSError,
    EOFError,
    KeyError,
    RuntimeError,  # includes NotImplementedError
    zipfile.BadZipFile,
    zlib.error,
)


def is_npy(head: bytes, promised: bool = False) -> bool:
    """Returns whether the first bytes of a file are those of a `.npy` file."""
    return head.startswith(b"\x93NUMPY")


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
    try:
        array = np.load(source.path, mmap_mode="r", allow_pickle=False)
    except BROKEN as error:
        raise _broken("a .npy file", error) from None
    _check_table(array, "The array")
    # An empty table cannot be a `MappedRows`. The caller refuses it.
    return Table(None, MappedRows(array) if array.size else array)


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
        # Opened here because numpy does not close a file with a broken zip.
        with (
            open(source.path, "rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            # Other members are not read, since they would only be refused.
            members = [n for n in arrays.zip.namelist() if n.endswith(".npy")]
            if "vectors.npy" in members:
                members = [n for n in members if n[:-4] in ("vectors", "words")]
            held = {member[:-4]: arrays[member] for member in members}
    except BROKEN as error:
        raise _broken("a .npz file", error) from None
    name = "vectors"
    if name not in held:
        tables = [k for k, a in held.items() if a.ndim == 2 and _is_float(a)]
        if len(tables) != 1:
            raise VectorFileError(
                'A .npz file must have an array "vectors", or one float array '
                f"of rank 2. Received: {', '.join(held) or 'no arrays'}"
            )
        name = tables[0]
    vectors = _as_float32(held[name], f"The array {name!r}")
    if "words" not in held:
        return Table(None, vectors)
    return Table(_words(held["words"], len(vectors)), vectors)


def _words(array: np.ndarray, N: int) -> list[str]:
    """Checks an array of words and returns them as strings."""
    if array.dtype.kind not in "US" or array.shape != (N,):
        raise VectorFileError(
            f'The array "words" must contain {N} strings. Received: '
            f"dtype={array.dtype}, shape={array.shape}"
        )
    try:
        if array.dtype.kind == "S":
            return [word.decode("utf-8") for word in array.tolist()]
        words: list[str] = array.tolist()
        "".join(words).encode("utf-8")  # fails for lone surrogates
        return words
    except UnicodeError as error:
        raise VectorFileError(
            f'The array "words" must be UTF-8. Received: {error}'
        ) from None


def _as_float32(array: np.ndarray, what: str) -> np.ndarray:
    """Checks a table and returns it as float32."""
    _check_table(array, what)
    if array.dtype == np.float32:
        return array
    with np.errstate(over="ignore"):  # infinity is refused later
        return np.array(array, np.float32)


def _check_table(array: np.ndarray, what: str) -> None:
    """Checks the rank and dtype of a table."""
    if array.ndim != 2 or not _is_float(array):
        raise VectorFileError(
            f"{what} must have rank 2 and dtype float16, float32 or float64. "
            f"Received: dtype={array.dtype}, shape={array.shape}"
        )


def _is_float(array: np.ndarray) -> bool:
    """Returns whether the dtype is float16, float32 or float64."""
    return array.dtype.kind == "f" and array.dtype.itemsize <= 8


def _broken(what: str, error: Exception) -> VectorFileError:
    """Returns the error for a file that numpy cannot read."""
    said = " ".join(str(error).split()) or type(error).__name__
    return VectorFileError(
        f"The file must be {what} that is complete and can be read without "
        f"pickle. Received: {said}"
    )
