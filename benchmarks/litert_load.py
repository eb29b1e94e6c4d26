"""Measures the time in which LiteRT loads a file, and the memory it needs.

`on_device.py` runs this in a process of its own: `litert_load.py FILE N`. It
needs Linux, where the peak of the resident memory can be read and reset.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

LOOK_UPS, LONGEST = 2000, 10  # look-ups, seconds


def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(name))
    return 1024 * int(line.split()[1])


path, N = sys.argv[1], int(sys.argv[2])
Path("/proc/self/clear_refs").write_text("5")
before = memory("VmRSS")
began = time.perf_counter()
interpreter = Interpreter(path, num_threads=1)
ids = interpreter.get_input_details()[0]["index"]
interpreter.resize_tensor_input(ids, [1])
interpreter.allocate_tensors()
seconds = time.perf_counter() - began
generator = np.random.default_rng(0)
for drawn in generator.integers(0, N, (LOOK_UPS, 1), dtype=np.int32):
    interpreter.set_tensor(ids, drawn)
    interpreter.invoke()
    if time.perf_counter() - began > LONGEST:
        break  # such a file reads its whole table for each id
peak = memory("VmHWM") - before
print(json.dumps({"seconds": seconds, "bytes": peak}))
