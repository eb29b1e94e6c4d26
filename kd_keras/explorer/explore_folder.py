"""From a compressed folder to a page on which one can look at its codes."""

import os
from pathlib import Path

from kd_keras.explorer.explorer_page import explorer_page
from kd_keras.explorer.folder_contents import read_folder
from kd_keras.utils.errors import BadInputError

NAME = "explorer.html"
MOST_SYMBOLS = 50_000


def explore_folder(
    path: str | os.PathLike[str], symbols: int = MOST_SYMBOLS
) -> Path:
    """Writes `explorer.html` into a folder of `kd-keras compress`.

    The page needs no other file and no network: search a symbol, see its
    code, the symbols that share it or some of it, the nearest codes, its
    neighbours before and after, and how the values of each position are used.
    An earlier page is replaced.

    Args:
        path: The folder.
        symbols: The first so many symbols are on the page, which grows with
            them: 50,000 take 3 to 4 MB at K = 16, D = 32.

    Returns:
        The page's path.

    Raises:
        BadInputError: If an argument is wrong, or a file of the folder is.
    """
    if symbols < 1:
        raise BadInputError(
            f"--symbols must be at least 1. Received: --symbols {symbols}"
        )
    page = explorer_page(read_folder(path), symbols)
    target = Path(path) / NAME
    temporary = target.with_name(f".{NAME}.partial")
    try:
        temporary.write_text(page, encoding="utf-8", newline="\n")
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BadInputError(
            f"{target} cannot be written: {error.strerror}"
        ) from None
    return target
