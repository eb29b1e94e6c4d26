"""The JSON file that describes a folder, read with clear errors."""

import json
from pathlib import Path
from typing import Any

from kd_keras.utils.checks import short_repr
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.whole_file import write_whole

FORMAT = 1


def write_description(path: Path, description: dict[str, Any]) -> None:
    """Writes a description as JSON, complete or not at all.

    Args:
        path: path. The file to write.
        description: dict of JSON values.
    """
    text = json.dumps({"format": FORMAT} | description, indent=1)
    write_whole(path, text + "\n")


def read_description(
    path: Path, wanted: str, damaged: str = "is damaged"
) -> dict[str, Any]:
    """Reads a description.

    Args:
        path: path. The file, in the folder that it describes.
        wanted: str. The beginning of an error message, such as
            "--codebooks must be ...".
        damaged: str. The words of the error message for a file that cannot be
            parsed.

    Returns:
        dict. The description.

    Raises:
        BadInputError: If there is no description that this version can read.
    """
    folder = path.parent
    if not folder.is_dir():
        what = "a file" if folder.exists() else "which does not exist"
        raise BadInputError(f"{wanted}. Received: {folder}, {what}")
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        found = description["format"]
    except FileNotFoundError:
        raise BadInputError(
            f"{wanted}. Received: {folder}, without a {path.name}"
        ) from None
    except OSError as error:
        raise BadInputError(
            f"{wanted}. Received: {folder}, whose {path.name} cannot be read: "
            f"{error.strerror}"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInputError(
            f"{wanted}. Received: {folder}, whose {path.name} {damaged}"
        ) from None
    if found != FORMAT:
        raise BadInputError(
            f"{wanted}. Received: {folder}, whose {path.name} has format "
            f"{short_repr(found)}; this version reads format {FORMAT}"
        )
    return description
