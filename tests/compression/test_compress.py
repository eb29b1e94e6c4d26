"""Tests of `compress` and `plan`: budget, data, what is said and refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from small_models import (
    SIZE,
    STEPS,
    N,
    ids_of,
    masked,
    not_trained,
    sequential,
    table,
    tied,
    two_towers,
    wide_output,
)

import kd_keras
from kd_keras.compression.carry_out import Work, carry_out
from kd_keras.compression.compress import compress_model
from kd_keras.compression.file_size import FileSize
from kd_keras.compression.make_plan import make_plan
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.model_tables import find_tables
from kd_keras.compression.weigh_tables import count_ids, weigh_tables


@pytest.fixture(scope="module")
def trained():
    """A model that has learned how many ids are small, and its data."""
    model = sequential()
    x = ids_of(600)
    y = (x < 20).sum(axis=1) // 3
    model.compile(
        keras.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x, y, epochs=5, verbose=0)
    return model, (x, y)


def planned_and_made(model, budget, **options):
    """Returns the plan and the model of `compress`, which is made of it."""
    planned = make_plan(model, budget, verbose=0, **options)
    found = carry_out(planned, Work(model, tune=False, effort=0))
    return planned.plan, found.model


@pytest.mark.parametrize("budget", [9_000, "12 KB", "60%"])
@pytest.mark.slow
def test_the_file_is_within_the_budget_and_uses_it(budget, tmp_path):
    model = sequential()
    planned, small = planned_and_made(model, budget)
    path = tmp_path / "small.tflite"
    total = kd_keras.export_litert(small, path, quantization="int8").total
    assert 0.85 * planned.budget <= total <= planned.budget
    assert abs(total - planned.bytes) <= 0.02 * total


@pytest.mark.parametrize("quantization", [None, "float16", "int8"])
@pytest.mark.slow
def test_predicted_bytes_are_those_of_the_file(quantization, tmp_path):
    model = wide_output()
    planned, small = planned_and_made(model, "50%", quantization=quantization)
    path = tmp_path / "small.tflite"
    report = kd_keras.export_litert(small, path, quantization=quantization)
    assert abs(report.total - planned.bytes) <= 0.02 * planned.bytes
    of_tables = sum(
        size
        for name, size in report.parts.items()
        if name in ("codes", "code embeddings", "composition")
        or name.startswith("embedding table")
    )
    assert abs(sum(x.bytes for x in planned.tables) - of_tables) <= 64


@pytest.mark.slow
def test_training_with_data_lowers_the_loss_and_keeps_the_original(trained):
    model, data = trained
    before = model.get_weights()
    found = compress_model(model, "45%", data, effort=0.4, verbose=0)
    assert list(found.measured) == ["before", "with new tables", "trained"]
    assert min(found.losses) < found.losses[0]
    assert found.model.compiled and found.model.optimizer is not model.optimizer
    result = found.model.evaluate(*data, verbose=0, return_dict=True)
    assert result["accuracy"] > 0.8
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_without_targets_it_learns_from_the_original(trained):
    model, (x, _) = trained
    found = compress_model(model, "45%", x, effort=0.4, verbose=0)
    assert 0 <= min(found.losses) < found.losses[0]
    assert found.measured == {}


def test_data_sets_count_like_arrays(trained):
    model, (x, y) = trained

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


@pytest.mark.slow
def test_masks_names_and_settings_are_kept():
    model = masked()
    small = kd_keras.compress(model, "60%", effort=0, verbose=0)
    assert small.get_layer("words").mask_zero
    assert [x.name for x in small.layers] == [x.name for x in model.layers]
    frozen = kd_keras.compress(not_trained(), "60%", effort=0, verbose=0)
    assert not frozen.get_layer("words").trainable


@pytest.mark.slow
def test_a_tied_table_stays_tied_and_a_wide_output_gets_codes():
    small = kd_keras.compress(tied(), "60%", effort=0, verbose=0)
    words = small.get_layer("words")
    assert isinstance(words, kd_keras.KDEmbedding)
    assert sum(w is words.composition.code_embeddings for w in small.weights)
    assert small.output_shape[-1] == N
    small = kd_keras.compress(wide_output(), "40%", effort=0, verbose=0)
    assert isinstance(small.get_layer("next"), kd_keras.KDLogits)


@pytest.mark.slow
def test_only_the_layers_that_are_named():
    model = two_towers()
    planned = kd_keras.plan(model, "80%", layers=["items"], verbose=0)
    assert [x.name for x in planned.tables] == ["items"]
    small = kd_keras.compress(
        model, "80%", layers=[model.get_layer("items")], effort=0, verbose=0
    )
    assert type(small.get_layer("users")) is layers.Embedding


def test_small_tables_and_own_classes_are_left_and_said():
    class Own(layers.Embedding):
        def call(self, inputs):
            return 2 * super().call(inputs)

    class Named(layers.Embedding):
        """Computes what an embedding does."""

    ids = keras.Input((STEPS,), dtype="int32")
    own = Own(N, SIZE, name="own")
    named = Named(N, SIZE, name="named")
    few = layers.Embedding(10, SIZE, name="few")
    hidden = table()(ids) + own(ids) + few(ids // 400) + named(ids)
    model = keras.Model(ids, layers.GlobalAveragePooling1D()(hidden))
    planned = kd_keras.plan(model, "80%", verbose=0)
    assert {x.name for x in planned.tables} == {"words", "named"}
    reasons = {x.name: x.reason for x in planned.left}
    assert "its class, Own" in reasons["own"] and "small" in reasons["few"]
    assert "left: few, it is small" in str(planned)


@pytest.mark.slow
def test_a_regulariser_that_is_lost_is_said():
    model = keras.Sequential(
        [
            keras.Input((STEPS,), dtype="int32"),
            layers.Embedding(N, SIZE, embeddings_regularizer="l2"),
        ]
    )
    planned = kd_keras.plan(model, "50%", verbose=0)
    assert "embeddings_regularizer" in planned.notes[-1]


def test_within_the_budget_nothing_is_done():
    model = sequential()
    planned = kd_keras.plan(model, "1 MB", verbose=0)
    assert "nothing to do" in str(planned) and not planned.tables
    same = kd_keras.compress(model, "1 MB", verbose=0)
    assert same is not model
    ids = ids_of(5)
    np.testing.assert_array_equal(same(ids), model(ids))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model():
    model = sequential()
    a, b = (
        kd_keras.compress(model, "50%", seed=3, effort=0, verbose=0)
        for _ in range(2)
    )
    for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.slow
def test_the_plan_is_data_and_prints_all_of_it():
    planned = kd_keras.plan(sequential(), "50%", verbose=0)
    found = planned.to_dict()
    assert found["tables"][0]["told"] == str(planned.tables[0].form)
    assert {"codes", "cut", "narrow"} <= {
        x["way"] for x in found["alternatives"]
    }
    text = str(planned)
    assert "(taken)" in text and f"{planned.bytes:,}" in text


@pytest.mark.parametrize(
    "change, message",
    [
        ({"budget": 0}, "A budget must be.*Received: budget=0"),
        ({"budget": "2 apples"}, "A budget must be.*'2 apples'"),
        ({"budget": "0%"}, "percent must be above 0"),
        ({"budget": True}, "A budget must be"),
        ({"budget": float("nan")}, "A budget must be"),
        ({"budget": 300}, "must be at least [0-9,]+ bytes"),
        ({"model": keras.Sequential([layers.Dense(2)])}, "not built"),
        ({"model": "model.keras"}, "needs a Keras model"),
        ({"quantization": "int3"}, "quantization. must be.*int3"),
        ({"effort": -1}, "effort"),
        ({"seed": -1}, "`seed` must be"),
        ({"layers": ["nothing"]}, "must be layers of the model.*'nothing'"),
        ({"layers": []}, "must be a list of layers"),
        ({"data": np.full((4, STEPS), N)}, f"0 to {N - 1:,}.*{N:,} in `data`"),
        ({"data": -np.ones((4, STEPS), int)}, "Received: -1 in `data`"),
        ({"data": (np.ones((4, STEPS)), np.ones(3))}, "one row for each"),
        ({"data": np.ones((4, 2, 2, 2, STEPS))}, "what the model takes"),
        ({"data": 3}, "must be arrays"),
        ({"data": np.zeros((0, STEPS))}, "one row for each"),
        ({"validation_data": np.ones((4, STEPS))}, "needs `data`"),
    ],
)
def test_bad_input_is_one_line_before_any_work(change, message):
    given = {"model": sequential(), "budget": "50%", "verbose": 0} | change
    with pytest.raises(kd_keras.BadInputError, match=message) as error:
        kd_keras.compress(**given)
    assert "\n" not in str(error.value)


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


def test_symbols_that_occur_equally_often_may_have_tiers():
    model = sequential()
    ids = np.arange(N * STEPS).reshape(-1, STEPS) % N
    planned = kd_keras.plan(model, "40%", ids, ids[:20], verbose=0)
    assert planned.bytes <= planned.budget


def test_a_model_that_nobody_can_copy_is_refused_even_if_it_is_small():
    class Hidden(keras.Model):
        def __init__(self, words):
            super().__init__()
            self.words = words

        def call(self, ids):
            return self.words(ids)

    model = Hidden(table())
    model(ids_of(2))
    with pytest.raises(kd_keras.BadInputError, match="within the budget"):
        kd_keras.compress(model, "12 MB", verbose=0)


def skewed():
    """A model whose matrices are rounded by one scale, but hardly so."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(N, 6)) @ rng.normal(size=(6, SIZE))
    vectors[:, 0] *= 0.05
    model = keras.Sequential(
        [
            keras.Input((STEPS,), dtype="int32"),
            table(),
            layers.Dense(256),
            layers.Dense(64),
        ]
    )
    model.layers[0].set_weights([vectors])
    return model


@pytest.mark.parametrize("when", ["learned", "trained"])
@pytest.mark.slow
def test_a_file_that_grows_after_the_plan_is_planned_anew(when, monkeypatch):
    """The size of a file depends on the values of its weights."""
    model, data = skewed(), None
    if when == "trained":
        data = ids_of(200)
    told, planned = [], kd_keras.plan(model, "70%", data, verbose=0)
    of = FileSize.of
    grown = []

    def size_of(self, small):
        total = of(self, small)
        # The first model that is no outline, or the first trained one.
        if sum(x.startswith("Training") for x in told) == (when == "trained"):
            is_made = any("budget" in line for line in told)
            if is_made and not grown:
                grown.append(total)
                return planned.budget + 500
        return total

    monkeypatch.setattr(FileSize, "of", size_of)
    found = compress_model(
        model, "70%", data, effort=0, verbose=0, say=told.append
    )
    assert grown and any("planning anew" in line for line in told)
    assert of(found.size, found.model) <= planned.budget - 400
    if when == "trained":
        assert found.losses


def test_a_model_without_a_table_is_refused():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    with pytest.raises(kd_keras.BadInputError, match="without one"):
        kd_keras.compress(model, "50%", verbose=0)


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


def test_a_model_with_a_batch_size_gets_whole_batches_in_order():
    data = ModelData("data", (np.arange(103), np.arange(103) + 1), 4)
    train, valid = data.split()
    assert train.rows % 4 == valid.rows % 4 == 0
    read = [x for part in (train, valid) for x, *_ in part.batches()]
    np.testing.assert_array_equal(np.concatenate(read), np.arange(100))
    assert [len(x) for x in read] == [4] * 25
    with pytest.raises(kd_keras.BadInputError, match="at least one batch"):
        ModelData("data", np.arange(3), 4)


@pytest.mark.slow
def test_the_states_of_a_stateful_layer_stay():
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(10, STEPS), dtype="int32"),
            table(),
            layers.LSTM(4, stateful=True),
            layers.Dense(2, activation="softmax"),
        ]
    )
    ids = ids_of(60)
    model(ids[:10])
    lstm = model.layers[1]
    before = [x.numpy() for x in lstm.states]
    small = kd_keras.compress(model, "60%", ids, effort=0, verbose=0)
    for state, wanted in zip(lstm.states, before, strict=True):
        np.testing.assert_array_equal(state.numpy(), wanted)
    for state in small.layers[1].states:  # it begins anew
        assert not state.numpy().any()
