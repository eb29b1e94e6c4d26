"""Tables in .npy and .npz files."""

import zipfile
import zlib

import numpy as np

from kd_keras.vectors.mapped_rows import MappedRows
from kd_keras.vectors.table import Table, VectorFileError

BROKEN = (  # what numpy and zipfile raise for files that are cut or damaged
    ValueError,
    OSError,
    EOFError,
    KeyError,
    RuntimeError,  # NotImplementedError among them
    zipfile.BadZipFile,
    zlib.error,
)


def read_npy(path: str) -> Table:
    """Opens a `.npy` file as a memory map.

    Args:
        path: The file.

    Returns:
        A `Table` without words, whose vectors are a `MappedRows`.

    Raises:
        VectorFileError: If the file is cut, needs pickle or holds no floats.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except BROKEN as error:
        raise _broken("a .npy file", error) from None
    _check_table(array, "The array")
    # The rows of a map of no columns or rows cannot be had; it is refused.
    return Table(None, MappedRows(array) if array.size else array)


def read_npz(path: str) -> Table:
    """Reads the arrays `vectors` and, if there is one, `words` of a `.npz`.

    Args:
        path: The file.

    Returns:
        A `Table`.

    Raises:
        VectorFileError: If the file is cut, needs pickle, has no table of
            vectors, or more or fewer words than rows.
    """
    try:
        # Opened here: numpy does not close a file whose zip is broken.
        with (
            open(path, "rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            # A zip of other things is not read only to be refused.
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
                'A .npz file must hold an array "vectors", or one float array '
                f"of rank 2. Received: {', '.join(held) or 'no arrays'}"
            )
        name = tables[0]
    vectors = _as_float32(held[name], f"The array {name!r}")
    if "words" not in held:
        return Table(None, vectors)
    return Table(_words(held["words"], len(vectors)), vectors)


def _words(array: np.ndarray, N: int) -> list[str]:
    if array.dtype.kind not in "US" or array.shape != (N,):
        raise VectorFileError(
            f'The array "words" must be {N} strings. Received: '
            f"dtype={array.dtype}, shape={array.shape}"
        )
    try:
        if array.dtype.kind == "S":
            return [word.decode("utf-8") for word in array.tolist()]
        words: list[str] = array.tolist()
        "".join(words).encode("utf-8")  # no half of a surrogate pair
        return words
    except UnicodeError as error:
        raise VectorFileError(
            f'The array "words" must be UTF-8. Received: {error}'
        ) from None


def _as_float32(array: np.ndarray, what: str) -> np.ndarray:
    _check_table(array, what)
    if array.dtype == np.float32:
        return array
    with np.errstate(over="ignore"):  # to infinity, which is refused later
        return np.array(array, np.float32)


def _check_table(array: np.ndarray, what: str) -> None:
    if array.ndim != 2 or not _is_float(array):
        raise VectorFileError(
            f"{what} must be of rank 2 and float16, float32 or float64. "
            f"Received: dtype={array.dtype}, shape={array.shape}"
        )


def _is_float(array: np.ndarray) -> bool:
    return array.dtype.kind == "f" and array.dtype.itemsize <= 8


def _broken(what: str, error: Exception) -> VectorFileError:
    said = " ".join(str(error).split()) or type(error).__name__
    return VectorFileError(
        f"The file is not {what} that can be read without pickle, or it is "
        f"cut. Received: {said}"
    )
