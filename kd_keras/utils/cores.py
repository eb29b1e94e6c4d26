"""The CPU cores that this process may use, and work spread over them."""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
# Most threads at a time, because each thread has its own scratch space.
MOST_THREADS = 8


def usable_cores() -> int:
    """Counts the cores that this process may use.

    Under `taskset` or in a batch job they can be fewer than the machine has.

    Returns:
        An int, at least 1.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(work: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Calls a function with each item, on several cores at a time.

    Matrix products inside the function run on the thread that calls them. By
    default OpenBLAS would spread large products over all cores, each of which
    already runs one of these threads, and its threads busy-wait for the last
    one to finish. With vectors of 1,500 numbers and another process on one of
    the cores, that made the whole search take twice as long.

    Args:
        work: Function of one item. It is called from other threads, unless
            there is only one item. It should spend most of its time in numpy.
        items: Iterable of the items.
    """
    items = list(items)
    if len(items) < 2:  # a small table: starting threads would take longer
        for item in items:
            work(item)
        return
    workers = ThreadPoolExecutor(min(usable_cores(), MOST_THREADS))
    try:
        with one_blas_thread():
            for _ in workers.map(work, items):
                pass
    finally:
        # After Ctrl-C, only the calls that have begun are finished.
        workers.shutdown(cancel_futures=True)


_lock = threading.Lock()
_limited: list[Any] = []  # the limit that is in force, once for each user


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limits BLAS to one thread in this process while the body runs.

    The sums in a matrix product are rounded differently with another number of
    threads, and a search that rounds differently takes another path. So every
    search runs under this limit: one seed gives one result, whatever the
    number of cores, and whatever OPENBLAS_NUM_THREADS says.

    Calls may be nested and may run in several threads at a time: the limit is
    lifted when the last of them ends. It works as a decorator too.
    """
    with _lock:
        if _limited:
            limit = _limited[0]
        else:
            limit = _blas().limit(limits=1, user_api="blas")
        _limited.append(limit)
    try:
        yield
    finally:
        with _lock:
            _limited.pop()
            if not _limited:
                limit.restore_original_limits()


@functools.cache
def _blas() -> ThreadpoolController:
    """Finds numpy's BLAS once, since the search can take longer than a call."""
    return ThreadpoolController()
