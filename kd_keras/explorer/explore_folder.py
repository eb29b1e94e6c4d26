"""Writing the page that shows the codes of a compressed folder."""

import os
from pathlib import Path

from kd_keras.explorer.explorer_page import explorer_page
from kd_keras.explorer.folder_contents import read_folder
from kd_keras.folders.report_file import read_report
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.folder_lock import folder_lock
from kd_keras.utils.whole_file import remove_parts, write_whole

NAME = "explorer.html"
MOST_SYMBOLS = 50_000


def explore_folder(
    path: str | os.PathLike[str], symbols: int = MOST_SYMBOLS
) -> Path:
    """Writes `explorer.html` into a folder that `kd-keras compress` wrote.

    The page needs no other file and no network. The user can search for a
    symbol and see its code, the symbols that share all or part of it, the
    nearest codes, the symbol's neighbours before and after compression, and
    how often the values of each position are used. An earlier page is
    replaced.

    Args:
        path: path. The folder.
        symbols: int, at least 1. Most symbols on the page, the first ones. The
            size of the page grows with them: 50,000 take 3-4 MB at K = 16,
            D = 32.

    Returns:
        The path of the page.

    Raises:
        BadInputError: If `symbols` is less than 1, if a file of the folder is
            missing or damaged, if the page cannot be written, or if another
            command is writing the folder.
    """
    if symbols < 1:
        raise BadInputError(
            f"--symbols must be at least 1. Received: --symbols {symbols}"
        )
    target = Path(path) / NAME
    folder = Path(os.path.realpath(path))
    read_report(path)  # a folder that is not there has no lock
    try:
        with folder_lock(folder):
            page = explorer_page(read_folder(path), symbols)
            remove_parts(folder)
            write_whole(target, page)
    except OSError as error:
        raise BadInputError(
            f"{target} cannot be written: {error.strerror}"
        ) from None
    return target
