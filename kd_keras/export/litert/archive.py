"""The zip archive at the end of a `.tflite` file.

LiteRT reads a file from its front and a zip reader from its back, so one file
holds both; LiteRT's own metadata does the same. In it are `kd_keras.json`,
what the file is, and `vocabulary.txt`, a symbol a line, a symbol's line its
id.
"""

import io
import json
import os
import zipfile
import zlib
from pathlib import Path

from kd_keras.utils.errors import BadInputError

CONFIGURATION = "kd_keras.json"
VOCABULARY = "vocabulary.txt"
FORMAT = 1
MAGIC = b"TFL3"  # at byte 4 of every flatbuffer of LiteRT


def read_file(path):
    """Reads a file.

    Args:
        path: String or path-like object.

    Returns:
        Bytes.

    Raises:
        BadInputError: If it cannot be read.
    """
    if not isinstance(path, str | os.PathLike):
        raise BadInputError(
            f"A path must be a string or pathlib.Path. Received: {path!r}"
        )
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadInputError(
            f"{path} cannot be read: {error.strerror}"
        ) from None


def append_archive(path, configuration, vocabulary=None):
    """Appends an archive to a file, and notes the file's checksum in it.

    Args:
        path: Path of a `.tflite` file.
        configuration: Dictionary of JSON types.
        vocabulary: List of strings, or None.
    """
    graph = Path(path).read_bytes()
    check = {"graph_bytes": len(graph), "graph_crc32": zlib.crc32(graph)}
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        text = json.dumps({"format": FORMAT} | configuration | check)
        archive.writestr(_entry(CONFIGURATION), text)
        if vocabulary is not None:
            lines = "".join(f"{word}\n" for word in vocabulary)
            archive.writestr(_entry(VOCABULARY), lines)


def _entry(name):
    # The time is no part of the content: the same export, the same bytes.
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def read_archive(content, path):
    """Reads what `append_archive` appended.

    Args:
        content: Bytes of the whole file.
        path: Its path, for messages.

    Returns:
        `(configuration, vocabulary, sizes)`: dictionary; list of strings or
        None; dictionary of the compressed bytes of each entry. The first is
        None where the file ends in no archive of this package.

    Raises:
        BadInputError: If the file is damaged or of a later format.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sizes = {e.filename: e.compress_size for e in archive.infolist()}
            if CONFIGURATION not in sizes:
                return None, None, {}
            configuration = json.loads(archive.read(CONFIGURATION))
            vocabulary = None
            if VOCABULARY in sizes:
                text = archive.read(VOCABULARY).decode("utf-8")
                vocabulary = text.split("\n")[:-1]
    except (
        zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError,
        ValueError, KeyError, EOFError,
    ):  # fmt: skip
        if not zipfile.is_zipfile(io.BytesIO(content)):
            return None, None, {}
        raise BadInputError(
            f"{path} is damaged: the archive at its end cannot be read"
        ) from None
    if not isinstance(configuration, dict):
        raise BadInputError(f"{path} is damaged: {CONFIGURATION} is no object")
    found = configuration.get("format")
    if found != FORMAT:
        raise BadInputError(
            f"{path} is of format {found!r}. Expected: format {FORMAT}, which "
            "this version of kd_keras reads"
        )
    # The first files had no checksum.
    graph = content[: configuration.get("graph_bytes", 0)]
    if zlib.crc32(graph) != configuration.get("graph_crc32", 0):
        raise BadInputError(
            f"{path} is damaged: its graph has another checksum than when it "
            "was written"
        )
    return configuration, vocabulary, sizes
