"""Telling the files of an exported SavedModel from a user's."""

import re
from pathlib import Path

# What `export_saved_model` writes, relative to the folder.
_OURS = re.compile(
    r"saved_model\.pb|fingerprint\.pb|assets|moved\.json"
    r"|variables(/variables\.(index|data-\d+-of-\d+)|/.*_temp.*)?"
    r"|assets\.extra(/(kd_keras\.json|vocabulary(_[A-Za-z0-9_]+)?\.txt))?"
)
MARKER = "assets.extra/kd_keras.json"


def others_in(folder: Path) -> list[str]:
    """Lists what an export does not write, at any depth.

    Args:
        folder: path.

    Returns:
        list of str, relative to the folder, sorted.
    """
    paths = [(p.relative_to(folder).as_posix(), p) for p in folder.rglob("*")]
    return sorted(
        name
        for name, path in paths
        if path.is_symlink() or not _OURS.fullmatch(name)
    )


def is_saved_model(folder: Path) -> bool:
    """Returns whether a folder holds only parts of an exported SavedModel.

    Args:
        folder: path.
    """
    if folder.is_symlink() or not folder.is_dir():
        return False
    return not others_in(folder)
