"""Kills simulated in this process: from one moment on, no file changes.

An audit hook sees what Python does to files. The chosen change and all later
ones raise errors, those of handlers that would clean up included, so that a
folder stays as SIGKILL would leave it. What other libraries write is not seen.
"""

import contextlib
import errno
import os
import sys

CHANGES = {
    "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate",
    "shutil.rmtree", "shutil.copyfile", "shutil.move",
}  # fmt: skip
_state = {"folder": None, "left": 0, "seen": 0, "killed": False}


class Killed(BaseException):
    """Raised at the chosen change."""


def _hook(event, given):
    folder = _state["folder"]
    if folder is None:
        return
    if event == "open":
        path, _, flags = given
        if not isinstance(path, str) or not flags & (os.O_WRONLY | os.O_RDWR):
            return
    elif event in CHANGES:
        path = given[0]
    else:
        return
    if not os.path.abspath(path).startswith(folder):
        return
    if _state["killed"]:
        raise OSError(errno.EIO, "the process is dead")
    _state["seen"] += 1
    if _state["seen"] == _state["left"]:
        _state["killed"] = True
        raise Killed


sys.addaudithook(_hook)


@contextlib.contextmanager
def killed_at(change, folder):
    """Kills the body before its `change`-th change in a folder, from 1 on.

    Yields:
        dict, whose `killed` and `seen` tell whether that many came.
    """
    folder = os.path.realpath(folder)
    _state.update(folder=folder, left=change, seen=0, killed=False)
    try:
        yield _state
    except (Killed, OSError):
        if not _state["killed"]:
            raise
    finally:
        _state["folder"] = None
