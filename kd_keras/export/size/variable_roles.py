"""Names the variables of a SavedModel after their roles, and reads them."""

from collections.abc import Iterable
from typing import Any

from kd_keras.export.size.coded_model import (
    OTHER,
    ROLES,
    table_role,
)

_TABLES = "tables"


def by_attribute(
    variables: Iterable[tuple[str, Any]],
) -> dict[str, Any]:
    """Groups variables as the attributes of a `tf.Module`.

    Args:
        variables: list of `(role, variable)`. See `CodedModel.roles`.

    Returns:
        dict from names of attributes to lists of variables; `tables` is a
        dict from the names of layers to lists.
    """
    found: dict[str, Any] = {}
    tables: dict[str, list[Any]] = {}
    start = table_role("")
    for role, variable in variables:
        if role.startswith(start):
            tables.setdefault(role.removeprefix(start), []).append(variable)
        else:
            found.setdefault(role.replace(" ", "_"), []).append(variable)
    return found | {_TABLES: tables}


def role_of(name: str) -> str | None:
    """Returns the role of a variable in a checkpoint.

    Args:
        name: str. Its name there: an attribute that `by_attribute` returned,
            its place in the list, and more.

    Returns:
        str, or None if it is no weight.
    """
    attribute, *places = name.split("/")
    if attribute == _TABLES:
        return table_role(places[0].replace("..", "."))
    role = attribute.replace("_", " ")
    if role in ROLES:
        return role
    # Files up to 0.1.0 have "rest"; what is left is the graph of objects.
    return OTHER if role == "rest" else None
