"""A lock that keeps two commands from writing the same folder."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from kd_keras.utils.errors import BadInputError

try:
    import fcntl
except ImportError:  # Windows has no flock; nothing is locked there
    fcntl = None  # type: ignore[assignment]

_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_NO_FILE_BESIDE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder while the body runs.

    The lock is a file beside the folder, held with `flock`: the system
    releases it when the process ends, however it ends. It is removed at the
    end. If no file can be created there, the folder itself is locked. On a
    file system without locks, nothing is locked.

    Args:
        folder: path, absolute. It need not exist.

    Raises:
        BadInputError: If another process holds the lock.

    Example:

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with folder_lock(folder / "out"):
    ...     print([path.name for path in folder.iterdir()])
    ['.out.kd-keras.lock']
    >>> list(folder.iterdir())
    []
    """
    if fcntl is None:
        yield
        return
    file = folder.with_name(f".{folder.name}.kd-keras.lock")
    try:
        number = _lock_file(file, folder)
    except OSError as error:
        if error.errno not in _NO_FILE_BESIDE:
            raise
        with _locked_itself(folder):
            yield
        return
    try:
        yield
    finally:
        # Removed while it is held: whoever has opened it finds that out.
        with contextlib.suppress(OSError):
            file.unlink()
        os.close(number)


def _lock_file(file: Path, folder: Path) -> int:
    """Locks a file and returns its descriptor."""
    while True:
        number = os.open(file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o666)
        try:
            _lock(number, folder)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(number), os.lstat(file)):
                    return number
        except BaseException:
            os.close(number)
            raise
        os.close(number)  # removed by the command that held it before


@contextlib.contextmanager
def _locked_itself(folder: Path) -> Iterator[None]:
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:  # nothing there to write to; the caller finds out
        yield
        return
    try:
        _lock(number, folder)
        yield
    finally:
        os.close(number)


def _lock(number: int, folder: Path) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _TAKEN:  # no locks on this file system
            return
        raise BadInputError(
            "Only one command at a time may write a folder. Received: "
            f"{folder}, which another command is writing"
        ) from None
