"""Files that appear complete or not at all."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path that takes the place of `path` at the end.

    The temporary file is beside `path`, so that the last step is a rename. If
    the body raises an error, the temporary file is removed and what was at
    `path` stays as it was. A symbolic link stays one, an existing file keeps
    its mode, and a device or pipe is written to itself.

    Args:
        path: path. The file to be. An existing file is replaced.

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
    name = f".{secrets.token_hex(8)}.partial"
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
