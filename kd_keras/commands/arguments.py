"""The arguments of `kd-keras compress` and their checks."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

from kd_keras.codes.checks import check_kd
from kd_keras.codes.sizes import parameter_count
from kd_keras.commands.tiers_option import check_tiers, options_of_tiers
from kd_keras.export.litert.quiet_litert import need_litert
from kd_keras.folders.codebooks_folder import (
    SETTINGS,
    Codebooks,
    read_codebooks,
)
from kd_keras.search.effort import check_effort
from kd_keras.search.shards import shard_rows
from kd_keras.utils.checks import check_seed
from kd_keras.utils.errors import BadInputError, as_bad_input

# The default and the largest power of counts that errors count with.
COUNT_POWER, MOST_COUNT_POWER = 0.5, 4


@dataclasses.dataclass(frozen=True)
class Arguments:
    """The arguments of `kd-keras compress`.

    Attributes:
        vectors: str. The path of the file of vectors.
        K, D, composition, code_dim, seed, effort: As in `learn_codes`.
        duplicates: one of `"error"`, `"first"`. As in `read_vectors`.
        words: str, bool or None. As in `read_vectors`: the path of a file of
            words; False for vectors without words; True for words that may
            all be numbers; None for those in the file.
        tensor: str or None. The name of a tensor, see `read_vectors`.
        counts: str or None. The path of a file that says how often each symbol
            occurs, see `read_counts`; None to count all errors alike.
        tiers: str or None. `"2000:16,10000:0"`: from symbol 2,000 on, codes
            have 16 positions, from 10,000 on none; before that D. The symbols
            are in the order of their counts, if there are any, else of the
            file.
        count_power: float, at least 0. The error of a symbol counts as often
            as its count to this power. None if there are no counts; with
            counts, `make_arguments` puts 0.5 in its place.
        output: str or None. The folder to write; None for a name made from the
            other arguments.
        force: bool. Whether an earlier result in that folder is replaced.
        litert: one of `"float32"`, `"float16"`, `"int8"`, or None. Precision
            of a `.tflite` file to write as well; None for no such file.
        codebooks_only: bool. Whether only the code embeddings are written.
        codebooks: str or None. A folder with code embeddings to use; None to
            learn them. K, D, composition, code_dim, seed and effort are then
            those of the folder, see `make_arguments`.
        shard: str or None. `"i/n"` to find only the codes of shard i of n,
            with i from 1 to n; None to find all codes.
    """

    vectors: str
    K: int = 16
    D: int = 32
    composition: str = "linear"
    code_dim: int | None = None
    seed: int = 0
    effort: float = 1.0
    duplicates: str = "error"
    words: str | bool | None = None
    tensor: str | None = None
    counts: str | None = None
    count_power: float | None = None
    tiers: str | None = None
    output: str | None = None
    force: bool = False
    litert: str | None = None
    codebooks_only: bool = False
    codebooks: str | None = None
    shard: str | None = None

    @property
    def folder(self) -> str:
        """The folder to write: `output`, or one in the working directory."""
        if self.output is not None:
            return self.output
        name = Path(self.vectors).name
        for suffix in (".gz", ".bz2", ".xz", ".zip"):
            name = name.removesuffix(suffix)
        folder = f"{Path(name).stem}-K{self.K}-D{self.D}-{self.composition}"
        if self.codebooks_only:
            folder += "-codebooks"
        if self.shard is not None:
            folder += f"-shard-{self.shard.replace('/', '-of-')}"
        return folder

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that, with the table, determine the code embeddings."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        return settings | {"effort": float(self.effort)}

    @property
    def tier_options(self) -> dict[str, Any]:
        """The arguments D and `tiers` of `learn_codes`."""
        return options_of_tiers(self.D, self.tiers)

    @property
    def command(self) -> str:
        """The command line with all options written out, except --force."""
        words = ["kd-keras", "compress", self.vectors]
        words += ["--K", str(self.K), "--D", str(self.D)]
        words += ["--composition", self.composition]
        if self.code_dim is not None:
            words += ["--code-dim", str(self.code_dim)]
        words += ["--seed", str(self.seed), "--effort", repr(self.effort)]
        words += ["--duplicates", self.duplicates]
        if isinstance(self.words, bool):
            words += ["--number-words" if self.words else "--no-words"]
        elif self.words is not None:
            words += ["--words", self.words]
        if self.tensor is not None:
            words += ["--tensor", self.tensor]
        if self.counts is not None:
            words += ["--counts", self.counts]
            words += ["--count-power", repr(self.count_power)]
        if self.tiers is not None:
            words += ["--tiers", self.tiers]
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
    """Makes `Arguments` from the given values, with defaults for the others.

    With `codebooks`, the defaults of K, D, composition, code_dim, seed and
    effort are the values that the codebooks were learned with. With `counts`,
    that of `count_power` is 0.5.

    Args:
        **given: Values for any of the fields of `Arguments`.

    Returns:
        `Arguments`.

    Raises:
        BadInputError: If `codebooks` is not a folder of codebooks.
    """
    if given.get("counts") is not None:
        given.setdefault("count_power", COUNT_POWER)
    if given.get("codebooks") is not None:
        given = read_codebooks(given["codebooks"]).settings | given
    return Arguments(**given)


def check_arguments(arguments: Arguments) -> Codebooks | None:
    """Checks everything that can be checked without the table.

    Args:
        arguments: `Arguments`.

    Returns:
        `Codebooks` or None. The codebooks in the folder that is named.

    Raises:
        BadInputError: If K, D or the seed is out of range, options cannot be
            combined, the codebooks do not exist, or LiteRT is requested but
            not installed.
    """
    _check_options(arguments)
    if arguments.litert is not None:
        need_litert()
    as_bad_input(check_kd, arguments.K, arguments.D)
    if arguments.tiers is not None:
        names = ("codebooks_only", "codebooks", "shard")
        check_tiers(
            arguments.K,
            arguments.D,
            arguments.tiers,
            arguments.composition,
            [name for name in names if getattr(arguments, name)],
        )
    as_bad_input(check_seed, "--seed", arguments.seed)
    as_bad_input(check_effort, arguments.effort)
    power = arguments.count_power
    if power is not None and not 0 <= power <= MOST_COUNT_POWER:
        raise BadInputError(
            f"--count-power must be from 0 to {MOST_COUNT_POWER}. Received: "
            f"--count-power {power}"
        )
    if arguments.codebooks is None:
        return None
    codebooks = read_codebooks(arguments.codebooks)
    for name, value in codebooks.settings.items():
        if getattr(arguments, name) != value:
            raise BadInputError(
                f"The codebooks in {arguments.codebooks} have {name}={value}. "
                f"Received: {name}={getattr(arguments, name)}"
            )
    return codebooks


def _check_options(arguments: Arguments) -> None:
    if (arguments.counts is None) != (arguments.count_power is None):
        raise BadInputError(
            "--count-power needs --counts. Received: --counts "
            f"{arguments.counts}, --count-power {arguments.count_power}"
        )
    if arguments.counts is not None and arguments.codebooks is not None:
        raise BadInputError(
            "--counts is for learning code embeddings. Received: --counts "
            "with --codebooks, which are learned already"
        )
    if arguments.codebooks_only:
        for name in ("codebooks", "shard", "litert"):
            if getattr(arguments, name) is not None:
                raise BadInputError(
                    "--codebooks-only learns only code embeddings; it finds "
                    f"no codes. Received: --codebooks-only with --{name}"
                )
    if arguments.shard is None:
        return
    if arguments.codebooks is None:
        raise BadInputError(
            "--shard needs --codebooks, the same for all shards; learn them "
            f"with --codebooks-only. Received: --shard {arguments.shard}"
        )
    if arguments.litert is not None:
        raise BadInputError(
            "--litert must be given to kd-keras merge, which has the codes of "
            f"all shards. Received: --shard {arguments.shard} with --litert"
        )
    numbers = arguments.shard.split("/")
    if len(numbers) != 2 or not all(
        number.isascii() and number.isdigit() for number in numbers
    ):
        raise BadInputError(
            "--shard must be i/n, two integers with i from 1 to n. "
            f"Received: --shard {arguments.shard}"
        )
    i, n = map(int, numbers)
    if not 1 <= i <= n:
        raise BadInputError(
            "--shard must be i/n, from 1/n for the first to n/n for the last. "
            f"Received: --shard {arguments.shard}"
        )


def rows_of_shard(arguments: Arguments, N: int) -> slice:
    """Returns the rows of a table that the arguments ask for.

    Args:
        arguments: `Arguments`.
        N: int. Number of rows of the table.

    Returns:
        slice. The rows of the shard, or all rows.

    Raises:
        BadInputError: If the table is split into more shards than it has
            blocks.
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
        arguments: `Arguments`.
        codebooks: `Codebooks` or None. The codebooks that the arguments name.
        N: int. Number of rows of the table.
        d: int. Number of columns of the table.

    Returns:
        int. d', the size of a code embedding.

    Raises:
        BadInputError: If the arguments do not fit the table.
    """
    K, D, composition = arguments.K, arguments.D, arguments.composition
    if codebooks is not None and codebooks.table["d"] != d:
        raise BadInputError(
            f"The codebooks in {arguments.codebooks} are for vectors of size "
            f"{codebooks.table['d']}. Received: {d} in {arguments.vectors}"
        )
    tiers = arguments.tier_options
    counted = as_bad_input(
        lambda: parameter_count(
            N,
            d,
            K,
            tiers["D"],
            arguments.code_dim,
            composition,
            tiers=tiers["tiers"],
        )
    )
    if composition == "linear" and (arguments.code_dim or 1) > d:
        raise BadInputError(
            "With the linear composition, --code-dim must be at most the size "
            f"of a vector, {d}. Received: --code-dim {arguments.code_dim}"
        )
    if N < K and codebooks is None:
        raise BadInputError(
            "The table must have at least K rows. Received: "
            f"{N} rows in {arguments.vectors}, --K {K}"
        )
    if tiers["tiers"] is not None and tiers["tiers"][0] < K:
        raise BadInputError(
            "The first tier must have at least K symbols. Received: --tiers "
            f"{arguments.tiers}, --K {K}"
        )
    return counted.code_embeddings // (D * K)
