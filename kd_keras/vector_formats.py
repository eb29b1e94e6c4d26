"""Word vectors that are not text, and how the formats are told apart."""

import codecs
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kd_keras.mapped_rows import MappedRows
from kd_keras.vector_text import (
    BOM,
    HEADER,
    NUMBER,
    Table,
    VectorFileError,
    check_header,
    stack,
)

GLOVE_TEXT = "text without header (GloVe)"
WORD2VEC_TEXT = "text with a header (word2vec)"
WORD2VEC_BINARY = "word2vec binary"
NPY = "a numpy array (.npy)"
NPZ = "a zip of numpy arrays (.npz)"
GZIP = "gzip"
UNKNOWN = "none of the formats read here"

# What a suffix promises. Any other suffix promises nothing.
SUFFIXES = {
    ".npy": (NPY,),
    ".npz": (NPZ,),
    ".bin": (WORD2VEC_BINARY,),
    ".txt": (GLOVE_TEXT, WORD2VEC_TEXT),
    ".vec": (GLOVE_TEXT, WORD2VEC_TEXT),
}
FLUSH_BYTES = 1 << 24
BROKEN = (  # what numpy and zipfile raise for files that are cut or damaged
    ValueError,
    OSError,
    EOFError,
    KeyError,
    RuntimeError,  # NotImplementedError among them
    zipfile.BadZipFile,
    zlib.error,
)


def tell_format(head: bytes) -> str:
    """Tells the format by the first bytes of the content.

    Args:
        head: Enough bytes for a header and a row, 64 KiB say.

    Returns:
        One of the constants of this module.

    Example:

    >>> tell_format(b"2 1\\nthe 0.5\\nof 1\\n")
    'text with a header (word2vec)'
    """
    if head.startswith(b"\x93NUMPY"):
        return NPY
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return NPZ
    if head.startswith(b"\x1f\x8b"):
        return GZIP
    first, _, rest = head.partition(b"\n")
    header = HEADER.fullmatch(first.removeprefix(BOM))
    if header and (
        head.startswith(BOM)
        or _ends_in_numbers(rest.partition(b"\n")[0], int(header[2]))
        or _may_be_text(rest)
    ):
        return WORD2VEC_TEXT
    if header:
        return WORD2VEC_BINARY
    return GLOVE_TEXT if _may_be_text(head) else UNKNOWN


def check_name(name: str, head: bytes) -> str:
    """Tells the format and checks it against what the name promises.

    Args:
        name: File name, without a ".gz".
        head: As in `tell_format`.

    Returns:
        The format.

    Raises:
        VectorFileError: If the content is not what the name says.

    Example:

    >>> check_name("glove.txt", b"the 0.5\\nof 1\\n")
    'text without header (GloVe)'
    """
    found = tell_format(head)
    promised = SUFFIXES.get(Path(name).suffix.lower())
    if promised is None or GLOVE_TEXT in promised:
        # The parser of text names the line that is none.
        found = GLOVE_TEXT if found == UNKNOWN else found
    elif WORD2VEC_BINARY in promised and found == WORD2VEC_TEXT:
        # A header, but what follows may be few bytes, or floats that happen
        # to be UTF-8. Only a line of numbers is surely text.
        row = head.partition(b"\n")[2].partition(b"\n")[0]
        if not _ends_in_numbers(row, len(row.split()) - 1):
            return WORD2VEC_BINARY
    if promised is not None and found not in promised:
        raise VectorFileError(
            f"The file is not what its name says, {' or '.join(promised)}. "
            f"Received: {found}"
        )
    return found


def read_word2vec_binary(blocks: Iterator[bytes], size: int | None) -> Table:
    """Parses word2vec's binary format: "N d", then word, space, d float32.

    Args:
        blocks: The file from its start, cut anywhere.
        size: Its bytes, None where that is not known.

    Returns:
        A `Table`.

    Raises:
        VectorFileError: If the file is cut or otherwise not of this format.

    Example:

    >>> data = b"1 2\\nthe " + np.array([0.5, 1], "<f4").tobytes() + b"\\n"
    >>> table = read_word2vec_binary(iter([data]), len(data))
    >>> table.words, table.vectors.tolist()
    (['the'], [[0.5, 1.0]])
    """
    buffer = next(blocks)
    start = (buffer.find(b"\n") + 1) or len(buffer)
    N, d = map(int, buffer[:start].split())
    check_header(N, d)
    if size is not None and N * (4 * d + 2) > size - start:
        raise VectorFileError(
            f"The file is cut: {N} rows of {d} float32 take at least "
            f"{start + N * (4 * d + 2)} bytes. Received: {size} bytes"
        )
    words: list[str] = []
    rows: list[bytes] = []
    tables: list[np.ndarray] = []

    def flush() -> None:
        if rows:
            flat = np.frombuffer(b"".join(rows), "<f4")
            tables.append(flat.reshape(len(rows), d))
            rows.clear()

    for row in range(N):
        while True:
            space = buffer.find(b" ", start)
            stop = space + 1 + 4 * d
            if space >= 0 and stop <= len(buffer):
                break
            block = next(blocks, None)
            if block is None:
                raise VectorFileError(
                    f"The file is cut: the header promises {N} rows. "
                    f"Received: {row} whole rows"
                )
            buffer, start = buffer[start:] + block, 0
        # The first releases of word2vec end a row with "\n", later ones not.
        word = buffer[start:space].lstrip(b"\n")
        try:
            words.append(word.decode("utf-8"))
        except UnicodeDecodeError:
            raise VectorFileError(
                f"Words must be UTF-8. Received: {word[:40]!r} in row {row}"
            ) from None
        rows.append(buffer[space + 1 : stop])
        start = stop
        if len(rows) * 4 * d >= FLUSH_BYTES:
            flush()
    flush()
    rest: bytes | None = buffer[start:]
    while rest is not None:  # to the end, where gzip checks its sum
        if rest.strip(b"\n"):
            raise VectorFileError(
                f"The header promises {N} rows. Received: more bytes after them"
            )
        rest = next(blocks, None)
    return Table(words, stack(tables))


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


def _ends_in_numbers(line: bytes, d: int) -> bool:
    """Whether a line is a word and d numbers, d at least 1."""
    fields = line.rsplit(None, d) if d > 0 else []
    return len(fields) == d + 1 and all(map(NUMBER.fullmatch, fields[1:]))


def _may_be_text(head: bytes) -> bool:
    """Whether bytes are UTF-8 without NUL; a cut last letter is no matter."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\0" not in head


def _broken(what: str, error: Exception) -> VectorFileError:
    said = " ".join(str(error).split()) or type(error).__name__
    return VectorFileError(
        f"The file is not {what} that can be read without pickle, or it is "
        f"cut. Received: {said}"
    )
