"""A folder with learned code embeddings, which shards are encoded with.

It contains `embedding.keras`, the `KDEmbedding` of the rows that the code
embeddings were learned from, and `codebooks.json`, the fields of `Codebooks`.
"""

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kd_keras.codes.checks import check_kd
from kd_keras.folders.description_file import (
    read_description,
    write_description,
)
from kd_keras.search.learning_sample import is_large
from kd_keras.utils.errors import BadInputError
from kd_keras.version import __version__

if TYPE_CHECKING:
    from kd_keras.layers.kd_embedding import KDEmbedding

# Settings that must be the same wherever the codebooks are used.
SETTINGS = ("K", "D", "composition", "code_dim", "seed", "effort")


@dataclasses.dataclass(frozen=True)
class Codebooks:
    """The description of the code embeddings in a folder.

    Attributes:
        K, D, composition, code_dim, seed, effort: As in `learn_codes`.
        table: dict. The table that they were learned from, see
            `table_identity`.
        learned_rows: int. Number of rows that they were learned from.
        sha256: str. Digest of the settings and all weights, which
            distinguishes these codebooks from others.
        seconds: float. Time that learning took.
        kd_keras: str. Version of kd_keras that learned them.
    """

    K: int
    D: int
    composition: str
    code_dim: int | None
    seed: int
    effort: float
    table: dict[str, Any]
    learned_rows: int
    sha256: str
    seconds: float
    kd_keras: str = __version__

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that must be the same wherever they are used."""
        return {name: getattr(self, name) for name in SETTINGS}

    def hold_codes_of(self, table: dict[str, Any]) -> bool:
        """Checks whether they were learned together with this table's codes.

        If so, `embedding.keras` contains these codes.

        Args:
            table: dict. The result of `table_identity`.

        Returns:
            bool.
        """
        return not is_large(table["N"], self.K) and self.table == table


def write_codebooks(
    folder: Path,
    embedding: "KDEmbedding",
    settings: dict[str, Any],
    table: dict[str, Any],
    seconds: float,
) -> Codebooks:
    """Writes the result of `learn_codebooks` to a folder.

    Args:
        folder: path. An empty folder.
        embedding: `KDEmbedding`, built, of the rows that were learned from.
        settings: dict. K, D, composition, code_dim, seed and effort.
        table: dict. The result of `table_identity`.
        seconds: float. Time that learning took.

    Returns:
        `Codebooks`.
    """
    from kd_keras.folders.embedding_file import save_embedding

    save_embedding(embedding, folder / "embedding.keras")
    digest = hashlib.sha256(repr(sorted(settings.items())).encode())
    for array in (embedding.codes, *embedding.composition.get_weights()):
        digest.update(np.ascontiguousarray(array).tobytes())
    codebooks = Codebooks(
        **settings,
        table=table,
        learned_rows=embedding.input_dim,
        sha256=digest.hexdigest(),
        seconds=round(seconds, 2),
    )
    write_description(folder / "codebooks.json", dataclasses.asdict(codebooks))
    return codebooks


def read_codebooks(folder: str | os.PathLike[str]) -> Codebooks:
    """Reads the description in a folder of codebooks.

    Args:
        folder: path.

    Returns:
        `Codebooks`.

    Raises:
        BadInputError: If it is not a folder of codebooks.
    """
    wanted = (
        "--codebooks must be a folder written by kd-keras compress "
        "--codebooks-only"
    )
    path = Path(folder, "codebooks.json")
    codebooks = make_codebooks(read_description(path, wanted))
    if codebooks is None:
        raise BadInputError(
            f"{wanted}. Received: {folder}, whose codebooks.json is damaged "
            "or from another version"
        )
    if not Path(folder, "embedding.keras").is_file():
        raise BadInputError(
            f"{wanted}. Received: {folder}, without an embedding.keras"
        )
    return codebooks


def make_codebooks(description: Any) -> Codebooks | None:
    """Makes a `Codebooks` from a dict of its fields; None if some are wrong.

    Args:
        description: The contents of a JSON file.

    Returns:
        `Codebooks` or None.
    """
    names = [field.name for field in dataclasses.fields(Codebooks)]
    try:
        found = Codebooks(**{name: description[name] for name in names})
        check_kd(found.K, found.D)
        sizes = (found.seed, found.learned_rows)
        is_valid = (
            all(type(x) is int for x in (found.K, found.D, *sizes))
            and all(
                type(x) in (int, float) for x in (found.effort, found.seconds)
            )
            and (found.code_dim is None or type(found.code_dim) is int)
            and all(
                isinstance(x, str)
                for x in (found.composition, found.sha256, found.kd_keras)
            )
            and is_identity(found.table)
        )
    except (KeyError, TypeError, ValueError):
        return None
    return found if is_valid else None


def is_identity(value: Any) -> bool:
    """Returns whether a JSON value can be a result of `table_identity`."""
    return (
        isinstance(value, dict)
        and all(type(value.get(name)) is int for name in "Nd")
        and isinstance(value.get("sampled_sha256"), str)
    )
