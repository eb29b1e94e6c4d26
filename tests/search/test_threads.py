"""One seed gives one result on any number of threads and cores."""

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from kd_keras.search.encode_additive import encode_additive
from kd_keras.search.fit_additive import fit_additive
from kd_keras.search.fit_codebooks import fit_codebooks

TABLE = Path(__file__).parents[2] / "saved_models" / "ptb_small_200.npz"


@pytest.fixture(scope="module")
def rows():
    with np.load(TABLE) as arrays:
        return arrays["vectors"][:2500]


def digest(*arrays):
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


@pytest.mark.parametrize("fit", [fit_additive, fit_codebooks])
@pytest.mark.slow
def test_the_number_of_blas_threads_changes_no_bit(fit, rows):
    found = set()
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            codes, tables = fit(rows, 16, 8, seed=0, effort=0)
            encoded = encode_additive(rows[:500] + 0.1, tables, effort=0)
            found.add(digest(codes, tables, encoded))
    assert len(found) == 1


LEARN = """
import hashlib, os, sys
os.sched_setaffinity(0, {int(c) for c in sys.argv[1].split(",")})
import kd_keras_command  # numpy is enough here: no Keras
import numpy as np
from kd_keras.search.fit_additive import fit_additive
with np.load(sys.argv[2]) as arrays:
    rows = arrays["vectors"][:2500]
codes, tables = fit_additive(rows, 16, 8, seed=0, effort=0)
print(hashlib.sha256(codes.tobytes() + tables.tobytes()).hexdigest())
"""


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2,
    reason="needs two cores that a process can be kept on",
)
@pytest.mark.slow
def test_the_number_of_cores_changes_no_bit():
    found = set()
    cores = sorted(os.sched_getaffinity(0))
    for some, threads in ((cores[:1], "1"), (cores[:2], "2")):
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
        done = subprocess.run(
            [sys.executable, "-c", LEARN, ",".join(map(str, some)), TABLE],
            env=os.environ | dict.fromkeys(names, threads),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        found.add(done.stdout)
    assert len(found) == 1


def test_searches_side_by_side_change_no_bit(rows):
    alone = digest(*fit_additive(rows[:600], 16, 4, seed=0, effort=0))
    found = []

    def search(seed):
        fitted = fit_additive(rows[:600], 16, 4, seed=seed, effort=0)
        if seed == 0:
            found.append(digest(*fitted))

    with threadpool_limits(2, user_api="blas"):
        threads = [
            threading.Thread(target=search, args=(seed,))
            for seed in (0, 1, 0, 2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [alone] * 2
