import os
import threading

import pytest

from kd_keras.cores import spread, usable_cores


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
