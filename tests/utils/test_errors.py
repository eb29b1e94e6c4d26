"""Tests that of a message only what it says is told."""

import keras
import pytest
import tensorflow as tf

from kd_keras.utils.errors import told_by


class Failing(keras.layers.Layer):
    def call(self, inputs):
        raise ValueError("no such\nvalue")


def failing(x):
    return Failing()(x)


def failing_model(x):
    return keras.Sequential([Failing()])(x)


def caught(function, *arguments):
    with pytest.raises(Exception) as found:
        function(*arguments)
    return found.value


@pytest.mark.parametrize(
    "call",
    [
        failing,
        tf.function(failing),
        failing_model,
        tf.function(failing_model),
    ],
    ids=["layer", "function", "model", "model in a function"],
)
def test_what_keras_and_autograph_put_around_it_is_left_out(call):
    error = caught(call, tf.zeros((2, 3)))
    assert "Arguments received" in str(error)
    assert told_by(error) == "no such value"


def test_a_configuration_that_cannot_be_read_is_not_told():
    config = keras.layers.Dense(3).get_config() | {"units": -1}
    whole = {"class_name": "Dense", "module": "keras.layers", "config": config}
    error = caught(keras.saving.deserialize_keras_object, whole)
    assert "initializer" in str(error) and "initializer" not in told_by(error)


def test_other_messages_are_one_line_of_a_length():
    assert told_by(OSError("a\n  b " + "c" * 500), 10) == "a b cccccc"
