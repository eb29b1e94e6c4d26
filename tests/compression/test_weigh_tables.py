"""What counts in data: frequent symbols, and what outputs depend on."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from small_models import SIZE, STEPS, N, ids_of, sequential, table, two_towers

import kd_keras
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.model_tables import find_tables
from kd_keras.compression.weigh_tables import count_ids, weigh_tables


def test_data_sets_count_like_arrays():
    model, x = sequential(), ids_of(600)
    y = x[:, 0] % 3

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 6

        def __getitem__(self, i):
            return x[100 * i : 100 * i + 100], y[100 * i : 100 * i + 100]

    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(100)
    counts = []
    for data in ((x, y), batches, Batches()):
        [table], _ = find_tables(model)
        found = count_ids(model, [table], ModelData("data", data))
        counts.append(found[id(table)])
    np.testing.assert_array_equal(counts[0], np.bincount(x.ravel(), None, N))
    np.testing.assert_array_equal(counts[0], counts[1])
    np.testing.assert_array_equal(counts[0], counts[2])


@pytest.mark.slow
def test_frequent_symbols_lose_less_with_data():
    model = sequential()
    ids = np.arange(STEPS)[None] + np.zeros((50, 1), "int32")
    small, plain = (
        kd_keras.compress(
            model, "35%", data, tune=False, effort=0, verbose=0
        ).get_layer("words")
        for data in (ids.astype("int32"), None)
    )
    wanted = model.get_layer("words").get_weights()[0][:STEPS]
    errors = [
        np.square(np.asarray(x(np.arange(STEPS))) - wanted).sum()
        for x in (small, plain)
    ]
    assert errors[0] < 0.8 * errors[1]


def test_costs_do_not_depend_on_the_scale_of_a_table():
    model = two_towers()
    rng = np.random.default_rng(0)
    users, items = (rng.integers(0, n, (500, 1)) for n in (300, N))
    # A product: what one table gains in length the other loses.
    users_table = model.get_layer("users")
    users_table.set_weights([100 * x for x in users_table.get_weights()])
    items_table = model.get_layer("items")
    items_table.set_weights([x / 100 for x in items_table.get_weights()])
    model.compile("sgd", "mse")
    data = [users, items], rng.normal(size=(500, 1))
    tables, _ = find_tables(model)
    weigh_tables(model, tables, ModelData("data", data))
    costs = {x.name: x.cost for x in tables}
    assert costs["items"] == pytest.approx(costs["users"], rel=0.3)
    assert all(x.metric is not None for x in tables)


def test_a_table_without_influence_leaves_the_costs_of_others():
    ids = keras.Input((STEPS,), dtype="int32")
    a, b, c = (
        layers.GlobalAveragePooling1D()(table(name=name)(ids)) for name in "abc"
    )
    model = keras.Model(ids, layers.Dense(1)(a + 0.01 * b + 0.0 * c))
    tables, _ = find_tables(model)
    weigh_tables(model, tables, ModelData("data", ids_of(300)))
    costs = {x.name: x.cost for x in tables}
    assert costs["a"] == 1 and 0 < costs["c"] < costs["b"] < 0.01


@pytest.mark.slow
def test_errors_count_by_the_directions_on_which_outputs_depend():
    model = sequential()
    model.get_layer("words").set_weights(
        [np.random.default_rng(0).normal(size=(N, SIZE))]
    )
    kernel = np.zeros((SIZE, 3), "float32")
    kernel[:2] = np.random.default_rng(1).normal(size=(2, 3))
    model.layers[-1].set_weights([kernel, np.zeros(3)])
    x = ids_of(300)
    [table], _ = find_tables(model)
    weigh_tables(model, [table], ModelData("data", x))
    strength = np.linalg.norm(table.metric, axis=0)
    assert strength[:2].min() > 1.5 * strength[2:].max()
    wanted = np.asarray(model(x))
    small = kd_keras.compress(model, "30%", x, tune=False, verbose=0, effort=0)
    plain = kd_keras.compress(model, "30%", verbose=0, effort=0)
    errors = [np.abs(np.asarray(m(x)) - wanted).mean() for m in (small, plain)]
    assert errors[0] < 0.6 * errors[1]


@pytest.mark.parametrize("heeds_the_mask", [True, False])
def test_padding_counts_if_a_layer_does_not_heed_the_mask(heeds_the_mask):
    class Mean(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking = True

        def compute_mask(self, inputs, previous_mask):
            return None

        def call(self, x, mask=None):
            if not heeds_the_mask:
                return keras.ops.mean(x, axis=1)
            seen = keras.ops.cast(mask, x.dtype)[..., None]
            total = keras.ops.sum(x * seen, axis=1)
            return total / keras.ops.sum(seen, axis=1)

    ids = ids_of(100)
    ids[:, 0], ids[:, 1:] = 1, np.where(ids[:, 1:] % 2, ids[:, 1:], 0)
    model = keras.Sequential(
        [
            keras.Input((STEPS,), dtype="int32"),
            table(mask_zero=True),
            Mean(),
            layers.Dense(2),
        ]
    )
    [found], _ = find_tables(model)
    weigh_tables(model, [found], ModelData("data", ids))
    assert found.reads_padding != heeds_the_mask
    least = found.weights[0] == found.weights.min()
    assert least == heeds_the_mask
    assert (found.weights[0] == found.weights.max()) != heeds_the_mask


class Looked(layers.Layer):
    """A cell that reads a symbol at each step."""

    state_size = 4

    def __init__(self, words, **options):
        super().__init__(**options)
        self.words, self.cell = words, layers.SimpleRNNCell(4)

    def build(self, shape):
        self.words.build()
        self.cell.build((None, SIZE))

    def call(self, ids, states):
        return self.cell(self.words(ids[..., 0]), states)


@pytest.mark.parametrize("kind", ["time distributed", "cell"])
def test_ids_of_longer_batches_are_counted_too(kind):
    words = layers.Embedding(N, SIZE, name="words")
    inner = 5 if kind == "time distributed" else 1
    ids = keras.Input((None, inner), dtype="int32")
    if kind == "time distributed":
        pooled = [keras.Input((inner,), dtype="int32"), words]
        encoder = keras.Sequential([*pooled, layers.GlobalMaxPooling1D()])
        hidden = layers.TimeDistributed(encoder)(ids)
        output = layers.GlobalMaxPooling1D()(hidden)
    else:
        output = layers.RNN(Looked(words), unroll=False)(ids)
    model = keras.Model(ids, output)

    def data(last):
        texts = [np.full((n, inner), n, "int32") for n in (2, 2, 9, 9)]
        texts[-1][-1] = last
        made = tf.data.Dataset.from_generator(
            lambda: iter(texts),
            output_signature=tf.TensorSpec((None, inner), tf.int32),
        )
        return ModelData("data", made.batch(2))

    [found], _ = find_tables(model)
    counts = count_ids(model, [found], data(9))[id(found)]
    assert counts[9] >= 2 * 9 * inner
    with pytest.raises(kd_keras.BadInputError, match=f"{N:,} in `data`"):
        count_ids(model, [found], data(N))
