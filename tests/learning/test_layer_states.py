"""Tests of what must be the same in the copy of a layer."""

import keras
import pytest
from keras import layers

from kd_keras.learning.from_configuration import NotCopiedError
from kd_keras.learning.layer_states import check_alike

LAYERS = [
    layers.Dense(4, "relu"),
    layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d"),
    layers.Conv1D(4, 3, padding="causal"),
    layers.SeparableConv1D(4, 3),
    layers.LSTM(4, return_sequences=True),
    layers.Bidirectional(layers.GRU(4)),
    layers.TimeDistributed(layers.Dense(4)),
    layers.LayerNormalization(epsilon=1e-5),
    layers.BatchNormalization(),
    layers.SpatialDropout1D(0.5),
]


def made(*held):
    return keras.Sequential([keras.Input((6, 8)), *held])


@pytest.mark.parametrize("layer", LAYERS, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("has_run", [False, True])
def test_a_loaded_layer_is_alike_to_one_from_its_configuration(
    layer, has_run, tmp_path
):
    # Loading sets attributes of some that their arguments do not.
    made(type(layer).from_config(layer.get_config())).save(tmp_path / "a.keras")
    model = keras.saving.load_model(tmp_path / "a.keras")
    if has_run:
        model(keras.ops.ones((2, 6, 8)))
    [loaded] = model.layers
    copy = made(type(layer).from_config(loaded.get_config())).layers[0]
    check_alike(loaded, copy)
    check_alike(copy, loaded)


@pytest.mark.parametrize(
    "other",
    [
        layers.Dense(5, "relu"),
        layers.Dense(4),
        layers.Dense(4, "relu", use_bias=False),
        layers.Dense(4, "relu", dtype="bfloat16"),
        layers.Conv1D(4, 1, activation="relu"),
    ],
)
def test_a_layer_with_another_argument_is_not(other):
    with pytest.raises(NotCopiedError, match="does not describe"):
        check_alike(
            *(made(x).layers[0] for x in (layers.Dense(4, "relu"), other))
        )
