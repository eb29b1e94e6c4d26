"""Data in the forms that `compress` takes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import kd_keras
from kd_keras.compression import model_data
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.read_data import read_data

ROWS = 2000


def with_targets(y):
    return ModelData("data", (np.arange(ROWS)[:, None], y))


def targets(data):
    return np.concatenate([np.asarray(y) for _, y, _ in data.batches()])


@pytest.mark.parametrize("period", [2, 5, 10])
def test_what_is_held_back_does_not_follow_the_order_of_the_rows(period):
    y = (np.arange(ROWS) % period == 0).astype(int)
    train, valid = with_targets(y).split()
    assert (train.rows, valid.rows) == (0.9 * ROWS, 0.1 * ROWS)
    for part in (train, valid, with_targets(y).part(20)):
        assert targets(part).mean() == pytest.approx(1 / period, abs=0.08)


def test_a_part_has_as_many_batches_as_asked():
    data = with_targets(np.zeros(ROWS, int))
    size = data.training_batch
    assert data.part(10).rows == 10 * size
    assert data.part(ROWS // size).rows == ROWS // size * size
    assert data.part(ROWS) is data


def test_the_split_is_the_same_each_time():
    y = np.arange(ROWS)
    first, second = (targets(with_targets(y).split()[1]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def model(batch_size=None, **options):
    return keras.Sequential(
        [
            *([keras.Input((6,), batch_size, "int32")] if batch_size else []),
            layers.Embedding(100, 8),
            layers.LSTM(4, **options),
        ]
    )


def test_the_batch_of_a_first_call_is_not_that_of_the_data():
    built = model()
    x = np.repeat(np.arange(1020, dtype=np.int32)[:, None], 6, axis=1)
    built(x[:1])
    train, valid = read_data(built, x, None)
    assert (train.rows, valid.rows) == (918, 102)
    assert train.training_batch == 32
    # A recurrent layer that carries its state has one for each row: the last
    # whole batches are held back.
    train, valid = read_data(model(50, stateful=True), x, None)
    assert train.training_batch == 50 and (train.rows, valid.rows) == (900, 100)
    assert next(valid.batches())[0][0, 0] == 900


class Batches(keras.utils.PyDataset):
    """Has `num_batches`, but no length."""

    @property
    def num_batches(self):
        return 3

    def __getitem__(self, i):
        return np.full((4, 1), i), np.zeros(4, int)


def test_a_py_dataset_needs_no_length():
    data = ModelData("data", Batches())
    assert data.steps() == 3 and len(list(data.batches())) == 3


def test_an_output_of_classes_alone_needs_targets():
    ids = keras.Input((6,), dtype="int32")
    hidden = layers.GlobalAveragePooling1D()(layers.Embedding(2000, 8)(ids))
    found = keras.Model(ids, keras.ops.argmax(hidden, axis=-1))
    x = np.zeros((40, 6), np.int32)
    with pytest.raises(kd_keras.BadInputError, match="need targets") as caught:
        kd_keras.plan(found, "10 KB", data=x, verbose=0)
    assert "\n" not in str(caught.value)


def test_a_model_with_a_batch_size_gets_whole_batches_in_order():
    data = ModelData("data", (np.arange(103), np.arange(103) + 1), 4)
    train, valid = data.split()
    assert train.rows % 4 == valid.rows % 4 == 0
    read = [x for part in (train, valid) for x, *_ in part.batches()]
    np.testing.assert_array_equal(np.concatenate(read), np.arange(100))
    assert [len(x) for x in read] == [4] * 25
    with pytest.raises(kd_keras.BadInputError, match="at least one batch"):
        ModelData("data", np.arange(3), 4)


def test_data_of_unknown_length_are_told_in_case_they_have_no_end(monkeypatch):
    monkeypatch.setattr(model_data, "MANY", 3)

    def rows(count):
        data = tf.data.Dataset.from_generator(
            lambda: iter(np.zeros((count, 8), "int32")),
            output_signature=tf.TensorSpec((8,), tf.int32),
        )
        return ModelData("data", data)

    data = rows(5)
    with pytest.warns(UserWarning, match="`data` has given 3 batches") as told:
        assert len(list(data.batches())) == 5
    assert len(told) == 1
    assert len(list(data.batches())) == 5  # once is enough
    with pytest.warns(UserWarning, match="use `take"):
        assert rows(5).steps() == 5
    # Nothing is told of data that are as short or whose length is known.
    assert len(list(rows(3).batches())) == 3
    assert len(list(rows(5).batches(3))) == 3
    known = tf.data.Dataset.from_tensor_slices(np.zeros((5, 8), "int32"))
    assert len(list(ModelData("data", known).batches())) == 5


def text_and_number():
    text = keras.Input((3,), dtype="string", name="text")
    number = keras.Input((1,), name="number")
    ids = layers.StringLookup(vocabulary=[f"w{i}" for i in range(699)])(text)
    flat = layers.Flatten()(layers.Embedding(700, 16)(ids))
    both = layers.Concatenate()([flat, number])
    found = keras.Model(
        {"text": text, "number": number}, layers.Dense(1, "sigmoid")(both)
    )
    found.compile("adam", "binary_crossentropy")
    return found


@pytest.mark.parametrize("kind", ["array", "tensor", "PyDataset"])
def test_texts_and_numbers_together(kind):
    rng = np.random.default_rng(0)
    texts = np.char.add("w", rng.integers(0, 699, (64, 3)).astype(str))
    x = {"text": texts, "number": np.ones((64, 1), "float32")}
    if kind != "array":
        x["text"] = tf.constant(texts)
    data = x, rng.integers(0, 2, 64)
    if kind == "PyDataset":

        class Whole(keras.utils.PyDataset):
            num_batches = 1

            def __getitem__(self, i):
                return x, rng.integers(0, 2, 64)

        data = Whole()
    planned = kd_keras.plan(text_and_number(), "40%", data, verbose=0)
    assert planned.tables[0].weighted


def two_outputs(loss):
    ids = keras.Input((6,), dtype="int32", name="ids")
    hidden = layers.Embedding(1000, 16)(ids)
    hidden = layers.GlobalAveragePooling1D()(hidden)
    outputs = {
        "kind": layers.Dense(3, "softmax", name="kind")(hidden),
        "amount": layers.Dense(1, name="amount")(hidden),
    }
    found = keras.Model({"ids": ids}, outputs)
    kind = "sparse_categorical_crossentropy"
    found.compile("adam", {"kind": kind, "amount": loss})
    return found


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("without", ["targets", "weights"])
def test_an_output_may_have_no_targets_or_no_weights(without):
    ids = np.random.default_rng(0).integers(0, 1000, (60, 6))
    y = {"kind": ids[:, 0] % 3, "amount": np.ones((60, 1), "float32")}
    weights = {"kind": np.ones(60, "float32"), "amount": None}
    loss = "mse"
    if without == "targets":
        y["amount"] = weights = loss = None
    given = two_outputs(loss)
    data = {"ids": ids}, y, weights
    given.fit(*data[:2], sample_weight=weights, verbose=0)
    small = kd_keras.compress(given, "40%", data, effort=0.01, verbose=0)
    assert small.evaluate(*data[:2], verbose=0) is not None


def test_none_in_the_place_of_targets_is_none():
    x = np.zeros((4, 2))
    for data in ((x, None), (x, None, None)):
        assert not ModelData("data", data).has_targets
    with pytest.raises(kd_keras.BadInputError, match="must have inputs"):
        ModelData("data", (None, x))
