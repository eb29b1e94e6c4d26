"""Budgets of bytes, as users write them."""

import re
from typing import Any

import numpy as np

from kd_keras.utils.checks import short_repr
from kd_keras.utils.errors import BadInputError

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9} | {
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30,
}  # fmt: skip
_FORM = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]+|%)?\s*", re.I)


def read_budget(budget: Any, before: int) -> int:
    """Reads a number of bytes.

    Args:
        budget: int, bytes; or str: a number with a unit (`"500 KB"`, `"2 MB"`,
            `"1.5 MiB"`; 1 KB is 1,000 bytes, 1 KiB is 1,024), or a share of
            the present size (`"10%"`).
        before: int. The present size in bytes.

    Returns:
        int, at least 1. Bytes.

    Raises:
        BadInputError: If it is not such a budget.

    Example:

    >>> read_budget("1.5 MB", 10_000_000), read_budget("10%", 10_000_000)
    (1500000, 1000000)
    """
    check_budget(budget)
    if not isinstance(budget, str):
        return int(budget)
    number, unit = _FORM.fullmatch(budget).groups()  # type: ignore[union-attr]
    size = before / 100 if unit == "%" else UNITS[(unit or "B").upper()]
    return max(1, int(float(number) * size))


def check_budget(budget: Any) -> None:
    """Checks a budget before the present size is known.

    Args:
        budget: See `read_budget`.

    Raises:
        BadInputError: If it is not a budget.
    """
    is_number = isinstance(budget, int | np.integer | float)
    if isinstance(budget, str):
        found = _FORM.fullmatch(budget)
        if found and (found[2] or "B").upper() in ("%", *UNITS):
            size = 1 if found[2] == "%" else UNITS[(found[2] or "B").upper()]
            if found[2] == "%" and not 0 < float(found[1]) <= 100:
                raise BadInputError(
                    "A budget in percent must be above 0 and at most 100. "
                    f"Received: budget={budget!r}"
                )
            if 1 <= float(found[1]) * size < 2**50 or found[2] == "%":
                return
    elif is_number and not isinstance(budget, bool) and 1 <= budget < 2**50:
        return
    raise BadInputError(
        'A budget must be a number of bytes, such as 500_000, "500 KB", "2 MB" '
        f'or "10%". Received: budget={short_repr(budget)}'
    )
