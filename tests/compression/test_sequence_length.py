"""The length of the sequences that the measured file reads."""

import keras
import numpy as np
import pytest

import kd_keras
from kd_keras.compression.file_size import FileContents, FileSize
from kd_keras.utils.errors import BadInputError


def model_of(length, reads=keras.layers.LSTM):
    return keras.Sequential(
        [
            keras.Input((length,), dtype="int32"),
            keras.layers.Embedding(1500, 16),
            reads(4),
        ]
    )


def length_in_file(path, contents=None):
    model = model_of(None)
    size = FileSize(model, "int8", contents=contents)
    total = size.export(model, path).total
    assert size.is_measured and total == size.before.total
    file = kd_keras.load_litert(path)
    ids = np.zeros((1, 40), np.int32)
    for length in (20, 32):
        try:
            file.run("serving_default", token_ids=ids[:, :length])
        except ValueError:
            continue
        return length, size.note


def test_a_length_is_chosen_and_said_or_the_one_that_was_given(tmp_path):
    length, note = length_in_file(tmp_path / "chosen.tflite")
    assert length == 32 and "reads sequences of 32" in note
    given = FileContents(sequence_length=20)
    assert length_in_file(tmp_path / "given.tflite", given) == (20, None)


def test_the_plan_says_the_length_that_was_chosen():
    model = model_of(None)
    [note] = kd_keras.plan(model, "50%", verbose=0).notes
    assert note.startswith("the file reads sequences of 32")
    assert not kd_keras.plan(model, "50%", verbose=0, sequence_length=9).notes


def test_a_layer_that_reads_any_length_needs_none():
    model = model_of(None, lambda _: keras.layers.GlobalAveragePooling1D())
    assert FileSize(model, "int8").note is None


@pytest.mark.parametrize(
    ("length", "wrong", "message"),
    [
        (8, 9, "`sequence_length` must be None or the second size"),
        (8, 0, "a positive integer or None. Received: sequence_length=0"),
        (None, 2.0, "a positive integer or None"),
    ],
)
def test_wrong_lengths_are_refused(length, wrong, message):
    for call in (kd_keras.plan, kd_keras.compress):
        with pytest.raises(BadInputError, match=message):
            call(model_of(length), "50%", verbose=0, sequence_length=wrong)
