"""Keeps TensorFlow from warning that functions are traced anew."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_retracing() -> Iterator[None]:
    """Leaves out that warning: many small models are made one after another."""
    logger = logging.getLogger("tensorflow")
    logger.addFilter(_is_of_something_else)
    try:
        yield
    finally:
        logger.removeFilter(_is_of_something_else)


def _is_of_something_else(record: logging.LogRecord) -> bool:
    return "retracing" not in record.getMessage()
