"""What `kd-keras compress` is asked for, and whether it can be done."""

import dataclasses
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kd_keras.bad_input import BadInputError
from kd_keras.codes import check_kd
from kd_keras.export.quiet_litert import need_litert
from kd_keras.sizes import parameter_count


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What `kd-keras compress` was asked for.

    Attributes:
        vectors: The file of vectors.
        K, D, composition, code_dim, seed: As in `learn_codes`.
        duplicates: "error" or "first", as in `read_vectors`.
        output: The folder to be, or None for one named after the rest.
        force: Whether an earlier result there is replaced.
        litert: Precision of a `.tflite` file to be written too, "float32",
            "float16" or "int8", or None.
    """

    vectors: str
    K: int = 16
    D: int = 32
    composition: str = "linear"
    code_dim: int | None = None
    seed: int = 0
    duplicates: str = "error"
    output: str | None = None
    force: bool = False
    litert: str | None = None

    @property
    def folder(self) -> str:
        """The folder to be: `output`, or a name in the working directory."""
        if self.output is not None:
            return self.output
        name = Path(self.vectors).name.removesuffix(".gz")
        return f"{Path(name).stem}-K{self.K}-D{self.D}-{self.composition}"

    @property
    def command(self) -> str:
        """The command line, all options written out but --force."""
        words = ["kd-keras", "compress", self.vectors]
        words += ["--K", str(self.K), "--D", str(self.D)]
        words += ["--composition", self.composition]
        if self.code_dim is not None:
            words += ["--code-dim", str(self.code_dim)]
        words += ["--seed", str(self.seed), "--duplicates", self.duplicates]
        if self.litert is not None:
            words += ["--litert", self.litert]
        return shlex.join([*words, "--output", self.folder])


def check_arguments(arguments: Arguments) -> None:
    """Checks what needs no table to be checked.

    Raises:
        BadInputError: If K, D or the seed is out of its range, or LiteRT is
            asked for and not installed.
    """
    if arguments.litert is not None:
        need_litert()
    as_bad_input(check_kd, arguments.K, arguments.D)
    if not 0 <= arguments.seed < 2**32:
        raise BadInputError(
            "--seed must be an integer from 0 to 4294967295. "
            f"Received: --seed {arguments.seed}"
        )


def check_fit(arguments: Arguments, N: int, d: int) -> int:
    """Checks arguments against the size of a table.

    Args:
        arguments: An `Arguments`.
        N: int, rows.
        d: int, columns.

    Returns:
        d', the size of a code embedding.

    Raises:
        BadInputError: If they do not go together.
    """
    K, D, composition = arguments.K, arguments.D, arguments.composition
    counted = as_bad_input(
        parameter_count, N, d, K, D, arguments.code_dim, composition
    )
    if composition == "linear" and (arguments.code_dim or 1) > d:
        raise BadInputError(
            "--code-dim of the linear composition must be at most the size "
            f"of a vector, {d}. Received: --code-dim {arguments.code_dim}"
        )
    if N < K:
        raise BadInputError(
            "The table must have at least K rows. Received: "
            f"{N} rows in {arguments.vectors}, --K {K}"
        )
    return counted.code_embeddings // (D * K)


def as_bad_input(function: Callable[..., Any], *values: Any) -> Any:
    """Calls a function; what it says is wrong is the user's to put right."""
    try:
        return function(*values)
    except ValueError as error:
        if "\n" in str(error):  # Keras' own, not said to a user
            raise
        raise BadInputError(str(error)) from None
