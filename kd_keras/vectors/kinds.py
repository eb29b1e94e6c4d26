"""Kinds of files that are not tables of vectors, and what to do instead."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kd_keras.vectors.table import VectorFileError

WRITE = "then write the vectors with numpy.save or kd_keras.write_vectors"
UNPACK = "unpack it first"
# A first line that is text and ends in a number.
ROW = re.compile(rb"[^\0\n]*[ \t][-+.\deE]+[ \t\r]*(\n|\Z)")


class Kind(NamedTuple):
    """A kind of file that `read_vectors` refuses.

    Attributes:
        name: str. What people call it.
        way: str. What to do instead.
        matches: From the first bytes of a file to whether it is of this kind.
    """

    name: str
    way: str
    matches: Callable[[bytes], bool]


def _starts(*magics: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magics)


def _at(offset: int, magic: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[offset : offset + len(magic)] == magic


def _is_text_of(pattern: bytes) -> Callable[[bytes], bool]:
    """Matches a text by its start."""
    compiled = re.compile(pattern, re.IGNORECASE)

    def matches(head: bytes) -> bool:
        first = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return compiled.match(first) is not None

    return matches


def _is_pickle(head: bytes) -> bool:
    return head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5" and len(head) > 2


def _is_gensim(head: bytes) -> bool:
    return _is_pickle(head) and b"gensim" in head


TORCH_MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"
TORCH = (
    "a PyTorch file",
    f"load it with torch.load, call .numpy() on the table, {WRITE}",
)
KERAS = (
    "a Keras model (.keras)",
    "load it with keras.saving.load_model and pass the table, "
    "layer.get_weights()[0], to kd_keras.learn_codes or numpy.save",
)
# In the order in which they are tried.
KINDS = (
    Kind(
        "a model pickled by gensim",
        "load it with gensim and call "
        ".save_word2vec_format (of .wv, for a whole model)",
        _is_gensim,
    ),
    Kind(*TORCH, lambda head: _is_pickle(head) and TORCH_MAGIC in head[:16]),
    Kind("a pickle", f"load it with pickle.load, {WRITE}", _is_pickle),
    Kind(
        "a pickle (protocol 0)",
        f"load it with pickle.load, {WRITE}",
        _is_text_of(rb"(\(lp|\(dp|ccopy_reg\n|cnumpy)"),
    ),
    Kind(
        "an SQLite database, such as .magnitude",
        f"query it with pymagnitude, {WRITE}",
        _starts(b"SQLite format 3\0"),
    ),
    Kind(
        "an HDF5 file (.h5)",
        "load it with h5py, or with keras.saving.load_model "
        "if it is a model, then write the table with numpy.save",
        _starts(b"\x89HDF\r\n\x1a\n"),
    ),
    Kind(
        "a LiteRT model (.tflite)",
        "load it with kd_keras.load_litert, or read the vectors from which "
        "it was made",
        _at(4, b"TFL3"),
    ),
    Kind(
        "a fastText model",
        "read the .vec file that fastText writes beside it",
        _starts(b"\xba\x16\x4f\x2f"),
    ),
    Kind(
        "a faiss index",
        "load it with faiss.read_index and use kd_keras.from_faiss, or "
        "reconstruct_n and numpy.save",
        lambda head: (
            re.match(rb"I[xwHvB][A-Za-z0-9]{2}", head) is not None
            and b"\0" in head[:64]
        ),
    ),
    Kind("a GGUF model", f"load it with gguf, {WRITE}", _starts(b"GGUF")),
    Kind(
        "a MATLAB file",
        f"load it with scipy.io.loadmat, {WRITE}",
        _starts(b"MATLAB 5.0", b"MATLAB 7"),
    ),
    Kind(
        "a Parquet or Arrow file",
        f"load it with pyarrow or pandas, {WRITE}",
        _starts(b"PAR1", b"ARROW1", b"FEA1"),
    ),
    Kind("an R data file", f"load it with R, {WRITE}", _starts(b"RDX", b"RDA")),
    Kind("a tar archive", UNPACK, _at(257, b"ustar")),
    Kind(
        "an archive compressed with Zstandard",
        UNPACK,
        _starts(b"\x28\xb5\x2f\xfd"),
    ),
    Kind(
        "an archive compressed with LZ4", UNPACK, _starts(b"\x04\x22\x4d\x18")
    ),
    Kind("a 7z archive", UNPACK, _starts(b"7z\xbc\xaf\x27\x1c")),
    Kind("a RAR archive", UNPACK, _starts(b"Rar!\x1a\x07")),
    Kind(
        "an archive compressed with LZMA (.lzma)",
        UNPACK,
        _starts(b"\x5d\0\0"),
    ),
    Kind("an archive of compress (.Z)", UNPACK, _starts(b"\x1f\x9d")),
    Kind(
        "text in UTF-16 or UTF-32",
        "convert it to UTF-8, such as with iconv",
        _starts(b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff"),
    ),
    Kind("a PDF", "use the file of the vectors themselves", _starts(b"%PDF-")),
    Kind(
        "an HTML page",
        "it may be the page of a failed download; download the file again",
        _is_text_of(rb"<(!doctype html|html|head|\?xml)"),
    ),
    Kind(
        "a pointer of Git LFS",
        "fetch the file itself with git lfs pull",
        _is_text_of(rb"version https://git-lfs"),
    ),
    Kind(
        "JSON",
        f"load it with json.load, {WRITE}",
        _is_text_of(rb"(\{\s*[\"}]|\[\s*[\[{\"\d.-])"),
    ),
)
# Kinds of zip: a pattern that the name of some member matches.
ZIP_KINDS = (
    (re.compile(r"(model\.weights\.h5|metadata\.json)\Z"), KERAS),
    (re.compile(r".*/?data\.pkl\Z"), TORCH),
    (
        re.compile(r"xl/workbook\.xml\Z"),
        ("an Excel file", f"load it with pandas.read_excel, {WRITE}"),
    ),
)


def check_kind(head: bytes, packing: str | None = None) -> None:
    """Refuses a file of a known kind that is not a table of vectors.

    Args:
        head: bytes. The first bytes of the content.
        packing: str or None. What the content is packed in.

    Raises:
        VectorFileError: If it is of such a kind. The message names the kind
            and what to do instead.

    Example:

    >>> check_kind(b"the 0.5 1")
    >>> try:
    ...     check_kind(b"SQLite format 3" + bytes(9))
    ... except VectorFileError as error:
    ...     print(str(error).split(":")[-1])
     an SQLite database, such as .magnitude
    """
    if ROW.match(head):
        return  # a table whose first word begins as such a file does
    for kind in KINDS:
        if kind.matches(head):
            where = f" in {packing}" if packing else ""
            raise refused_kind(kind.name + where, kind.way)


def check_members(names: Sequence[str]) -> None:
    """Refuses a zip that is a file of a known kind.

    Args:
        names: Strings. The names of its members.

    Raises:
        VectorFileError: As `check_kind`.
    """
    for pattern, (name, way) in ZIP_KINDS:
        if any(map(pattern.match, names)):
            raise refused_kind(name, way)


def refused_kind(name: str, way: str) -> VectorFileError:
    """Returns the error for a file of a kind that cannot be read."""
    return VectorFileError(
        "The file must be text, word2vec binary, .npy, .npz or .safetensors; "
        f"to use this one, {way}. Received: {name}"
    )
