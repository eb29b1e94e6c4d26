"""The cores that this process may use."""

import os


def usable_cores() -> int:
    """Counts them: fewer than the machine's under `taskset` or in a job."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
