"""What `kd-keras compress` is asked for, and whether it can be done."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

from kd_keras.codes.checks import check_kd
from kd_keras.codes.sizes import parameter_count
from kd_keras.export.litert.quiet_litert import need_litert
from kd_keras.folders.codebooks_folder import (
    SETTINGS,
    Codebooks,
    read_codebooks,
)
from kd_keras.search.effort import check_effort
from kd_keras.search.shards import shard_rows
from kd_keras.utils.errors import BadInputError, as_bad_input


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What `kd-keras compress` was asked for.

    Attributes:
        vectors: The file of vectors.
        K, D, composition, code_dim, seed, effort: As in `learn_codes`.
        duplicates: "error" or "first", as in `read_vectors`.
        output: The folder to be, or None for one named after the rest.
        force: Whether an earlier result there is replaced.
        litert: Precision of a `.tflite` file to be written too, "float32",
            "float16" or "int8", or None.
        codebooks_only: Whether the code embeddings are all that is written.
        codebooks: A folder with code embeddings to be used, or None to learn
            them. K to effort are theirs, see `make_arguments`.
        shard: "i/n": only the codes of shard i of n are found, 1 to n. None:
            all.
    """

    vectors: str
    K: int = 16
    D: int = 32
    composition: str = "linear"
    code_dim: int | None = None
    seed: int = 0
    effort: float = 1.0
    duplicates: str = "error"
    output: str | None = None
    force: bool = False
    litert: str | None = None
    codebooks_only: bool = False
    codebooks: str | None = None
    shard: str | None = None

    @property
    def folder(self) -> str:
        """The folder to be: `output`, or a name in the working directory."""
        if self.output is not None:
            return self.output
        name = Path(self.vectors).name.removesuffix(".gz")
        folder = f"{Path(name).stem}-K{self.K}-D{self.D}-{self.composition}"
        if self.codebooks_only:
            folder += "-codebooks"
        if self.shard is not None:
            folder += f"-shard-{self.shard.replace('/', '-of-')}"
        return folder

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the code embeddings, but for the table."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        return settings | {"effort": float(self.effort)}

    @property
    def command(self) -> str:
        """The command line, all options written out but --force."""
        words = ["kd-keras", "compress", self.vectors]
        words += ["--K", str(self.K), "--D", str(self.D)]
        words += ["--composition", self.composition]
        if self.code_dim is not None:
            words += ["--code-dim", str(self.code_dim)]
        words += ["--seed", str(self.seed), "--effort", repr(self.effort)]
        words += ["--duplicates", self.duplicates]
        if self.litert is not None:
            words += ["--litert", self.litert]
        if self.codebooks_only:
            words += ["--codebooks-only"]
        if self.codebooks is not None:
            words += ["--codebooks", self.codebooks]
        if self.shard is not None:
            words += ["--shard", self.shard]
        return shlex.join([*words, "--output", self.folder])


def make_arguments(**given: Any) -> Arguments:
    """Makes `Arguments` of what was given; what was not has its default.

    With `codebooks`, the defaults of K, D, composition, code_dim, seed and
    effort are what these were learned with.

    Raises:
        BadInputError: If `codebooks` is no folder of them.
    """
    if given.get("codebooks") is not None:
        given = read_codebooks(given["codebooks"]).settings | given
    return Arguments(**given)


def check_arguments(arguments: Arguments) -> Codebooks | None:
    """Checks what needs no table to be checked.

    Returns:
        The codebooks that are named, or None.

    Raises:
        BadInputError: If K, D or the seed is out of its range, options do not
            go together, there are no such codebooks, or LiteRT is asked for
            and not installed.
    """
    _check_options(arguments)
    if arguments.litert is not None:
        need_litert()
    as_bad_input(check_kd, arguments.K, arguments.D)
    if not 0 <= arguments.seed < 2**32:
        raise BadInputError(
            "--seed must be an integer from 0 to 4294967295. "
            f"Received: --seed {arguments.seed}"
        )
    as_bad_input(check_effort, arguments.effort)
    if arguments.codebooks is None:
        return None
    codebooks = read_codebooks(arguments.codebooks)
    for name, value in codebooks.settings.items():
        if getattr(arguments, name) != value:
            raise BadInputError(
                f"The codebooks in {arguments.codebooks} are of {name}={value}"
                f". Received: {name}={getattr(arguments, name)}"
            )
    return codebooks


def _check_options(arguments: Arguments) -> None:
    if arguments.codebooks_only:
        for name in ("codebooks", "shard", "litert"):
            if getattr(arguments, name) is not None:
                raise BadInputError(
                    "--codebooks-only learns code embeddings and finds no "
                    f"codes. Received: --codebooks-only with --{name}"
                )
    if arguments.shard is None:
        return
    if arguments.codebooks is None:
        raise BadInputError(
            "--shard needs --codebooks, which all shards share: learn them by "
            f"--codebooks-only. Received: --shard {arguments.shard}"
        )
    if arguments.litert is not None:
        raise BadInputError(
            "--litert goes with kd-keras merge, which has the codes of all "
            f"shards. Received: --shard {arguments.shard} with --litert"
        )
    numbers = arguments.shard.split("/")
    if len(numbers) != 2 or not all(
        number.isascii() and number.isdigit() for number in numbers
    ):
        raise BadInputError(
            "--shard must be i/n, two whole numbers, i from 1 to n. "
            f"Received: --shard {arguments.shard}"
        )
    i, n = map(int, numbers)
    if not 1 <= i <= n:
        raise BadInputError(
            "--shard must be i/n: the first of n is 1/n, the last n/n. "
            f"Received: --shard {arguments.shard}"
        )


def rows_of_shard(arguments: Arguments, N: int) -> slice:
    """Returns the rows of a table that were asked for.

    Raises:
        BadInputError: If it is cut into more shards than it has blocks.
    """
    if arguments.shard is None:
        return slice(0, N)
    i, n = map(int, arguments.shard.split("/"))
    return as_bad_input(shard_rows, N, i, n)


def check_fit(
    arguments: Arguments, codebooks: Codebooks | None, N: int, d: int
) -> int:
    """Checks arguments against the size of a table.

    Args:
        arguments: An `Arguments`.
        codebooks: The `Codebooks` that it names, or None.
        N: int, rows.
        d: int, columns.

    Returns:
        d', the size of a code embedding.

    Raises:
        BadInputError: If they do not go together.
    """
    K, D, composition = arguments.K, arguments.D, arguments.composition
    if codebooks is not None and codebooks.table["d"] != d:
        raise BadInputError(
            f"The codebooks in {arguments.codebooks} are of vectors of size "
            f"{codebooks.table['d']}. Received: {d} in {arguments.vectors}"
        )
    counted = as_bad_input(
        parameter_count, N, d, K, D, arguments.code_dim, composition
    )
    if composition == "linear" and (arguments.code_dim or 1) > d:
        raise BadInputError(
            "--code-dim of the linear composition must be at most the size "
            f"of a vector, {d}. Received: --code-dim {arguments.code_dim}"
        )
    if N < K and codebooks is None:
        raise BadInputError(
            "The table must have at least K rows. Received: "
            f"{N} rows in {arguments.vectors}, --K {K}"
        )
    return counted.code_embeddings // (D * K)
