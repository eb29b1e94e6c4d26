"""Learns codes by one method and prints the time and memory that it took.

    python benchmarks/cell.py TABLE.npy METHOD K D SEED REBUILT.npy

Writes the rebuilt vectors and prints the measurements as JSON. Imports and the
start of TensorFlow come before the measurement begins.
"""

import json
import os
import sys
import time

import numpy as np


def resident_mib(name):
    """Reads VmRSS or VmHWM of this process; None without /proc."""
    try:
        with open("/proc/self/status") as lines:
            line = next(li for li in lines if li.startswith(name))
    except OSError:
        return None
    return int(line.split()[1]) / 1024


def forget_peak():
    """Resets VmHWM to the memory that is resident now."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def busy_seconds():
    """Returns the CPU time of all processes so far; None without /proc."""
    try:
        with open("/proc/stat") as lines:
            user, nice, system, _, _, *rest = map(
                int, lines.readline().split()[1:]
            )
    except OSError:
        return None
    return (user + nice + system + sum(rest[:2])) / os.sysconf("SC_CLK_TCK")


def main(table, method, K, D, seed, output):
    vectors = np.load(table)
    if method.startswith("faiss"):
        from faiss_methods import FAISS_METHODS, LSQ_SETTINGS

        learn = (FAISS_METHODS | LSQ_SETTINGS)[method]
    else:
        import tensorflow as tf
        from methods import EFFORTS, METHODS

        tf.zeros(1)  # starts its devices
        learn = (METHODS | EFFORTS)[method]
    forget_peak()
    before = resident_mib("VmRSS")
    clocks = {"seconds": time.perf_counter, "cpu_seconds": time.process_time}
    begin = {name: clock() for name, clock in clocks.items()}
    busy = busy_seconds()
    rebuilt, floats = learn(vectors, int(K), int(D), int(seed))
    took = {n: round(clock() - begin[n], 2) for n, clock in clocks.items()}
    if busy is not None:
        others = busy_seconds() - busy - took["cpu_seconds"]
        took["other_cpu_seconds"] = round(max(0.0, others), 1)
    peak = resident_mib("VmHWM")
    if peak is not None:
        took["peak_mib"] = round(peak - before, 1)
    np.save(output, rebuilt)
    print(json.dumps(took | {"floats": int(floats)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
