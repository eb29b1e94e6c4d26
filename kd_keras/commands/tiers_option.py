"""The option --tiers of `kd-keras compress`."""

from collections.abc import Sequence
from typing import Any

from kd_keras.codes.tiers import read_tiers, tier_config
from kd_keras.utils.errors import BadInputError, as_bad_input


def options_of_tiers(D: int, tiers: str | None) -> dict[str, Any]:
    """Returns the arguments D and `tiers` of `learn_codes`.

    Args:
        D: int. Number of positions of the first tier.
        tiers: str or None. See `Arguments`.

    Raises:
        BadInputError: If the text has another form.

    Example:

    >>> options_of_tiers(32, "2000:16,10000:0")
    {'D': (32, 16, 0), 'tiers': (2000, 10000)}
    """
    if tiers is None:
        return tier_config(D, None)
    ends, lengths = zip(*_parts(tiers), strict=True)
    return {"D": (D, *lengths), "tiers": ends}


def check_tiers(
    K: int, D: int, tiers: str, composition: str, others: Sequence[str]
) -> None:
    """Checks the option against the others, without the table.

    Args:
        K, D: int. As in `learn_codes`; D of the first tier.
        tiers: str. See `Arguments`.
        composition: str. The composition's name.
        others: sequence of str. Other options that are given and exclude it.

    Raises:
        BadInputError: If the tiers are wrong or an option excludes them.
    """
    given = options_of_tiers(D, tiers)
    as_bad_input(read_tiers, K, given["D"], given["tiers"])
    if composition != "linear":
        raise BadInputError(
            "--tiers needs the linear composition. Received: --composition "
            f"{composition}"
        )
    if others:
        raise BadInputError(
            "--tiers is for a table that one command compresses. "
            f"Received: --tiers with --{others[0].replace('_', '-')}"
        )


def _parts(tiers: str) -> list[tuple[int, int]]:
    try:
        pairs = [part.split(":") for part in tiers.split(",")]
        return [(int(end), int(length)) for end, length in pairs]
    except ValueError:
        raise BadInputError(
            "--tiers must be START:POSITIONS, for several tiers separated by "
            "commas, for instance 2000:16,10000:0. Received: --tiers "
            f"{tiers}"
        ) from None
