"""A folder with learned code embeddings, from which shards are encoded.

It holds `embedding.keras`, the `KDEmbedding` of the rows that were learned
from, and `codebooks.json`, the fields of `Codebooks`.
"""

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kd_keras.folders.description_file import (
    read_description,
    write_description,
)
from kd_keras.search.learning_sample import is_large
from kd_keras.utils.errors import BadInputError
from kd_keras.version import __version__

if TYPE_CHECKING:
    from kd_keras.layers.kd_embedding import KDEmbedding

# What must be the same wherever the codebooks are used.
SETTINGS = ("K", "D", "composition", "code_dim", "seed", "effort")


@dataclasses.dataclass(frozen=True)
class Codebooks:
    """Code embeddings in a folder.

    Attributes:
        K, D, composition, code_dim, seed, effort: As in `learn_codes`.
        table: The table that they were learned from, see `table_identity`.
        learned_rows: How many of its rows they were learned from.
        sha256: Of all weights: tells these codebooks from others.
        seconds: What learning them took.
        kd_keras: The version that learned them.
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
        """What must be the same wherever they are used."""
        return {name: getattr(self, name) for name in SETTINGS}

    def hold_codes_of(self, table: dict[str, Any]) -> bool:
        """Tells whether they were learned together with this table's codes.

        Then `embedding.keras` has them.
        """
        return not is_large(table["N"], self.K) and self.table == table


def write_codebooks(
    folder: Path,
    embedding: "KDEmbedding",
    settings: dict[str, Any],
    table: dict[str, Any],
    seconds: float,
) -> Codebooks:
    """Writes what `learn_codebooks` returned.

    Args:
        folder: An empty folder.
        embedding: Built `KDEmbedding` of the rows that were learned from.
        settings: K, D, composition, code_dim, seed and effort.
        table: What `table_identity` gave.
        seconds: float, what it took.

    Returns:
        The `Codebooks`.
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
    """Reads what a folder of codebooks says of itself.

    Args:
        folder: The folder.

    Returns:
        A `Codebooks`.

    Raises:
        BadInputError: If it is no such folder.
    """
    wanted = (
        "--codebooks must be a folder of kd-keras compress --codebooks-only"
    )
    path = Path(folder, "codebooks.json")
    codebooks = codebooks_of(read_description(path, wanted))
    if codebooks is None:
        raise BadInputError(
            f"{wanted}. Received: {folder}, whose codebooks.json is damaged "
            "or of another version"
        )
    if not Path(folder, "embedding.keras").is_file():
        raise BadInputError(
            f"{wanted}. Received: {folder}, without an embedding.keras"
        )
    return codebooks


def codebooks_of(description: Any) -> Codebooks | None:
    """Makes a `Codebooks` of its fields; None where some are missing."""
    names = [field.name for field in dataclasses.fields(Codebooks)]
    try:
        return Codebooks(**{name: description[name] for name in names})
    except (KeyError, TypeError):
        return None
