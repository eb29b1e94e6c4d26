"""Tests that exports try every id of every input, whatever the model does."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import kd_keras
from kd_keras.export import parity
from kd_keras.export.signatures.signatures_of import signatures_of
from kd_keras.export.size.coded_model import CodedModel
from kd_keras.language_model.unique_symbols import UniqueSymbols


def kd(N, **options):
    return kd_keras.KDEmbedding(N, 8, K=4, D=2, **options)


def ids(shape=(None,), dtype="int32"):
    return keras.Input(shape, dtype=dtype, name="words")


def end(*steps):
    """Returns one number per row, from vectors of any rank."""
    vectors = [layers.Reshape((-1, 8))(x) for x in steps]
    vectors = layers.Concatenate(1)(vectors) if vectors[1:] else vectors[0]
    return layers.Dense(1)(layers.GlobalAveragePooling1D()(vectors))


def two_columns():
    x = ids((2,))
    return keras.Model(x, end(kd(20)(x[:, 0]), kd(35)(x[:, 1])))


def first_and_rest():
    x = ids()
    return keras.Model(x, end(kd(20)(x[:, :1]), kd(35)(x[:, 1:])))


def fields_of_one_table():
    x = ids((3,))
    return keras.Model(x, end(kd(70)(x + np.array([0, 20, 60]))))


def from_one_on():
    x = ids()
    return keras.Model(x, end(kd(20)(x - 1)))


def shifted():
    x = ids()
    return keras.Model(x, end(kd(20)(x + 3)))


def doubled():
    x = ids()
    return keras.Model(x, end(kd(20)(2 * x)))


def nested():
    inner = two_columns()
    x = ids((2,))
    return keras.Model(x, inner(x) + inner(x[:, ::-1]))


def conventional_beside():
    x = ids()
    return keras.Model(x, end(layers.Embedding(15, 8)(x), kd(20)(x)))


class Bias(layers.Layer):
    def build(self, _):
        self.bias = self.add_weight(shape=(12, 8))

    def call(self, x):
        return ops.take(self.bias, x, axis=0)


def table_that_is_no_embedding():
    x = ids()
    return keras.Model(x, end(kd(20)(x), Bias()(x)))


class Doubled(layers.Embedding):
    def call(self, x):
        return super().call(2 * x)


def embedding_that_does_more():
    x = ids()
    return keras.Model(x, end(kd(20)(x), Doubled(10, 8)(x)))


def a_document():
    sentence = ids((5,))
    encoder = keras.Model(sentence, end(kd(20)(sentence)))
    x = ids((4, 5))
    steps = layers.TimeDistributed(encoder)(x)
    return keras.Model(x, layers.Flatten()(steps))


def positions_beside():
    x = ids((6,))
    return keras.Model(x, end(kd(20)(x), kd(6)(ops.arange(6) + 0 * x)))


class Mapped(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = kd(20)

    def build(self, _):
        self.inner.build()

    def call(self, x):
        return ops.vectorized_map(self.inner, x)

    def compute_output_shape(self, shape):
        return (*shape, 8)


def in_a_graph_of_its_own():
    x = ids((3,))
    return keras.Model(x, end(Mapped()(x)))


def different_ones():
    x = ids((3,))
    return keras.Model(x, end(UniqueSymbols(kd(20))(x)))


RANGES = [
    (two_columns, 0, [20, 35]),
    (first_and_rest, 0, [20] + 15 * [35]),
    (fields_of_one_table, 0, [70, 50, 10]),
    (from_one_on, 1, 21),
    (shifted, 0, 17),
    (doubled, 0, 10),
    (nested, 0, 20),
    (conventional_beside, 0, 15),
    (table_that_is_no_embedding, 0, 12),
    (embedding_that_does_more, 0, 5),
    (a_document, 0, 20),
    (positions_beside, 0, 20),
    (in_a_graph_of_its_own, 0, 20),
    (different_ones, 0, 20),
]


@pytest.mark.parametrize(
    ("make", "first", "ends"),
    RANGES,
    ids=[make.__name__ for make, *_ in RANGES],
)
@pytest.mark.slow
def test_ranges(make, first, ends):
    model = make()
    (signature,) = signatures_of(CodedModel.of(model))
    assert signature.first_id == first
    np.testing.assert_array_equal(signature.vocabularies["token_ids"], ends)
    # The layers have their own `call` again.
    assert not any("call" in vars(layer) for layer in model._flatten_layers())


@pytest.mark.parametrize(
    "make", [make for make, *_ in RANGES], ids=lambda make: make.__name__
)
@pytest.mark.slow
def test_they_are_exported(make, tmp_path):
    model = make()
    kd_keras.export_saved_model(model, tmp_path / "model")


def test_floats_that_are_ids(tmp_path):
    x = keras.Input((4,), name="words")
    model = keras.Model(x, end(kd(20)(x)))
    kd_keras.export_litert(model, tmp_path / "m.tflite")
    small = kd_keras.load_litert(tmp_path / "m.tflite")
    given = np.array([[0, 19, 3, 7]])
    found = small.run("serving_default", token_ids=given)["output"]
    np.testing.assert_allclose(found, model(given), atol=1e-6)


def test_one_column_of_floats_is_an_id(tmp_path):
    x = keras.Input((3,), name="row")
    vector = kd(20)(ops.cast(x[:, 0], "int32"))
    both = layers.Concatenate()([vector, x[:, 1:]])
    model = keras.Model(x, layers.Dense(1)(both))
    kd_keras.export_litert(model, tmp_path / "m.tflite")
    small = kd_keras.load_litert(tmp_path / "m.tflite")
    given = np.array([[19, 0.5, -2.25]], np.float32)
    found = small.run("serving_default", token_ids=given)["output"]
    np.testing.assert_allclose(found, model(given), atol=1e-6)


def test_other_inputs_stay_what_they_are(tmp_path):
    words, age = ids(), keras.Input((), name="age")
    length = keras.Input((), dtype="int64", name="length")
    known = keras.Input((8,), dtype="bool", name="known")
    bins = layers.Discretization([1.0, 2.0, 3.0])(age)
    mean = layers.GlobalAveragePooling1D()(kd(20)(words))
    mean = mean / ops.cast(length, "float32")[:, None]
    mean = ops.where(known, mean, kd(4)(bins))
    model = keras.Model([words, age, length, known], layers.Dense(1)(mean))
    (signature,) = signatures_of(CodedModel.of(model))
    assert {n: s.dtype.name for n, s in signature.inputs.items()} == {
        "words": "int32",
        "age": "float32",
        "length": "int32",
        "known": "bool",
    }
    assert signature.vocabularies == {"words": 20, "length": 4}
    kd_keras.export_saved_model(model, tmp_path / "model")


class TwoColumns(keras.Model):
    def __init__(self):
        super().__init__()
        self.user, self.item = kd(20), kd(35)

    def call(self, x):
        return ops.sum(self.user(x[:, 0]) * self.item(x[:, 1]), -1)


def test_columns_of_an_example_are_kept(tmp_path):
    model, example = TwoColumns(), np.array([[1, 2]])
    model(example)
    kd_keras.export_litert(model, tmp_path / "m.tflite", example=example)
    small = kd_keras.load_litert(tmp_path / "m.tflite")
    given = np.array([[19, 34], [0, 20]])
    found = small.run("serving_default", token_ids=given)["output"]
    np.testing.assert_allclose(found, model(given), atol=1e-6)


def test_every_id_of_inputs_of_different_lengths_is_tried():
    one, five = ids((), "int32"), keras.Input((5,), dtype="int32", name="five")
    model = keras.Model([one, five], end(kd(60)(one), kd(60)(five)))
    (signature,) = signatures_of(CodedModel.of(model), batch_size=1)
    tried = {name: set() for name in signature.inputs}
    for inputs in parity._calls(signature, 1):
        for name, given in inputs.items():
            tried[name] |= set(given.ravel().tolist())
    assert tried == {name: set(range(60)) for name in signature.inputs}


class Fails(layers.Layer):
    fails = False

    def call(self, x):
        if self.fails:
            raise RuntimeError("no\nluck")
        return x


def test_a_model_that_fails_says_so_in_a_line(tmp_path):
    x, layer = ids(), Fails()
    model = keras.Model(x, end(layer(kd(20)(x))))
    layer.fails = True
    with pytest.raises(ValueError, match=r"calls the model.*no luck") as caught:
        kd_keras.export_litert(model, tmp_path / "m.tflite")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
