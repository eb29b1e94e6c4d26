"""Tests of `compress` and `plan`: budget, data, what is said and refused."""

import keras
import numpy as np
import pytest
from keras import layers
from small_models import (
    N,
    SIZE,
    STEPS,
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
from kd_keras.compression.compress import compress_model
from kd_keras.compression.make_plan import make_plan


def questions(rows=600, model=None):
    """A model that has learned whether the first ids are small, with data."""
    model = model or sequential()
    x = ids_of(rows)
    y = (x < 20).sum(axis=1) // 3
    model.compile(
        keras.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x, y, epochs=5, verbose=0)
    return model, (x, y)


@pytest.mark.parametrize("budget", [4_000, "5 KB", "60%"])
def test_the_file_is_within_the_budget_and_uses_it(budget, tmp_path):
    model = sequential()
    planned = kd_keras.plan(model, budget, verbose=0)
    small = kd_keras.compress(model, budget, effort=0, verbose=0)
    path = tmp_path / "small.tflite"
    total = kd_keras.export_litert(small, path, quantization="int8").total
    assert 0.9 * planned.budget <= total <= planned.budget
    assert abs(total - planned.bytes) <= 0.02 * total


@pytest.mark.parametrize("quantization", [None, "float16", "int8"])
def test_predicted_bytes_are_those_of_the_file(quantization, tmp_path):
    model = two_towers()
    planned = kd_keras.plan(
        model, "50%", quantization=quantization, verbose=0
    )
    small = kd_keras.compress(
        model, "50%", quantization=quantization, effort=0, verbose=0
    )
    report = kd_keras.export_litert(
        small, tmp_path / "x.tflite", quantization=quantization, batch_size=1,
        tolerance=1,
    )  # fmt: skip
    assert abs(report.total - planned.bytes) <= 0.02 * planned.bytes + 600
    assert sum(x.bytes for x in planned.tables) == sum(
        size for name, size in report.parts.items()
        if name in ("codes", "code embeddings", "composition")
        or name.startswith("embedding table")
    )  # fmt: skip


def test_training_with_data_lowers_the_loss_and_keeps_the_original():
    model, data = questions()
    before = model.get_weights()
    found = compress_model(model, "45%", data, effort=0.4, verbose=0)
    assert min(found.losses) < found.losses[0]
    assert found.model.compiled and found.model.optimizer is not model.optimizer
    result = found.model.evaluate(*data, verbose=0, return_dict=True)
    assert result["accuracy"] > 0.8
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_targets_it_learns_from_the_original():
    model, (x, _) = questions()
    found = compress_model(model, "45%", x, effort=0.4, verbose=0)
    assert 0 <= min(found.losses) < found.losses[0]
    assert found.loss_before == pytest.approx(0, abs=1e-6)


def test_data_sets_count_like_arrays():
    import tensorflow as tf

    model, (x, y) = questions()

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 6

        def __getitem__(self, i):
            return x[100 * i : 100 * i + 100], y[100 * i : 100 * i + 100]

    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(100)
    weights = [
        make_plan(model, "45%", data, data, verbose=0, effort=0)
        .tables[0]
        .weights
        for data in ((x, y), batches, Batches())
    ]
    np.testing.assert_array_equal(weights[0], weights[1])
    np.testing.assert_array_equal(weights[0], weights[2])


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


def test_a_table_that_matters_gets_more_of_the_bytes():
    model = two_towers()
    rng = np.random.default_rng(0)
    users, items = (rng.integers(0, n, (500, 1)) for n in (300, N))
    # The users' vectors are long, so the loss depends on the items' more.
    users_table = model.get_layer("users")
    users_table.set_weights([100 * x for x in users_table.get_weights()])
    items_table = model.get_layer("items")
    items_table.set_weights([x / 100 for x in items_table.get_weights()])
    model.compile("sgd", "mse")
    data = [users, items], rng.normal(size=(500, 1))
    found = make_plan(model, "50%", data, verbose=0)
    assert {x.cost for x in found.tables} != {1.0}
    assert max(x.cost for x in found.tables) == 1


def test_masks_names_and_settings_are_kept():
    model = masked()
    small = kd_keras.compress(model, "60%", effort=0, verbose=0)
    assert small.get_layer("words").mask_zero
    assert [x.name for x in small.layers] == [x.name for x in model.layers]
    frozen = kd_keras.compress(not_trained(), "60%", effort=0, verbose=0)
    assert not frozen.get_layer("words").trainable


def test_a_tied_table_stays_tied_and_a_wide_output_gets_codes():
    small = kd_keras.compress(tied(), "60%", effort=0, verbose=0)
    words = small.get_layer("words")
    assert isinstance(words, kd_keras.KDEmbedding)
    assert sum(w is words.composition.code_embeddings for w in small.weights)
    assert small.output_shape[-1] == N
    small = kd_keras.compress(wide_output(), "40%", effort=0, verbose=0)
    assert isinstance(small.get_layer("next"), kd_keras.KDLogits)


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
        pass

    ids = keras.Input((STEPS,), dtype="int32")
    own = Own(500, SIZE, name="own")
    few = layers.Embedding(10, SIZE, name="few")
    hidden = table()(ids) + own(ids) + few(ids // 40)
    model = keras.Model(ids, layers.GlobalAveragePooling1D()(hidden))
    planned = kd_keras.plan(model, "80%", verbose=0)
    reasons = {x.name: x.reason for x in planned.left}
    assert "its class, Own" in reasons["own"] and "small" in reasons["few"]
    assert "left: few, it is small" in str(planned)


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


def test_the_same_seed_gives_the_same_model():
    a, b = (
        kd_keras.compress(sequential(), "50%", seed=3, effort=0, verbose=0)
        for _ in range(2)
    )
    for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


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
        ({"quantization": "int3"}, "quantization must be one of"),
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


def test_a_model_without_a_table_is_refused():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    with pytest.raises(kd_keras.BadInputError, match="without one"):
        kd_keras.compress(model, "50%", verbose=0)
