"""A lock that keeps two commands from writing the same folder or file."""

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
def folder_lock(folder: Path, wait: bool = False) -> Iterator[None]:
    """Holds the lock of a folder or file while the body runs.

    The lock is a file beside it, held with `flock`: the system
    releases it when the process ends, however it ends. It is removed at the
    end. If no file can be created there, the path itself is locked. On a
    file system without locks, nothing is locked.

    Args:
        folder: path, absolute. It need not exist, but its parent must.
        wait: bool. Whether to wait while another process holds the lock.

    Raises:
        BadInputError: If another process holds the lock, unless `wait`.

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
        number = _lock_file(file, folder, wait)
    except OSError as error:
        if error.errno not in _NO_FILE_BESIDE:
            raise
        with _locked_itself(folder, wait):
            yield
        return
    try:
        yield
    finally:
        try:
            # Removed while it is held: whoever has opened it finds that out.
            with contextlib.suppress(OSError):
                file.unlink()
        finally:
            os.close(number)


def _lock_file(file: Path, folder: Path, wait: bool) -> int:
    """Locks a file and returns its descriptor."""
    while True:
        number = os.open(file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o666)
        try:
            _lock(number, folder, wait)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(number), os.lstat(file)):
                    return number
        except BaseException:
            os.close(number)
            raise
        os.close(number)  # removed by the command that held it before


@contextlib.contextmanager
def _locked_itself(folder: Path, wait: bool) -> Iterator[None]:
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:  # nothing there to write to; the caller finds out
        yield
        return
    try:
        _lock(number, folder, wait)
        yield
    finally:
        os.close(number)


def _lock(number: int, folder: Path, wait: bool) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno not in _TAKEN:  # no locks on this file system
            return
        raise BadInputError(
            "Only one command at a time may write a folder or file. Received: "
            f"{folder}, which another command is writing"
        ) from None
