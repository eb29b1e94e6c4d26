"""Output folders that appear complete or not at all."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from kd_keras.folders.place_folder import (
    MOVED,
    contents,
    fixed,
    place_folder,
    remove_leftovers,
    temporary_for,
)
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.folder_lock import folder_lock
from kd_keras.utils.interrupts import shielded
from kd_keras.utils.whole_file import is_part

# The files of a model that was made small, beside the reports.
MODEL_FILES = ("model.keras", "model.tflite")
# The files of a table's result.
FILES = (
    "embedding.keras",
    "embedding.tflite",
    "codes.npz",
    "vocabulary.txt",
    "neighbours.npz",
    "report.json",
    "report.html",
    "explorer.html",
)
# One of these describes a folder. It is written last.
MARKERS = ("report.json", "codebooks.json", "shard.json")
# `--force` may replace a folder that contains only these, one a marker.
REPLACEABLE = (*FILES, *MODEL_FILES, "codebooks.json", "shard.json")


@contextlib.contextmanager
def reserved(
    output: str | os.PathLike[str],
    force: bool = False,
    reads: Iterable[str | bool | None] = (),
) -> Iterator[Path]:
    """Keeps `output` for this command while the body runs.

    What a killed run has left of its attempt is removed.

    Args:
        output: path. The folder to write.
        force: bool. Whether an earlier result may be replaced.
        reads: Iterable of the values of options. Those that are paths are
            read by the body: `output` may not be one of them, or hold one.

    Yields:
        path. The result of `check_output`.

    Raises:
        BadInputError: If `output` may not be written, cannot be written, is
            or holds what is read, or another command is writing it.
    """
    path = check_output(output, force)
    for other in reads:
        if not isinstance(other, str):
            continue
        real = Path(os.path.realpath(other))
        if path in (real, *real.parents):
            raise BadInputError(
                "--output must not be or hold what is read. Received: "
                f"--output {output}, and {other} is read"
            )
    try:
        lock = contextlib.ExitStack()
        lock.enter_context(folder_lock(path))
    except OSError as error:
        raise _unwritable(output, error) from None
    with lock:
        remove_leftovers(path, _is_ours)
        check_output(output, force)  # the folder may have been brought back
        check_writable(path)
        yield path


def check_output(output: str | os.PathLike[str], force: bool = False) -> Path:
    """Checks that a result may be written to `output`; writes nothing.

    Args:
        output: path. The folder to write.
        force: bool. Whether an earlier result may be replaced.

    Returns:
        path. `output` with links resolved, so that a rename acts on the
        folder.

    Raises:
        BadInputError: If `output` is a file or a non-empty folder that may not
            be replaced or cannot be, or its parent folder does not exist.
    """
    if not os.fspath(output):
        raise BadInputError(
            "--output must name a folder. Received: --output ''"
        )
    path = Path(os.path.realpath(output))
    try:
        inside = contents(path)
    except FileNotFoundError:
        inside = []
    except NotADirectoryError:
        what = "a file" if path.exists() else "a path through a file"
        raise BadInputError(
            f"--output must be a folder. Received: {output}, {what}"
        ) from None
    except OSError as error:
        raise BadInputError(
            f"--output must be a readable folder. Received: {output}, "
            f"{error.strerror}"
        ) from None
    others = [name for name in inside if not _is_replaceable(path / name)]
    if others:
        raise BadInputError(
            "--output must be a new or empty folder, or with --force an "
            f"earlier result. Received: {output}, which contains {others[0]!r}"
            + (f" and {len(others) - 1} more" if len(others) > 1 else "")
        )
    if inside and not force:
        raise BadInputError(
            "--output must be a new or empty folder; --force replaces the "
            f"earlier result. Received: {output}, which contains {inside[0]!r}"
        )
    if inside and not _has_marker(path):
        raise BadInputError(
            "--force replaces only an earlier result, with one of "
            f"{', '.join(MARKERS)}. Received: {output}, which has none that "
            "can be read"
        )
    if inside and (why := fixed(path)):
        raise BadInputError(
            "--force must be able to move the earlier result away; remove its "
            f"files, or choose another folder. Received: {output}, {why}"
        )
    if not path.parent.is_dir():
        raise BadInputError(
            "--output must be in an existing folder. Received: "
            f"{output}, but {path.parent} does not exist"
        )
    return path


def _is_replaceable(path: Path) -> bool:
    """Returns whether a path is a file with a name that results have."""
    is_file = path.is_file() and not path.is_symlink()
    return path.name in REPLACEABLE and is_file


def _has_marker(folder: Path) -> bool:
    for name in MARKERS:
        with contextlib.suppress(OSError, ValueError, RecursionError):
            found = json.loads((folder / name).read_text(encoding="utf-8"))
            if isinstance(found, dict) and "format" in found:
                return True
    return False


def _is_ours(folder: Path) -> bool:
    """Returns whether a temporary folder holds only parts of a result."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return all(
        name in (*REPLACEABLE, MOVED)
        or is_part(name)
        or any(name.startswith(f".{file}.") for file in FILES)
        for name in os.listdir(folder)
    )


def check_writable(output: Path) -> None:
    """Checks that a folder can be created at `output`, or filled.

    Args:
        output: path, as returned by `check_output`.

    Raises:
        BadInputError: If it cannot be created.
    """
    temporary = temporary_for(output)
    _make(temporary, output)
    temporary.rmdir()


@contextlib.contextmanager
def new_folder(output: Path, force: bool = False) -> Iterator[Path]:
    """Creates a temporary folder that becomes `output` at the end.

    It is on the same file system, so that the last step is a rename, or one
    rename per file if `output` exists and is empty. If the body raises an
    exception, it is removed and `output` is left untouched.

    Args:
        output: path, as returned by `check_output`.
        force: bool. Whether an earlier result may be replaced.

    Yields:
        path. The temporary folder.

    Raises:
        BadInputError: If no folder can be created there.
    """
    temporary = temporary_for(output)
    try:
        _make(temporary, output)
        yield temporary
        with shielded():
            place_folder(temporary, check_output(output, force), MARKERS)
    except BaseException:
        with shielded():
            shutil.rmtree(temporary, ignore_errors=True)
        raise


def _make(temporary: Path, output: Path) -> None:
    try:
        # Not tempfile.mkdtemp: only the user could read its folder.
        temporary.mkdir()
    except OSError as error:
        raise _unwritable(output, error) from None


def _unwritable(
    output: str | os.PathLike[str], error: OSError
) -> BadInputError:
    return BadInputError(
        "--output must be in a writable folder. "
        f"Received: {output}, {error.strerror}"
    )
