"""Tests of `compress` and `plan`: budget, data, what is said and refused."""

import keras
import numpy as np
import pytest
from keras import layers, ops
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
from kd_keras.compression.make_plan import make_plan


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
@pytest.mark.slow("last")
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
    found = compress_model(model, "25%", x, effort=0.4, verbose=0)
    assert 0 <= min(found.losses) < found.losses[0]
    assert found.measured == {}


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


def test_what_may_be_a_table_is_named():
    class Bag(layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(shape=(2000, SIZE), name="table")

        def call(self, ids):
            return ops.mean(ops.take(self.table, ids, axis=0), axis=1)

    ids = keras.Input((STEPS,), dtype="int32")
    counts = keras.Input((1500,))
    words = layers.GlobalAveragePooling1D()(table()(ids))
    wide = layers.Dense(SIZE, name="wide")(counts)
    model = keras.Model([ids, counts], words + Bag(name="bag")(ids) + wide)
    reasons = {x.name: x.reason for x in kd_keras.plan(model, "90%").left}
    assert "Bag, has a weight of 2,000 x 16" in reasons["bag"]
    assert "1,500 inputs" in reasons["wide"]


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


@pytest.mark.parametrize("budget", ["40%", "60%"])
def test_the_taken_way_is_the_plan(budget):
    planned = kd_keras.plan(sequential(), budget, verbose=0)
    [taken] = [x for x in planned.alternatives if x.way == planned.way]
    assert taken.bytes == planned.bytes
    errors = [x.error for x in planned.tables]
    assert taken.error == pytest.approx(sum(errors))
    # Without data the plan with the least error is taken.
    assert taken.error == min(x.error for x in planned.alternatives)
    assert all(x.bytes <= planned.budget for x in planned.alternatives)


def test_symbols_that_occur_equally_often_may_have_tiers():
    model = sequential()
    ids = np.arange(N * STEPS).reshape(-1, STEPS) % N
    planned = kd_keras.plan(model, "40%", ids, ids[:20], verbose=0)
    assert planned.bytes <= planned.budget


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
