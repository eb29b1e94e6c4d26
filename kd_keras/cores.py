"""The cores that this process may use, and work spread over them."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
# Threads at a time: each has scratch space of its own.
MOST_THREADS = 8
# Decorates a search: matrix products in it run on the thread that calls them.
# OpenBLAS would spread each over all cores, where `spread` has a thread of ours
# already, and all of its threads wait actively for the last one. Where another
# process keeps a core busy, that takes four times as long (d = 1500).
one_blas_thread = threadpool_limits.wrap(limits=1, user_api="blas")


def usable_cores() -> int:
    """Counts them: fewer than the machine's under `taskset` or in a job."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(work: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Calls a function with every item, on several cores at a time.

    Args:
        work: Called from other threads; most of its time must be numpy's.
        items: What it is called with.
    """
    workers = ThreadPoolExecutor(min(usable_cores(), MOST_THREADS))
    try:
        for _ in workers.map(work, items):
            pass
    finally:
        # After Ctrl-C only what has begun is finished.
        workers.shutdown(cancel_futures=True)
