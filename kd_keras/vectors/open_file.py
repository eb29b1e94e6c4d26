"""Opening a file of vectors: what it is, unpacked, in blocks."""

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from kd_keras.utils.errors import BadInputError
from kd_keras.vectors.formats import format_name, mismatch, promised_formats
from kd_keras.vectors.kinds import check_kind
from kd_keras.vectors.packed import (
    PACKINGS,
    ZIP,
    Packing,
    find_packing,
    reports_damage,
    single_member,
    unpack,
)
from kd_keras.vectors.table import VectorFileError

BLOCK_BYTES = 1 << 22
HEAD_BYTES = 1 << 16  # used to detect the format

# Called with the bytes read and those of the file.
ReadProgress = Callable[[int, int], object]


class Opened(NamedTuple):
    """A file of vectors that was opened.

    Attributes:
        path: str. The file, or a temporary copy of what a pipe contained.
        name: str. The file name without the suffix of a packing, or the name
            inside a zip.
        packing: str or None. The packing, such as "gzip".
        size: int. Number of bytes of the file.
        head: bytes. The first bytes of the content.
        blocks: Iterator of bytes. The content after the head.
    """

    path: str
    name: str
    packing: str | None
    size: int
    head: bytes
    blocks: Iterator[bytes]


def check_regular(path: str | os.PathLike[str]) -> None:
    """Refuses a path that is not a file to be read more than once.

    Args:
        path: path.

    Raises:
        VectorFileError: If it is a pipe or a device.
    """
    if kind := _irregular(os.fspath(path)):
        raise VectorFileError(
            f"{path}: The file is read more than once, so it must be a file "
            "on disk: write the vectors to one, or read them with "
            f"kd_keras.read_vectors. Received: {kind}"
        )


def is_pipe(path: str | os.PathLike[str]) -> bool:
    """Returns whether a path is a pipe, whose content is gone once read."""
    return _irregular(os.fspath(path)) == "a pipe"


@contextlib.contextmanager
def on_disk(path: str) -> Iterator[str]:
    """Yields a file that can be read several times, for a pipe a copy.

    Args:
        path: str. The file.

    Yields:
        str. `path`, or a temporary copy that lasts as long as the context.
        Errors of bad input are raised on with `path` in place of the copy.
    """
    if not is_pipe(path):
        yield path
        return
    with _spooled(path, "a pipe") as copy:
        try:
            yield copy
        except BadInputError as error:
            said = str(error).replace(copy, path)
            raise type(error)(said) from None


@contextlib.contextmanager
def open_file(path: str, progress: ReadProgress | None) -> Iterator[Opened]:
    """Opens a file of vectors and unpacks it while it is read.

    Args:
        path: str. The file. A pipe is copied to a temporary file first.
        progress: Function or None. As in `read_vectors`.

    Yields:
        `Opened`.

    Raises:
        VectorFileError: If it does not exist, is empty or damaged, is not
            packed as its name says, or is of a kind that cannot be read.
    """
    if not os.path.exists(path):
        raise VectorFileError("The file must exist. Received: no such file")
    if os.path.isdir(path):
        raise VectorFileError("This must be a file. Received: a directory")
    with contextlib.ExitStack() as stack:
        name = Path(path)
        if kind := _irregular(path):
            path = stack.enter_context(_spooled(path, kind))
        size = os.path.getsize(path)
        if size == 0:
            raise VectorFileError(
                f"The file must contain rows. Received: {kind or '0 bytes'}"
                + (" without content" if kind else "")
            )
        raw = stack.enter_context(open(path, "rb"))
        head = raw.read(HEAD_BYTES)
        raw.seek(0)
        inside, packing = _name_inside(name, raw, head)
        stream: Any = raw
        if packing is not None:
            stream = unpack(packing, raw)
        blocks = _blocks(stream, raw, size, packing, progress)
        first = b""
        while len(first) < HEAD_BYTES and (more := next(blocks, b"")):
            first += more
        if not first:
            raise VectorFileError(
                "The file must contain rows. Received: 0 bytes"
            )
        _check_inside(first, packing)
        packed = None if packing is None else packing.name
        yield Opened(path, inside, packed, size, first, blocks)
    if progress is not None:
        progress(size, size)


def _name_inside(
    path: Path, raw: BinaryIO, head: bytes
) -> tuple[str, Packing | None]:
    """Returns the name of the content and its packing, if it has one."""
    packing = find_packing(head)
    member = None
    if packing is ZIP:
        # A damaged .npz is named as such by its reader.
        npz = path.suffix.lower() == ".npz"
        with contextlib.suppress(*([VectorFileError] if npz else [])):
            member = single_member(raw)
        raw.seek(0)
        if member is None:
            packing = None
    promised = next(
        (p for p in PACKINGS if p.suffix == path.suffix.lower()), None
    )
    if packing is not None and promised_formats(path.name):
        raise mismatch(path.name, packing.name)
    name = path.name if promised is None else path.with_suffix("").name
    is_promised = packing is promised or (
        promised is ZIP and find_packing(head) is ZIP
    )
    if promised is not None and not is_promised:
        check_kind(head)
        received = format_name(head) if packing is None else packing.name
        raise mismatch(path.suffix, received, promised.name)
    return member or name, packing


def _check_inside(first: bytes, packing: Packing | None) -> None:
    """Refuses a content that is of a kind that cannot be read."""
    inner = find_packing(first)
    if packing is not None and inner is not None and inner is not ZIP:
        raise VectorFileError(
            f"A {packing.name} file must contain text or word2vec binary; "
            "unpack any other format first. Received: "
            f"{inner.name} in {packing.name}"
        )
    check_kind(first, None if packing is None else packing.name)


def _blocks(
    stream: Any,
    raw: BinaryIO,
    size: int,
    packing: Packing | None,
    progress: ReadProgress | None,
) -> Iterator[bytes]:
    """Yields blocks of a file, unpacked, and reports the progress."""
    while True:
        if packing is None:
            block = stream.read(BLOCK_BYTES)
        else:
            with reports_damage(packing.name):
                block = stream.read(BLOCK_BYTES)
        if progress is not None:
            progress(min(raw.tell(), size), size)
        if not block:
            return
        yield block


def _irregular(path: str) -> str | None:
    """Names what a path is if it is neither a file nor a directory."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


@contextlib.contextmanager
def _spooled(path: str, kind: str) -> Iterator[str]:
    """Copies a pipe to a temporary file, since some formats need to seek."""
    if kind != "a pipe":
        raise VectorFileError(f"This must be a file. Received: {kind}")
    with (
        tempfile.NamedTemporaryFile(prefix="kd_keras-") as copy,
        open(path, "rb") as pipe,
    ):
        shutil.copyfileobj(pipe, copy, BLOCK_BYTES)
        copy.flush()
        yield copy.name
