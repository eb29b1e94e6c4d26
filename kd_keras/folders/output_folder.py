"""Output folders that appear complete or not at all."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from kd_keras.utils.errors import BadInputError
from kd_keras.utils.interrupts import shielded

# The files of a result.
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
# `--force` may replace a folder that contains only these.
REPLACEABLE = (*FILES, "codebooks.json", "shard.json")


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
            be replaced, or its parent folder does not exist.
    """
    if not os.fspath(output):
        raise BadInputError(
            "--output must name a folder. Received: --output ''"
        )
    path = Path(os.path.realpath(output))
    try:
        inside = sorted(os.listdir(path))
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
    others = [name for name in inside if name not in REPLACEABLE]
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
    if not path.parent.is_dir():
        raise BadInputError(
            "--output must be in an existing folder. Received: "
            f"{output}, but {path.parent} does not exist"
        )
    return path


def check_writable(output: Path) -> None:
    """Checks that a folder can be created at `output`.

    Args:
        output: path, as returned by `check_output`.

    Raises:
        BadInputError: If it cannot be created.
    """
    temporary = _beside(output, "partial")
    _make(temporary, output)
    temporary.rmdir()


@contextlib.contextmanager
def new_folder(output: Path, force: bool = False) -> Iterator[Path]:
    """Creates a temporary folder that replaces `output` at the end.

    It is beside `output`, so that the last step is a rename. If the body
    raises an exception, it is removed and `output` is left untouched.

    Args:
        output: path, as returned by `check_output`.
        force: bool. Whether an earlier result may be replaced.

    Yields:
        path. The temporary folder.

    Raises:
        BadInputError: If no folder can be created there.
    """
    temporary = _beside(output, "partial")
    try:
        _make(temporary, output)
        yield temporary
        with shielded():
            _replace(temporary, check_output(output, force))
    except BaseException:
        with shielded():
            shutil.rmtree(temporary, ignore_errors=True)
        raise


def _make(temporary: Path, output: Path) -> None:
    try:
        # Not tempfile.mkdtemp: only the user could read its folder.
        temporary.mkdir()
    except OSError as error:
        raise BadInputError(
            "--output must be in a writable folder. "
            f"Received: {output}, {error.strerror}"
        ) from None


def _replace(temporary: Path, output: Path) -> None:
    if not output.exists():
        temporary.rename(output)
        return
    old = _beside(output, "old")
    output.rename(old)
    try:
        temporary.rename(output)
    except BaseException:
        old.rename(output)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _beside(output: Path, what: str) -> Path:
    return output.with_name(f".{output.name}.{secrets.token_hex(4)}.{what}")
