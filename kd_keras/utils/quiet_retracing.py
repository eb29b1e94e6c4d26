"""Keeps TensorFlow from warning that functions are traced anew."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_retracing() -> Iterator[None]:
    """Leaves out that warning: many small models are made one after another."""

    def keep(record: logging.LogRecord) -> bool:
        return "retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)
