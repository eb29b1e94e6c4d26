"""Puts a finished temporary folder in its place.

A folder that does not exist appears by a rename. One that exists and is empty
is filled: it may be a mount point, or a shell may stand in it. One that holds
an earlier result is exchanged.

A kill may leave a temporary folder behind. `remove_leftovers` removes it; the
caller holds the lock of the folder, so that no other run uses it.
"""

import contextlib
import ctypes
import errno
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from kd_keras.utils.whole_file import is_part, remove_parts

MOVED = "moved.json"  # in a temporary folder: what is moved out of it
_ENDING = r"\.[0-9a-f]{8}\.(?:partial|old)"
INSIDE = "kd-keras"  # names what is temporary inside a folder
UNFINISHED = ".kd-keras.unfinished"  # of `UnfinishedRun`


def temporary_beside(folder: Path, ending: str = "partial") -> Path:
    """Returns a new path beside a folder, for what will replace it."""
    return folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.{ending}")


def temporary_for(folder: Path) -> Path:
    """Returns a new path on the file system that a folder will be on.

    Args:
        folder: path. If it exists and holds nothing, the temporary path is
            inside, otherwise beside.
    """
    if folder.is_dir() and not contents(folder):
        return folder / f".{INSIDE}.{secrets.token_hex(4)}.partial"
    return temporary_beside(folder)


def is_temporary(name: str, of: str) -> bool:
    """Returns whether a name is one that this package makes for `of`."""
    return re.fullmatch(rf"\.{re.escape(of)}{_ENDING}", name) is not None


def contents(folder: Path) -> list[str]:
    """Lists a folder, without what a killed run has left in it.

    Args:
        folder: path.

    Returns:
        list of str, sorted.
    """
    left = {*_left_inside(folder), UNFINISHED}
    return [name for name in sorted(os.listdir(folder)) if name not in left]


def fixed(folder: Path) -> str | None:
    """Says why a folder that is not empty cannot be renamed, if it cannot."""
    with contextlib.suppress(OSError):
        if os.path.samefile(folder, os.curdir):
            return "the current directory"
    if os.path.ismount(folder):
        return "a mount point"
    # A mount of the same file system is found by trying: this never removes
    # a folder with files, and says "busy" for a mount point.
    try:
        os.rmdir(folder)
    except OSError as error:
        return "a mount point" if error.errno == errno.EBUSY else None
    return None


def place_folder(temporary: Path, folder: Path, last: Collection[str]) -> None:
    """Puts a temporary folder in the place of a folder.

    The caller has checked that `folder` may be written.

    Args:
        temporary: path, as returned by `temporary_for`.
        folder: path. It does not exist, is empty, or will be replaced.
        last: names of files that make the folder complete; moved last.
    """
    if not folder.exists():
        temporary.rename(folder)
    elif not contents(folder):
        _fill(temporary, folder, last)
    elif _exchange(temporary, folder):
        shutil.rmtree(temporary, ignore_errors=True)
    else:
        old = temporary_beside(folder, "old")
        folder.rename(old)
        try:
            temporary.rename(folder)
        except BaseException:
            old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)


def remove_leftovers(folder: Path, is_ours: Callable[[Path], bool]) -> None:
    """Removes what killed runs have left beside and inside a folder.

    An earlier result that such a run had moved away gets its name back.

    Args:
        folder: path. The caller holds its lock.
        is_ours: callable. Whether a temporary folder holds only what this
            package writes; otherwise it stays.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir(folder.parent):
            path = folder.parent / name
            if not is_temporary(name, folder.name) or not is_ours(path):
                continue
            if name.endswith(".old") and not folder.exists():
                path.rename(folder)
            else:
                shutil.rmtree(path, ignore_errors=True)
    if not folder.is_dir():
        return
    remove_parts(folder)
    for name in _left_inside(folder):
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            if not is_temporary(name, INSIDE):
                shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for name in os.listdir(folder):  # these last: they list the others
        if is_temporary(name, INSIDE):
            shutil.rmtree(folder / name, ignore_errors=True)


def _left_inside(folder: Path) -> list[str]:
    """Lists what killed runs have left in a folder."""
    left = []
    for name in os.listdir(folder):
        if is_temporary(name, INSIDE):
            left += [name, *_moved_by(folder / name, folder)]
        elif is_part(name):
            left.append(name)
    return left


def _moved_by(temporary: Path, folder: Path) -> list[str]:
    """Lists what an unfinished run has moved from `temporary` to `folder`."""
    try:
        moved = json.loads((temporary / MOVED).read_text("utf-8"))
        if os.listdir(temporary) == [MOVED]:  # it had moved everything
            return []
        return [n for n, mark in moved.items() if _mark(folder / n) == mark]
    except (OSError, ValueError, AttributeError):
        return []


def _mark(path: Path) -> list[int] | None:
    """Returns numbers that distinguish a file from any other."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def _fill(temporary: Path, folder: Path, last: Collection[str]) -> None:
    """Moves files one by one into a folder that is empty."""
    names = sorted(os.listdir(temporary), key=lambda n: (n in last, n))
    marks = {name: _mark(temporary / name) for name in names}
    (temporary / MOVED).write_text(json.dumps(marks), "utf-8")
    moved: list[Path] = []
    try:
        for name in names:
            if os.path.lexists(folder / name):
                raise FileExistsError(f"{folder / name} has appeared meanwhile")
            os.rename(temporary / name, folder / name)
            moved.append(folder / name)
    except BaseException:
        for path in moved:
            _remove(path)
        raise
    shutil.rmtree(temporary, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges two folders in one step; False if the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        rename: Any = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    names = os.fsencode(one), os.fsencode(other)
    return rename(here, names[0], here, names[1], exchange) == 0
