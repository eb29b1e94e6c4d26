"""Contexts in which coded layers are made or compute in another way.

All are context variables: other threads are not touched.
"""

import contextlib
import contextvars
from collections.abc import Iterator, Mapping
from typing import Any

# The layers that coded layers hold in copies that are being made, by the
# `shared_object_id` of their configuration; None when no copy is being made.
# It is a context variable, so that other threads make layers as usual.
copied: contextvars.ContextVar[dict[int, Any] | None] = contextvars.ContextVar(
    "copied", default=None
)

# The forms that coded layers have in a graph that is being exported, by the
# layers' `id`. It is a context variable too: a model that is exported in one
# thread computes as usual in all others.
device_forms: contextvars.ContextVar[Mapping[int, Any] | None] = (
    contextvars.ContextVar("device_forms", default=None)
)

# Whether learners are passed by: see `codes_looked_up`.
looked_up: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "looked_up", default=False
)


@contextlib.contextmanager
def codes_looked_up() -> Iterator[None]:
    """Makes layers that learn their codes compute as if these were fixed.

    The result is the same but for rounding, which grows in deep models and in
    float16. `freeze` compares a copy with the original inside of this.
    """
    token = looked_up.set(True)
    try:
        yield
    finally:
        looked_up.reset(token)


@contextlib.contextmanager
def computing_on_device(forms: Mapping[int, Any]) -> Iterator[None]:
    """Makes coded layers compute through their device forms in this thread.

    Args:
        forms: dict from the `id` of a layer to a function of ids.
    """
    token = device_forms.set(forms)
    try:
        yield
    finally:
        device_forms.reset(token)


@contextlib.contextmanager
def codes_fixed_in_copies() -> Iterator[None]:
    """Makes every coded layer that is made inside hold fixed codes.

    `freeze` copies a model through its configuration. This is how the copies
    of layers that learn their codes come out fixed, even if a subclassed model
    writes `codes="learn"` into its own `__init__`. Compositions that layers
    share are shared by the copies too.
    """
    token = copied.set({})
    try:
        yield
    finally:
        copied.reset(token)
