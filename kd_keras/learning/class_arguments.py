"""The names of the arguments that layers are made with."""

import functools
import inspect
from typing import Any

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@functools.cache
def class_arguments(kind: Any) -> frozenset[str]:
    """Returns the arguments of `__init__` of a class and its bases.

    Args:
        kind: type.

    Returns:
        frozenset of str, without `self`.

    Example:

    >>> class Base:
    ...     def __init__(self, name=None): ...
    >>> class Scaled(Base):
    ...     def __init__(self, scale, **kwargs): ...
    >>> sorted(class_arguments(Scaled))
    ['name', 'scale']
    """
    makers = [
        vars(base)["__init__"]
        for base in kind.__mro__
        if "__init__" in vars(base)
    ]
    return frozenset(
        name
        for make in makers
        for name, x in inspect.signature(make).parameters.items()
        if x.kind not in _VARIADIC and name != "self"
    )
