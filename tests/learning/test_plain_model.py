"""Models whose classes hide their layers are copied from their graphs."""

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


class Tower(keras.Model):
    """A functional model that is made from a number, as in keras-hub."""

    def __init__(self, units, mask=False, inner=None, **kwargs):
        ids = keras.Input((STEPS,), dtype="int32")
        words = table(mask_zero=mask)
        hidden = (inner or (lambda x: x))(words(ids))
        hidden = layers.LSTM(units, name="reader")(hidden)
        super().__init__(ids, {"all": hidden, "half": hidden / 2}, **kwargs)
        self.words, self.units = words, units

    def get_config(self):
        return {"units": self.units}


class MaskingHolder(Holder):
    def compute_mask(self, ids, previous=None):
        return ops.not_equal(ids, 0)


class TrainingHolder(Holder):
    def call(self, ids, training=False):
        return self.words(ids) * (2.0 if training else 1.0)


class WeightHolder(Holder):
    def build(self, shape):
        self.scale = self.add_weight(shape=(SIZE,), name="scale")
        self.built = True

    def call(self, ids):
        return self.words(ids) * self.scale


def tower():
    model = Tower(4)
    return model, model.words


def masked_tower():
    model = Tower(4, mask=True)
    return model, model.words


def half_of_a_tower():
    inner = Tower(4)
    ids = keras.Input((STEPS,), dtype="int32")
    out = layers.Dense(2)(inner(ids)["half"])
    return keras.Model(ids, out), inner.words


def tower_with_a_mask():
    inner = Tower(4)
    ids = keras.Input((STEPS,), dtype="int32")
    out = inner(ids, mask=ops.not_equal(ids, 0))["all"]
    return keras.Model(ids, out), inner.words


def towers_in_a_tower():
    model = Tower(4, inner=layers.Dense(SIZE, name="mixed"))
    ids = keras.Input((STEPS,), dtype="int32")
    middle = keras.Model(ids, model(ids)["all"])
    return keras.Sequential([keras.Input((STEPS,)), middle]), model.words


def holder():
    words = table()
    return over(Holder(words)), words


def holder_with_positions():
    words = table()
    return over(PositionHolder(words)), words


def holder_in_sequential():
    words = table()
    model = keras.Sequential(
        [keras.Input((STEPS,), dtype="int32"), Holder(words), layers.Flatten()]
    )
    return model, words


def holder_in_a_nested_model():
    words = table()
    ids = keras.Input((STEPS,), dtype="int32")
    return over(keras.Model(ids, Holder(words)(ids))), words


def optional_input():
    words = table()
    ids = keras.Input((STEPS,), dtype="int32")
    other = keras.Input((STEPS,), dtype="int32", optional=True, name="other")
    vectors = Holder(words)(ids)
    return keras.Model([ids, other], layers.Flatten()(vectors)), words


def nodes_of(model):
    found = {}
    for part in model._flatten_layers():
        for x in (part, *getattr(part, "_operations", ())):
            found[id(x)] = len(x._inbound_nodes), len(x._outbound_nodes)
    return found


@pytest.mark.parametrize(
    "make",
    [
        tower,
        masked_tower,
        half_of_a_tower,
        tower_with_a_mask,
        towers_in_a_tower,
        holder,
        holder_in_sequential,
        holder_in_a_nested_model,
        optional_input,
        holder_with_positions,
    ],
)
@pytest.mark.filterwarnings(r"ignore:[\s\S]*destroy the mask:UserWarning")
def test_the_copy_computes_what_the_model_does(make, tmp_path):
    model, words = make()
    coded = exact(words)
    inputs = [IDS, None] if make is optional_input else IDS
    wanted = keras.tree.flatten(model(inputs))
    nodes = nodes_of(model)
    small = kd_keras.replace_layers(model, {words: coded})
    assert nodes_of(model) == nodes  # the original is as it was
    assert not any(x is words for x in small._flatten_layers())
    for a, b in zip(keras.tree.flatten(small(inputs)), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    small.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    for a, b in zip(keras.tree.flatten(loaded(inputs)), wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "kind",
    [
        MaskingHolder,
        TrainingHolder,
        WeightHolder,
        lambda words: Holder(words, activity_regularizer="l2"),
    ],
)
def test_a_layer_that_cannot_be_followed_is_copied_as_it_is(kind):
    words = table()
    model = over(kind(words))
    small = kd_keras.replace_layers(model, {words: exact(words)})
    assert [type(x) for x in small.layers] == [type(x) for x in model.layers]
    for training in (False, True):
        np.testing.assert_allclose(
            small(IDS, training=training),
            model(IDS, training=training),
            atol=1e-6,
        )
    assert len(small.losses) == len(model.losses)


def test_models_that_are_dissolved_are_told():
    model, words = half_of_a_tower()
    words.set_weights([np.random.default_rng(0).normal(size=(N, SIZE))])
    planned = kd_keras.plan(model, "90%", verbose=0)
    assert "without the methods of Tower" in " ".join(planned.notes)
