"""A folder with the codes of one shard of a table.

It contains `codes.npz`, like that of a compressed table but with only the rows
of the shard; `embedding.keras`, a copy of the codebooks' file, so that merging
needs no other folder; and `shard.json`, the fields of `Shard`.
"""

import collections
import dataclasses
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kd_keras.codes.packing import unpack_codes
from kd_keras.folders.codebooks_folder import (
    Codebooks,
    is_identity,
    make_codebooks,
)
from kd_keras.folders.description_file import read_description
from kd_keras.utils.errors import BadInputError
from kd_keras.vectors.npz_arrays import read_arrays
from kd_keras.version import __version__


@dataclasses.dataclass(frozen=True)
class Shard:
    """The description of a folder with the codes of some rows of a table.

    Attributes:
        folder: str. The folder.
        i, n: int. The folder is shard i of n, with i from 1 to n.
        rows: tuple of int. The first row, and the row after the last one.
        block: int. Number of rows that were encoded together.
        table: dict. The table, see `table_identity`.
        codebooks: `Codebooks`.
        vectors, duplicates, codebooks_folder: str. As in the command.
        seconds: float. Time that reading and encoding took.
        words, tensor: str, bool or None. As in the command.
        kd_keras: str. Version of kd_keras that encoded the rows.
    """

    folder: str
    i: int
    n: int
    rows: tuple[int, int]
    block: int
    table: dict[str, Any]
    codebooks: Codebooks
    vectors: str
    duplicates: str
    codebooks_folder: str
    seconds: float
    words: str | bool | None = None
    tensor: str | None = None
    kd_keras: str = __version__

    def codes(self) -> np.ndarray:
        """Reads the codes.

        Returns:
            array of int, shape `(rows, D)`.

        Raises:
            BadInputError: If the file is missing or damaged.
        """
        path = Path(self.folder, "codes.npz")
        K, D = self.codebooks.K, self.codebooks.D
        try:
            codes = unpack_codes(read_arrays(path, "codes")["codes"], K, D)
        except (OSError, ValueError):
            codes = None
        count = self.rows[1] - self.rows[0]
        if codes is None or len(codes) != count:
            raise BadInputError(
                f"A shard's codes.npz must contain {count:,} codes with K={K}, "
                f"D={D}. Received: {path}, which does not"
            )
        return codes


def read_shard(folder: str | os.PathLike[str]) -> Shard:
    """Reads the description of the shard in a folder.

    Args:
        folder: path.

    Returns:
        `Shard`.

    Raises:
        BadInputError: If the folder does not contain a shard.
    """
    wanted = "SHARD must be a folder written by kd-keras compress --shard"
    description = read_description(Path(folder, "shard.json"), wanted)
    description |= {
        "folder": os.fspath(folder),
        "codebooks": make_codebooks(description.get("codebooks")),
    }
    names = [field.name for field in dataclasses.fields(Shard)]
    description = {"words": None, "tensor": None} | description
    missing = [
        n
        for n in names
        if n not in description or not _is_valid(n, description[n])
    ]
    if not missing and description["i"] > description["n"]:
        missing = ["i"]
    if missing or not Path(folder, "embedding.keras").is_file():
        what = f"a valid {missing[0]}" if missing else "an embedding.keras"
        raise BadInputError(f"{wanted}. Received: {folder}, without {what}")
    return Shard(**{name: description[name] for name in names})


def _is_valid(name: str, value: Any) -> bool:
    """Returns whether a field of `Shard` has a value of its type."""
    if name == "codebooks":
        return value is not None
    if name == "table":
        return is_identity(value)
    if name == "rows":
        return (
            isinstance(value, list)
            and len(value) == 2
            and all(type(row) is int for row in value)
            and 0 <= value[0] <= value[1]
        )
    if name in ("i", "n", "block"):
        return type(value) is int and value >= 1
    if name == "seconds":
        return type(value) in (int, float)
    if name == "words":
        return value is None or isinstance(value, str | bool)
    if name == "tensor":
        return value is None or isinstance(value, str)
    return isinstance(value, str)


def check_shards(shards: Sequence[Shard]) -> list[Shard]:
    """Checks that all shards are from one table, and puts them in order.

    Args:
        shards: sequence of `Shard`, not empty, in any order.

    Returns:
        list of `Shard`. The n shards, ordered by number.

    Raises:
        BadInputError: If a shard is missing, given twice, or from another
            table or other codebooks. The message names the shard.
    """
    kinds = [_kind(shard) for shard in shards]
    # The majority is taken as right; with two that differ, the first one.
    common = collections.Counter(kinds).most_common(1)[0][0]
    right = shards[kinds.index(common)]
    for shard, kind in zip(shards, kinds, strict=True):
        for what, mine, usual in zip(KIND, kind, common, strict=True):
            if mine != usual:
                raise BadInputError(
                    "The shards must be from one table and one set of "
                    f"codebooks, those of {right.folder}. Received: "
                    f"{shard.folder}, {what.format(mine)}"
                )
    by_number: dict[int, Shard] = {}
    for shard in shards:
        other = by_number.setdefault(shard.i, shard)
        if other is not shard:
            raise BadInputError(
                "Each shard must be given once. Received: shard "
                f"{shard.i}/{shard.n} in {other.folder} and in {shard.folder}"
            )
    n = right.n
    missing = n - len(by_number)
    if missing:  # a damaged file may name any n, so no list of them
        first = next(i for i in itertools.count(1) if i not in by_number)
        more = f" and {missing - 1:,} more" if missing > 1 else ""
        raise BadInputError(
            f"All {n} shards must be given. Received: {len(shards)}, without "
            f"shard {first}/{n}{more}"
        )
    return [by_number[i] for i in range(1, n + 1)]


# What shards of one table have in common, worded for one that differs.
KIND = (
    "one of {} shards",
    "from a table of {} symbols",
    "from vectors of size {}",
    "from another table (SHA-256 of a sample {})",
    "with other codebooks (SHA-256 {})",
    "encoded {} rows at a time",
    "encoded by kd_keras {}",
)


def _kind(shard: Shard) -> tuple[Any, ...]:
    table = shard.table
    return (
        shard.n,
        table.get("N"),
        table.get("d"),
        table.get("sampled_sha256"),
        shard.codebooks.sha256,
        shard.block,
        shard.kd_keras,
    )
