"""JSON files of training runs and their results."""

import json
from pathlib import Path
from typing import Any

from kd_keras.utils.errors import BadInputError
from kd_keras.utils.whole_file import write_whole


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Args:
        path: path. The file.

    Returns:
        The value in the file.

    Raises:
        BadInputError: If it is not a readable JSON file.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(f"{path} cannot be read: {error}") from None


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file, complete or not at all.

    Args:
        path: path. The file.
        value: A JSON value.
    """
    write_whole(path, json.dumps(value, indent=2) + "\n")
