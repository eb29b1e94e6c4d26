"""The zip archive at the end of a `.tflite` file.

LiteRT reads a file from its beginning and a zip reader from its end, so one
file can be both; LiteRT's own metadata is stored in the same way. The archive
contains `kd_keras.json`, which describes the file, and `vocabulary.txt`, with
one symbol per line in the order of the ids; or several vocabularies, each named
after its input (`vocabulary_user_ids.txt`).
"""

import io
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kd_keras.utils.checks import short_repr
from kd_keras.utils.errors import BadInputError

CONFIGURATION = "kd_keras.json"
VOCABULARY = "vocabulary.txt"
_VOCABULARIES = re.compile(r"vocabulary(_\w+)?\.txt", re.ASCII)
FORMAT = 1
MAGIC = b"TFL3"  # at byte 4 of every LiteRT flatbuffer


def is_vocabulary(name: str) -> bool:
    """Returns whether an entry of an archive is a vocabulary."""
    return bool(_VOCABULARIES.fullmatch(name))


def read_file(path: Any) -> bytes:
    """Reads a file.

    Args:
        path: path of the file.

    Returns:
        The bytes of the file.

    Raises:
        BadInputError: If `path` is not a path, or the file cannot be read.
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


def append_archive(
    path: str | os.PathLike[str],
    configuration: dict[str, Any],
    vocabularies: Mapping[str, Iterable[str]],
) -> None:
    """Appends an archive to a file, including a checksum of the file.

    Args:
        path: path of a `.tflite` file.
        configuration: dict of JSON types.
        vocabularies: dict from the names of entries to lists of str.
    """
    graph = Path(path).read_bytes()
    check = {"graph_bytes": len(graph), "graph_crc32": zlib.crc32(graph)}
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        text = json.dumps({"format": FORMAT} | configuration | check)
        archive.writestr(_entry(CONFIGURATION), text)
        for name, words in vocabularies.items():
            lines = "".join(f"{word}\n" for word in words)
            archive.writestr(_entry(name), lines)


def _entry(name: str) -> zipfile.ZipInfo:
    # A constant time, so that the same export has the same bytes.
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """Reads an entry, compressed as `append_archive` does it or not at all.

    Other methods can pack a thousand times more than deflate does.
    """
    entry = archive.getinfo(name)
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError(f"compression {entry.compress_type}")
    return archive.read(entry)


def read_archive(
    content: bytes, path: str | os.PathLike[str]
) -> tuple[dict[str, Any] | None, dict[str, list[str]], dict[str, int]]:
    """Reads an archive that `append_archive` wrote.

    Args:
        content: bytes. The whole file.
        path: path of the file, for error messages.

    Returns:
        `(configuration, vocabularies, sizes)`: dict; dict from the names of
        entries to lists of str; dict of the compressed size of each entry in
        bytes. If there is no archive of this package at the end of the file,
        `configuration` is None.

    Raises:
        BadInputError: If the file is damaged or has another format.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sizes = {e.filename: e.compress_size for e in archive.infolist()}
            if CONFIGURATION not in sizes:
                return None, {}, {}
            configuration = json.loads(_read_entry(archive, CONFIGURATION))
            vocabularies = {
                name: _read_entry(archive, name)
                .decode("utf-8")
                .split("\n")[:-1]
                for name in filter(is_vocabulary, sizes)
            }
    except (
        zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError,
        ValueError, KeyError, EOFError, OSError, RecursionError, struct.error,
    ):  # fmt: skip
        if not zipfile.is_zipfile(io.BytesIO(content)):
            return None, {}, {}
        raise BadInputError(
            f"{path} is damaged: the archive at its end cannot be read"
        ) from None
    if not isinstance(configuration, dict):
        raise BadInputError(
            f"{path} is damaged: {CONFIGURATION} is not a JSON object"
        )
    found = configuration.get("format")
    if found != FORMAT:
        raise BadInputError(
            f"{path} has format {short_repr(found)}. Expected: format "
            f"{FORMAT}, which this version of kd_keras reads"
        )
    # Files of the first version have no checksum.
    size = configuration.get("graph_bytes", 0)
    graph = content[:size] if isinstance(size, int) and size >= 0 else b""
    if zlib.crc32(graph) != configuration.get("graph_crc32", 0):
        raise BadInputError(
            f"{path} is damaged: the checksum of its graph is not the one "
            "that was written"
        )
    return configuration, vocabularies, sizes
