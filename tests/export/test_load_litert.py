"""Tests of exported files in use: words, ids, arrays and wrong inputs."""

import keras
import numpy as np
import pytest
from exported_models import WORDS, N, embedding, language_model

import kd_keras
from kd_keras.export.litert import litert_model


def test_strings_and_great_ids_are_no_lists_of_symbols(tmp_path):
    path = tmp_path / "small.tflite"
    kd_keras.export_litert(embedding(), path, WORDS, unknown_id=3)
    small = kd_keras.load_litert(path)
    with pytest.raises(ValueError, match="Received: 'ab'"):
        small.embed("ab")
    unknown = small.embed([3, 3, 3])
    far = small.embed([2**32 + 4, -1, N])
    np.testing.assert_array_equal(far, unknown)


@pytest.mark.slow
def test_words_that_are_unknown(file, tmp_path):
    small = kd_keras.load_litert(file)
    with pytest.raises(ValueError, match="Received: 'zebra'"):
        small.embed(["zebra"])
    with pytest.raises(ValueError, match="use `run`"):
        small.next_words(["word-1"])
    kd_keras.export_litert(embedding(), tmp_path / "bare.tflite")
    with pytest.raises(ValueError, match="has no vocabulary"):
        kd_keras.load_litert(tmp_path / "bare.tflite").embed(["zebra"])


@pytest.mark.parametrize("threads", [0, -1, None, 1.5, "1", True, 2**40])
def test_threads_that_are_none(file, threads):
    with pytest.raises(ValueError, match="`num_threads` must be a positive"):
        kd_keras.load_litert(file, threads)


@pytest.mark.parametrize(
    "symbols",
    [None, 3, "word-1", b"word-1", [1.0], [True], [None], [[1]], np.eye(2)],
    ids=repr,
)
def test_symbols_that_are_no_list_of_them(file, symbols):
    small = kd_keras.load_litert(file)
    with pytest.raises(ValueError, match=r"a list of words and.*Received: "):
        small.embed(symbols)


@pytest.mark.parametrize(
    "ids",
    [None, 3, "1", [1.0], [True], [2**31], [[1]], [[1], [1, 2]], ["word-1"]],
    ids=repr,
)
def test_arrays_that_an_input_does_not_take(file, ids):
    small = kd_keras.load_litert(file)
    with pytest.raises(ValueError, match=r"must be int32 of shape \(any\)"):
        small.run("serving_default", token_ids=ids)
    small.run("serving_default", token_ids=[1])  # it still works


@pytest.mark.slow
def test_integers_are_right_for_floats_and_shapes_are_told(tmp_path):
    path = tmp_path / "lm.tflite"
    kd_keras.export_litert(language_model(), path, sequence_length=4)
    small = kd_keras.load_litert(path)
    zeros = {name: np.zeros(s.shape, int) for name, s in small.start().items()}
    wanted, _ = small.step(3, small.start())
    np.testing.assert_array_equal(small.step(3, zeros)[0], wanted)
    with pytest.raises(ValueError, match=r"int32 of shape \(1, 4\)"):
        small.run("sequence", token_ids=[[1, 2]])
    with pytest.raises(ValueError, match=r"`h_0` must be float32 of shape"):
        small.step(3, zeros | {"h_0": np.zeros(3)})
    with pytest.raises(
        ValueError, match="`states` must be the states that `start`"
    ):
        small.step(3, None)
    for count in (0, -1, None, 1.5):
        with pytest.raises(ValueError, match="`count` must be a positive"):
            small.next_words([3], count)


def test_embedding_of_rows_of_a_length(tmp_path):
    ids = keras.Input((4,), dtype="int32")
    model = keras.Model(ids, embedding()(ids))
    for batch_size in (None, 2):
        path = tmp_path / "small.tflite"
        kd_keras.export_litert(model, path, batch_size=batch_size)
        small = kd_keras.load_litert(path)
        for count in (0, 3, 10):
            found = small.embed(np.arange(count))
            wanted = model.layers[-1](np.arange(count))
            np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_many_symbols_are_embedded_some_at_a_time(tmp_path, monkeypatch):
    layer = embedding()
    kd_keras.export_litert(layer, tmp_path / "small.tflite")
    small = kd_keras.load_litert(tmp_path / "small.tflite")
    whole = small.embed(np.arange(N))
    numbers = layer.D * layer.code_dim  # of a symbol
    monkeypatch.setattr(litert_model, "FLOATS_OF_A_CALL", 7 * numbers)
    sizes, run = [], small.run

    def recorded(signature, token_ids):
        sizes.append(len(token_ids))
        return run(signature, token_ids=token_ids)

    monkeypatch.setattr(small, "run", recorded)
    np.testing.assert_array_equal(small.embed(np.arange(N)), whole)
    assert max(sizes) == 7 and sum(sizes) == N


def test_functions_and_inputs_that_there_are_not(file):
    small = kd_keras.load_litert(file)
    lists = small.run("serving_default", token_ids=[1, 2])["embeddings"]
    np.testing.assert_array_equal(lists, small.embed([1, 2]))
    with pytest.raises(ValueError, match="serving_default. Received: 'no'"):
        small.run("no", token_ids=[1])
    with pytest.raises(ValueError, match="serving_default. Received: \\['no"):
        small.run(["no"], token_ids=[1])
    with pytest.raises(ValueError, match="token_ids. Received: ids"):
        small.run("serving_default", ids=[1])
