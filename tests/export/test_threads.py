"""Tests that exports and exported files are safe in several threads."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from exported_models import WORDS, N, embedding

import kd_keras
from kd_keras.export.device_embedding import MOST_CONSTANTS, on_device
from kd_keras.export.litert.litert_runtimes import RUNTIMES
from kd_keras.export.litert.quiet_litert import quiet_litert
from kd_keras.export.signatures.id_ranges import _recorded
from kd_keras.export.size.coded_model import CodedModel


def in_a_thread(function, *arguments):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


@pytest.fixture
def model():
    ids = keras.Input((3,), dtype="int32")
    vectors = keras.layers.Concatenate()(
        [embedding()(ids), keras.layers.Embedding(N, 4)(ids)]
    )
    return keras.Model(ids, vectors)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_one_runtime_in_eight_threads(runtime, file):
    shared = RUNTIMES[runtime](str(file))
    table = kd_keras.load_litert(file).embed(np.arange(N))

    def is_right(seed):
        ids = np.random.default_rng(seed).integers(0, N, 5 + seed % 3, np.int32)
        found = shared.run("serving_default", {"token_ids": ids})
        return np.abs(found["embeddings"] - table[ids]).max() < 1e-6

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(is_right, range(600)))


def test_one_loaded_file_in_eight_threads(file):
    small = kd_keras.load_litert(file)
    table = small.embed(WORDS)

    def is_right(seed):
        ids = np.random.default_rng(seed).integers(0, N, 50)
        return (small.embed(ids) == table[ids]).all()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(is_right, range(600)))


def test_a_model_computes_as_usual_in_other_threads_while_it_is_exported(
    model,
):
    ids = np.array([[1, 2, 3]])
    wanted = np.asarray(model(ids))
    with on_device(CodedModel.of(model), "int8", unknown_id=0):
        with pytest.raises(ValueError, match="constant ids"):
            # The device form, in this thread.
            model(np.tile(ids, (MOST_CONSTANTS, 1)))
        found = in_a_thread(model, ids)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(model(ids), wanted)


def test_a_model_computes_as_usual_in_other_threads_while_ids_are_recorded(
    model,
):
    ids = np.array([[1, 2, 3]])
    wanted = np.asarray(model(ids))
    asked = []
    tables = model.layers[1:3]

    def record():
        asked_there = []
        with _recorded(tables, asked_there):
            model(ids)
        return len(asked_there)

    with _recorded(tables, asked):
        assert not np.any(model(ids))
        np.testing.assert_array_equal(in_a_thread(model, ids), wanted)
        assert in_a_thread(record) == 2
        assert not np.any(model(ids))  # the other's end has not ended this one
    assert len(asked) == 4
    np.testing.assert_array_equal(model(ids), wanted)
    assert not any("call" in vars(layer) for layer in tables)


@pytest.mark.slow
def test_models_are_exported_in_several_threads(model, tmp_path):
    ids = np.array([[1, 2, 3]])
    wanted = np.asarray(model(ids))
    is_done = threading.Event()

    def use():
        right = True
        while right and not is_done.is_set():
            right = bool((np.asarray(model(ids)) == wanted).all())
        return right

    def export(number):
        path = tmp_path / str(number)
        if number % 2:
            return kd_keras.export_saved_model(model, path)
        return kd_keras.export_litert(model, path).parts["codes"]

    with ThreadPoolExecutor(4) as pool:
        user = pool.submit(use)
        try:
            sizes = list(pool.map(export, range(3)))
        finally:
            is_done.set()
        assert user.result()
    assert sizes[0] == sizes[2] > 0


def test_standard_error_is_restored_by_the_last_thread():
    before = os.fstat(2)
    first, second = quiet_litert(), quiet_litert()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not os.path.samestat(os.fstat(2), before)
    second.__exit__(None, None, None)
    assert os.path.samestat(os.fstat(2), before)
