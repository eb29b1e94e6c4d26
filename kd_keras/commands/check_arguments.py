"""Checks of the arguments of `kd-keras compress` of a table."""

from kd_keras.codes.checks import check_kd
from kd_keras.codes.sizes import parameter_count
from kd_keras.commands.arguments import Arguments
from kd_keras.commands.tiers_option import check_tiers
from kd_keras.export.litert.quiet_litert import need_litert
from kd_keras.folders.codebooks_folder import Codebooks, read_codebooks
from kd_keras.search.effort import check_effort
from kd_keras.search.shards import shard_rows
from kd_keras.utils.checks import check_seed
from kd_keras.utils.errors import BadInputError, as_bad_input

MOST_COUNT_POWER = 4


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
