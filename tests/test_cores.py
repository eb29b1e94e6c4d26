import os
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from kd_keras.cores import spread, usable_cores
from kd_keras.encoding import fit_additive, fit_codebooks


def test_usable_cores_are_those_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(
        os, "sched_getaffinity", lambda process: {3, 5}, raising=False
    )
    assert usable_cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


def test_spread_works_on_every_item_and_passes_an_error_on():
    done, threads = set(), set()

    def work(item):
        threads.add(threading.get_ident())
        if item == 30:
            raise ArithmeticError("30")
        done.add(item)

    spread(work, range(30))
    assert done == set(range(30))
    assert threading.get_ident() not in threads
    with pytest.raises(ArithmeticError, match="30"):
        spread(work, range(20, 40))


def test_a_search_leaves_the_cores_to_its_own_threads_and_gives_them_back():
    def blas_threads():
        found = threadpool_info()
        return [x["num_threads"] for x in found if x["user_api"] == "blas"]

    seen = []
    vectors = np.random.default_rng(0).normal(size=(60, 6))
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        for fit in (fit_additive, fit_codebooks):
            fit(vectors, 4, 2, 0, 0.1, lambda *_: seen.append(blas_threads()))
        assert blas_threads() == before
    assert set(before) == {2}
    assert {threads for call in seen for threads in call} == {1}
