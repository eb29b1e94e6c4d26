"""Counts of symbols that the caller of `compress` gives."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kd_keras.compression.model_tables import ModelTable
from kd_keras.utils.checks import plain_array
from kd_keras.utils.errors import BadInputError, as_bad_input


def given_counts(
    tables: Sequence[ModelTable], counts: Any
) -> dict[int, np.ndarray]:
    """Finds the tables that counts are for.

    Args:
        tables: list of `ModelTable`.
        counts: array of float or int, shape `(N,)`, for all tables of N
            symbols; or a dict of such arrays by the names of layers.

    Returns:
        dict of arrays of float64, shape `(N,)`, by the `id` of a table.

    Raises:
        BadInputError: If there is no such table, or if a count is no number of
            at least 0, or if all are 0.
    """
    if not isinstance(counts, Mapping):
        numbers = _checked("counts", counts)
        found = {id(x): numbers for x in tables if len(x.rows) == len(numbers)}
        if not found:
            raise BadInputError(_of_no_table(len(numbers), tables))
        return found
    found = {}
    for name, given in counts.items():
        numbers = _checked(f"counts[{name!r}]", given)
        of_name = [table for table in tables if table.name == name]
        if not of_name:
            names = ", ".join(repr(table.name) for table in tables)
            raise BadInputError(
                f"`counts` must be of layers that are made small ({names}). "
                f"Received: {name!r}"
            )
        if len(of_name[0].rows) != len(numbers):
            raise BadInputError(_of_no_table(len(numbers), of_name))
        found[id(of_name[0])] = numbers
    return found


def _of_no_table(size: int, tables: Sequence[ModelTable]) -> str:
    sizes = ", ".join(f"{len(x.rows):,} of {x.name}" for x in tables)
    return (
        "counts must have one count for each symbol of a table. "
        f"Received: {size:,} counts; the tables have {sizes}"
    )


def _checked(name: str, counts: Any) -> np.ndarray:
    given = as_bad_input(plain_array, name, counts, "an array of N numbers")
    if given.ndim != 1 or given.dtype.kind not in "fiu":
        raise BadInputError(
            f"{name} must have one number for each symbol. Received: "
            f"shape={given.shape}, dtype={given.dtype}"
        )
    numbers = given.astype(np.float64)
    wrong = ~(np.isfinite(numbers) & (numbers >= 0))
    if wrong.any():
        place = int(wrong.argmax())
        raise BadInputError(
            f"{name} must be finite and at least 0. Received: "
            f"{given[place]} for symbol {place}"
        )
    if not numbers.any():
        raise BadInputError(
            f"{name} must have a count above 0. Received: {len(numbers)} zeros"
        )
    return numbers
