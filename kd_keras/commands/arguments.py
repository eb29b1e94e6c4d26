"""The arguments of `kd-keras compress` of a table."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

from kd_keras.commands.tiers_option import options_of_tiers
from kd_keras.folders.codebooks_folder import SETTINGS, read_codebooks

COUNT_POWER = 0.5  # the default power of counts that errors count with


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
