"""The one list of the formats of vector files, and how they are detected."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from kd_keras.vectors.number_text import read_numbers
from kd_keras.vectors.numpy_files import (
    is_npy,
    is_zip,
    read_npy,
    read_npz,
)
from kd_keras.vectors.packed import ZIP, find_packing
from kd_keras.vectors.safetensors_file import (
    is_safetensors,
    read_safetensors,
)
from kd_keras.vectors.table import Source, Table, VectorFileError
from kd_keras.vectors.text import (
    is_text,
    is_text_with_header,
    read_text,
)
from kd_keras.vectors.word2vec_binary import (
    is_word2vec_binary,
    read_word2vec_binary,
)


@dataclasses.dataclass(frozen=True)
class Format:
    """A format of vector files.

    Attributes:
        name: str. What people call it.
        suffixes: Names that promise this format. Any suffix that no format has
            promises nothing.
        matches: From the first bytes of a file, and whether its name promises
            this format, to whether the content is of this format.
        read: From a `Source` to a `Table`.
        packed: bool. Whether it can be read from a packed file, such as gzip.
    """

    name: str
    suffixes: tuple[str, ...]
    matches: Callable[[bytes, bool], bool]
    read: Callable[[Source], Table]
    packed: bool = True


def _read_lines(source: Source) -> Table:
    """Reads text, with or without words as the source says."""
    return (
        read_text(source)
        if source.words is not False
        else (read_numbers(source))
    )


TEXT_SUFFIXES = (".txt", ".vec")
TEXT = Format(
    "text without header (GloVe)", TEXT_SUFFIXES, is_text, _read_lines
)
SAFETENSORS = Format(
    "safetensors", (".safetensors",), is_safetensors, read_safetensors, False
)
# In the order in which they are tried.
FORMATS = (
    Format("a numpy array (.npy)", (".npy",), is_npy, read_npy, False),
    Format("a zip of numpy arrays (.npz)", (".npz",), is_zip, read_npz, False),
    SAFETENSORS,
    Format(
        "text with a header (word2vec)",
        TEXT_SUFFIXES,
        is_text_with_header,
        _read_lines,
    ),
    Format(
        "word2vec binary", (".bin",), is_word2vec_binary, read_word2vec_binary
    ),
    TEXT,
)
UNKNOWN = "none of the formats that can be read"


def format_name(head: bytes) -> str:
    """Names the format of a file by its first bytes.

    Args:
        head: bytes. Enough of them for a header and a row, such as 64 KiB.

    Returns:
        str. The name of a format or a packing, or `UNKNOWN`.

    Example:

    >>> format_name(b"2 1\\nthe 0.5\\nof 1\\n")
    'text with a header (word2vec)'
    """
    packing = find_packing(head)
    if packing is not None and packing is not ZIP:
        return packing.name
    found = _first_match(head, ())
    return UNKNOWN if found is None else found.name


def find_format(name: str, head: bytes) -> Format:
    """Detects the format and checks that the file name promises it.

    Args:
        name: str. File name, without ".gz" and other packings.
        head: bytes. As for `format_name`.

    Returns:
        A `Format`.

    Raises:
        VectorFileError: If the content does not match the suffix.

    Example:

    >>> find_format("glove.txt", b"the 0.5\\nof 1\\n").name
    'text without header (GloVe)'
    """
    promised = promised_formats(name)
    found = _first_match(head, promised)
    if found is None and (not promised or TEXT in promised):
        found = TEXT  # whose parser will name the line that is wrong
    if found is None or (promised and found not in promised):
        raise mismatch(name, format_name(head))
    return found


def promised_formats(name: str) -> tuple[Format, ...]:
    """Returns the formats that the suffix of a file name promises."""
    suffix = Path(name).suffix.lower()
    return tuple(f for f in FORMATS if suffix in f.suffixes)


def mismatch(
    name: str, received: str, packing: str = UNKNOWN
) -> VectorFileError:
    """Returns the error for a file that is not what its name promises.

    Args:
        name: str. The name of the file.
        received: str. What the file is.
        packing: str. What the name promises if it promises no format.

    Returns:
        A `VectorFileError`.
    """
    promised = " or ".join(f.name for f in promised_formats(name)) or packing
    return VectorFileError(
        f"The content must match the file name, which promises {promised}. "
        f"Received: {received}"
    )


def _first_match(head: bytes, promised: tuple[Format, ...]) -> Format | None:
    """Finds the format of a head, those that are promised first."""
    for f in (*promised, *FORMATS):
        if f.matches(head, f in promised):
            return f
    return None
