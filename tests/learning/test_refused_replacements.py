"""What `replace_layers` refuses, and what it tells."""

import warnings

import keras
import pytest
from keras import layers
from replaced_models import (
    IDS,
    SIZE,
    STEPS,
    N,
    Scaled,
    exact,
    nested,
    table,
    words_of,
)

import kd_keras


def two_of_one_name():
    ids = keras.Input((STEPS,), dtype="int32")
    inner = [keras.Sequential([table()], name=name) for name in "ab"]
    return keras.Model(ids, inner[0](ids) + inner[1](ids))


class Tower(keras.Model):
    """A functional model that is made from a number, as in keras-hub."""

    def __init__(self, units):
        ids = keras.Input((STEPS,), dtype="int32")
        words = table()
        super().__init__(ids, layers.LSTM(units, name="reader")(words(ids)))
        self.words, self.units = words, units

    def get_config(self):
        return {"units": self.units}


def two_towers():
    ids = keras.Input((STEPS,), dtype="int32")
    return keras.Model(ids, Tower(4)(ids) - Tower(4)(ids))


def test_two_hidden_models_with_layers_of_the_same_names_are_refused():
    model = two_towers()
    words = {x.words: exact(x.words) for x in model.layers[1:3]}
    with pytest.raises(ValueError, match="Received: <Functional.*has other la"):
        kd_keras.replace_layers(model, words)


def built(layer, shape=None):
    layer.build(shape)
    return layer


@pytest.mark.parametrize(
    "make, key, new, message",
    [
        (nested, "nothing", lambda: exact(table()), "must be in the model"),
        (nested, 3, lambda: exact(table()), "must be in the model"),
        (nested, table(), lambda: exact(table()), "must be in the model"),
        (two_of_one_name, "words", lambda: exact(table()), "only one of its"),
        (nested, "words", table, "must be a built Keras layer"),
        (nested, "words", lambda: 3, "must be a built Keras layer"),
        (
            nested,
            "words",
            lambda: built(kd_keras.KDEmbedding(N, SIZE + 1, 4, 2)),
            "a copy can be made",
        ),
        (
            lambda: keras.Sequential([table()]),
            "words",
            lambda: exact(table()),
            "not built",
        ),
    ],
)
def test_what_cannot_be_replaced_is_refused(make, key, new, message):
    with pytest.raises(ValueError, match=message) as caught:
        kd_keras.replace_layers(make(), {key: new()})
    assert "Received: " in str(caught.value)


@keras.saving.register_keras_serializable(package="tests")
class TiedByHand(Scaled):
    """Reads the table's own variable, which codes do not have."""

    def call(self, ids):
        return self.words(ids) @ keras.ops.transpose(self.words.embeddings)


def test_a_copy_that_cannot_be_called_is_refused():
    model = TiedByHand(table())
    model.build(IDS.shape)
    with pytest.raises(ValueError, match="of the same shape"):
        kd_keras.replace_layers(model, {"words": exact(model.words)})


def test_a_loss_that_cannot_be_made_again_is_told():
    model = keras.Sequential([keras.Input((STEPS,)), table(), layers.Dense(2)])
    model.compile("sgd", lambda y, p: keras.ops.mean(p))
    coded = exact(model.layers[0])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        small = kd_keras.replace_layers(model, {"words": coded})
    assert any("not compiled" in str(x.message) for x in told)
    assert not small.compiled


def scale(factor):
    @keras.saving.register_keras_serializable(package="tests", name="Scale")
    class Scale(layers.Layer):
        def call(self, inputs):
            return factor * inputs

    return Scale


def test_a_class_that_was_defined_again_is_refused():
    model = keras.Sequential(
        [keras.Input((2,)), scale(1)(name="a"), layers.Dense(2, name="b")]
    )
    with pytest.raises(
        ValueError, match="classes and functions of different names"
    ):
        kd_keras.replace_layers(model, {"b": built(scale(10)(), (None, 2))})


def test_keys_are_checked():
    model = nested()
    words = words_of(model)
    with pytest.raises(ValueError, match="can be replaced once"):
        kd_keras.replace_layers(
            model, {words: exact(words), "words": exact(words)}
        )
    with pytest.raises(ValueError, match="must be a dict"):
        kd_keras.replace_layers(model, [(words, exact(words))])
