"""Files that appear complete or not at all."""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

_PART = re.compile(r"\.kd-keras\.[0-9a-f]{16}\.partial[.a-z0-9]{0,16}")


@contextlib.contextmanager
def whole_file(path: Path, ending: str = "") -> Iterator[Path]:
    """Yields a temporary path that takes the place of `path` at the end.

    The temporary file is beside `path`, so that the last step is a rename. If
    the body raises an error, the temporary file is removed and what was at
    `path` stays as it was. A symbolic link stays one, an existing file keeps
    its mode, and a device or pipe is written to itself.

    Args:
        path: path. The file to be. An existing file is replaced.
        ending: str. How the name of the temporary file must end, for writers
            that decide by it.

    Example:

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "text.txt")
    >>> with whole_file(path) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> path.read_text(), len(list(path.parent.iterdir()))
    ('whole', 1)
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        yield path
        return
    # No part of `path.name`, which may be as long as a name can be.
    name = f".kd-keras.{secrets.token_hex(8)}.partial{ending}"
    temporary = path.with_name(name)
    try:
        yield temporary
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, text: str) -> None:
    """Writes a text file, complete or not at all.

    Args:
        path: path. The file to be. An existing file is replaced.
        text: str. Its content. It is written as UTF-8, line breaks as they
            are.
    """
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def is_part(name: str) -> bool:
    """Returns whether a name is that of a temporary file of `whole_file`.

    Example:

    >>> is_part(".kd-keras.0123456789abcdef.partial"), is_part("a.partial")
    (True, False)
    """
    return _PART.fullmatch(name) is not None


def remove_parts(folder: Path) -> None:
    """Removes the temporary files that killed commands have left in a folder.

    Args:
        folder: path. No other command is writing to it. It need not exist.
    """
    if folder.is_dir():
        for name in os.listdir(folder):
            if is_part(name):
                (folder / name).unlink(missing_ok=True)
