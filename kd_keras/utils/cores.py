"""The cores that this process may use, and work spread over them."""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
# Threads at a time: each has scratch space of its own.
MOST_THREADS = 8


def usable_cores() -> int:
    """Counts them: fewer than the machine's under `taskset` or in a job."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(work: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Calls a function with every item, on several cores at a time.

    Matrix products in it run on the thread that computes them. OpenBLAS would
    spread large ones over all cores, where there is a thread of ours already,
    and its threads wait actively for the last one: with vectors of 1,500
    numbers and another process on a core the whole search took twice as long.

    Args:
        work: Called from other threads, but for a single item; most of its
            time must be numpy's.
        items: What it is called with.
    """
    items = list(items)
    if len(items) < 2:  # small tables: threads would take longer than it
        for item in items:
            work(item)
        return
    workers = ThreadPoolExecutor(min(usable_cores(), MOST_THREADS))
    try:
        with _one_blas_thread():
            for _ in workers.map(work, items):
                pass
    finally:
        # After Ctrl-C only what has begun is finished.
        workers.shutdown(cancel_futures=True)


_limiting = threading.Lock()


@contextlib.contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Limits BLAS to one thread, for this process and for so long.

    Whoever comes first limits and restores; another thread, or a call within,
    would take the limit for what is to be restored.
    """
    if not _limiting.acquire(blocking=False):
        yield
        return
    try:
        with _blas().limit(limits=1, user_api="blas"):
            yield
    finally:
        _limiting.release()


@functools.cache
def _blas() -> ThreadpoolController:
    """Finds numpy's BLAS, once: that takes longer than some calls."""
    return ThreadpoolController()
