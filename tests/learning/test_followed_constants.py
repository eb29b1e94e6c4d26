"""Layers that are followed look positions and other constants up."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from followed_models import (
    IDS,
    SIZE,
    STEPS,
    Holder,
    N,
    PositionHolder,
    exact,
    over,
    table,
)
from keras import layers, ops

import kd_keras
from kd_keras.learning.plain_model import plain_model


def test_a_table_of_positions_is_left_alone(tmp_path):
    model = over(PositionHolder(table(), places=2000))
    plan = kd_keras.plan(model, "70%", verbose=0)
    assert [x.name for x in plan.tables] == ["words"]
    [left] = plan.left
    assert left.name == "positions" and "constants" in left.reason
    small = kd_keras.compress(model, "70%", verbose=0, effort=0)
    path = tmp_path / "small.tflite"
    kd_keras.export_litert(small, path, quantization="int8")
    found = kd_keras.load_litert(path).run("serving_default", token_ids=IDS[:1])
    np.testing.assert_allclose(found["output"], small(IDS[:1]), atol=0.1)


class StartHolder(Holder):
    """Looks the same table up at ids and at a constant, a start token."""

    def call(self, ids):
        return self.words(ids) + self.words(ops.arange(1))


def test_a_table_of_ids_and_constants_is_made_small(tmp_path):
    words = table()
    model = over(StartHolder(words))
    plan = kd_keras.plan(model, "70%", verbose=0)
    assert [x.name for x in plan.tables] == ["words"]
    small = kd_keras.replace_layers(model, {words: exact(words)})
    assert any(isinstance(x, kd_keras.KDEmbedding) for x in small.layers)
    path = tmp_path / "small.tflite"
    kd_keras.export_litert(small, path)
    found = kd_keras.load_litert(path).run("serving_default", token_ids=IDS[:1])
    np.testing.assert_allclose(found["output"], small(IDS[:1]), atol=1e-4)


class OwnTable(layers.Layer):
    """Has a table that its configuration does not describe."""

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.others = layers.Embedding(N, size, name="others")

    def build(self, shape):
        self.others.build()
        self.built = True

    def call(self, ids, training=False):
        return self.others(ids)


def test_positions_are_left_alone_beside_a_layer_that_cannot_be_followed():
    ids = keras.Input((STEPS,), dtype="int32")
    both = [PositionHolder(table(), places=2000)(ids), OwnTable(SIZE)(ids)]
    model = keras.Model(ids, layers.Flatten()(layers.Add()(both)))
    plan = kd_keras.plan(model, "80%", verbose=0)
    assert {x.name for x in plan.tables} == {"words", "others"}
    assert [x.name for x in plan.left] == ["positions"]


class LateHolder(PositionHolder):
    def call(self, scale, ids):
        return scale * super().call(ids)


def test_the_first_argument_may_be_no_part_of_the_graph():
    words = table()
    ids = keras.Input((STEPS,), dtype="int32")
    vectors = LateHolder(words)(np.ones((1, 1, 1), "float32"), ids)
    model = keras.Model(ids, layers.Flatten()(vectors))
    small = kd_keras.replace_layers(model, {words: exact(words)})
    np.testing.assert_allclose(small(IDS), model(IDS), rtol=1e-4, atol=1e-6)


class DenseHolder(Holder):
    """Has a layer that is called on a constant of floats."""

    def __init__(self, words, **kwargs):
        super().__init__(words, **kwargs)
        self.mixed = layers.Dense(SIZE)

    def call(self, ids):
        waves = ops.cast(ops.sin(ops.arange(5.0)), self.compute_dtype)
        return self.words(ids) + self.mixed(waves[:, None])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_constants_of_any_precision(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        words = table()
        model = over(DenseHolder(words))
        small = kd_keras.replace_layers(model, {words: exact(words)})
        wanted = ops.cast(model(IDS), "float32")
        found = ops.cast(small(IDS), "float32")
        np.testing.assert_allclose(found, wanted, atol=0.02)
        small.save(tmp_path / "small.keras")
        loaded = keras.saving.load_model(tmp_path / "small.keras")
        np.testing.assert_array_equal(ops.cast(loaded(IDS), "float32"), found)
    finally:
        keras.config.set_dtype_policy("float32")


def test_a_model_computes_as_usual_in_other_threads_while_it_is_followed():
    words = table()
    model = over(PositionHolder(words))
    wanted = np.asarray(model(IDS))
    with plain_model(model, [words]), ThreadPoolExecutor(1) as pool:
        found = pool.submit(model, IDS).result()
    np.testing.assert_array_equal(found, wanted)
