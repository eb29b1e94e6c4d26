"""Counting the usable cores, and spreading work over them."""

import os
import threading

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from kd_keras.utils.cores import spread, usable_cores


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


def blas_threads():
    found = threadpool_info()
    return {x["num_threads"] for x in found if x["user_api"] == "blas"}


@pytest.fixture
def two_blas_threads():
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("numpy's BLAS cannot be limited here")
        yield


def test_spread_leaves_the_cores_to_its_threads(two_blas_threads):
    seen = []

    def work(item):
        seen.append(blas_threads())
        spread(lambda item: seen.append(blas_threads()), range(2))

    spread(work, range(3))
    assert seen == [{1}] * 9
    assert blas_threads() == {2}
    with pytest.raises(ZeroDivisionError):
        spread(lambda item: item / 0, range(3))
    assert blas_threads() == {2}


def test_two_calls_at_a_time_give_the_threads_back(two_blas_threads):
    both, ended = threading.Barrier(2, timeout=30), threading.Event()

    def early(item):
        if item == "wait":
            both.wait()

    def late(item):
        if item == "wait":
            both.wait()
            assert ended.wait(30)

    second = threading.Thread(target=spread, args=(late, ["wait", "go"]))
    second.start()
    spread(early, ["wait", "go"])  # ends while the second still works
    ended.set()
    second.join()
    assert blas_threads() == {2}


def test_a_single_item_needs_no_thread():
    threads = []
    spread(lambda item: threads.append(threading.get_ident()), [0])
    assert threads == [threading.get_ident()]
