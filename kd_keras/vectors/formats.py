"""The formats of vector files, and how they are detected."""

import codecs
from pathlib import Path

from kd_keras.vectors.table import VectorFileError
from kd_keras.vectors.text import BOM, HEADER, NUMBER

GLOVE_TEXT = "text without header (GloVe)"
WORD2VEC_TEXT = "text with a header (word2vec)"
WORD2VEC_BINARY = "word2vec binary"
NPY = "a numpy array (.npy)"
NPZ = "a zip of numpy arrays (.npz)"
GZIP = "gzip"
UNKNOWN = "none of the formats that can be read"

# The formats that a suffix promises. Any other suffix promises nothing.
SUFFIXES = {
    ".npy": (NPY,),
    ".npz": (NPZ,),
    ".bin": (WORD2VEC_BINARY,),
    ".txt": (GLOVE_TEXT, WORD2VEC_TEXT),
    ".vec": (GLOVE_TEXT, WORD2VEC_TEXT),
}


def tell_format(head: bytes) -> str:
    """Detects the format from the first bytes of the content.

    Args:
        head: bytes. Enough of them for a header and a row, such as 64 KiB.

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
    """Detects the format and checks that the file name promises it.

    Args:
        name: str. File name, without ".gz".
        head: bytes. As for `tell_format`.

    Returns:
        The format, one of the constants of this module.

    Raises:
        VectorFileError: If the content does not match the suffix.

    Example:

    >>> check_name("glove.txt", b"the 0.5\\nof 1\\n")
    'text without header (GloVe)'
    """
    found = tell_format(head)
    promised = SUFFIXES.get(Path(name).suffix.lower())
    if promised is None or GLOVE_TEXT in promised:
        # The parser of text will name the line that is wrong.
        found = GLOVE_TEXT if found == UNKNOWN else found
    elif WORD2VEC_BINARY in promised and found == WORD2VEC_TEXT:
        # There is a header. Few bytes may follow it, or floats that happen to
        # be valid UTF-8; only a line of numbers is certainly text.
        row = head.partition(b"\n")[2].partition(b"\n")[0]
        if not _ends_in_numbers(row, len(row.split()) - 1):
            return WORD2VEC_BINARY
    if promised is not None and found not in promised:
        raise VectorFileError(
            "The content must match the file name, which promises "
            f"{' or '.join(promised)}. Received: {found}"
        )
    return found


def _ends_in_numbers(line: bytes, d: int) -> bool:
    """Returns whether a line is a word and d numbers, d at least 1."""
    fields = line.rsplit(None, d) if d > 0 else []
    return len(fields) == d + 1 and all(map(NUMBER.fullmatch, fields[1:]))


def _may_be_text(head: bytes) -> bool:
    """Returns whether bytes are UTF-8 without NUL, maybe cut in a letter."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\0" not in head
