"""The distance between the outputs of two models, and what counts in it."""

import keras
import numpy as np
import pytest
from keras import layers

from kd_keras.compression.distances import (
    distances_of,
    mean_distance,
    weights_of_places,
)
from kd_keras.compression.distil import distil
from kd_keras.compression.model_data import ModelData

N, STEPS = 50, 6


def tagger(activation="softmax", units=3):
    return keras.Sequential(
        [
            keras.Input((STEPS,), dtype="int32"),
            layers.Embedding(N, 8, mask_zero=True),
            layers.Dense(units, activation),
        ]
    )


def padded(rows=10, seed=0):
    rng = np.random.default_rng(seed)
    ids = rng.integers(1, N, (rows, STEPS))
    return ids * (np.arange(STEPS) < rng.integers(1, STEPS, (rows, 1)))


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", None])
def test_a_place_has_the_distance_of_the_formula(activation):
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0.1, 0.9, (2, 4, STEPS, 3))
    if activation == "softmax":
        a, b = a / a.sum(-1, keepdims=True), b / b.sum(-1, keepdims=True)
        wanted = (a * np.log(a / b)).sum(-1)
    elif activation == "sigmoid":
        no = (1 - a) * np.log((1 - a) / (1 - b))
        wanted = (a * np.log(a / b) + no).mean(-1)
    else:
        wanted = np.square(a - b).mean(-1)
    [distance] = distances_of(tagger(activation))
    found = distance.between(a.astype("f4"), b.astype("f4"))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [None, (10,), (10, 1), (10, STEPS)])
def test_masks_and_sample_weights_count_as_in_the_mean_of_numpy(shape):
    ids = padded()
    outputs = tagger()(ids)
    rng = np.random.default_rng(1)
    given = None if shape is None else rng.uniform(size=shape).astype("f4")
    mask = ids != 0
    counted = np.ones((10, STEPS))
    if given is not None:
        counted = counted * given.reshape(10, -1)
    [weights] = weights_of_places([outputs], given)
    places = rng.uniform(size=(10, STEPS)).astype("f4")
    wanted = (places * counted)[mask].mean()  # as a loss of Keras
    found = mean_distance(places, weights)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_without_masks_and_weights_all_places_count_the_same():
    outputs = np.ones((4, STEPS, 3), "f4")
    assert weights_of_places([keras.ops.convert_to_tensor(outputs)]) == [None]
    places = np.arange(6, dtype="f4")
    assert float(mean_distance(places, None)) == 2.5


def test_several_outputs_have_weights_of_their_own():
    outputs = [keras.ops.ones((4, 3)), keras.ops.ones((4, STEPS, 2))]
    ones, twos = np.ones(4, "f4"), np.full((4, STEPS), 2, "f4")
    found = weights_of_places(outputs, [ones, twos])
    np.testing.assert_array_equal(found[0], ones)
    np.testing.assert_array_equal(found[1], twos)


def test_what_is_masked_or_weighs_nothing_is_not_taught():
    ids = np.random.default_rng(0).integers(1, N, (10, STEPS))
    targets = np.zeros((10, STEPS, 3), "f4")
    weights = 10.0 * (np.arange(10) == 3).astype("f4")
    small, teacher = tagger(), tagger()
    one = (ids[3:4], targets[3:4])

    def first_loss(*data):
        rows = ModelData("data", data)
        return distil(small, teacher, rows, rows, 0)[0]

    np.testing.assert_allclose(
        first_loss(ids, targets, weights), first_loss(*one), rtol=1e-3
    )
    one[0][0, 3:] = 0
    before = first_loss(*one)
    table = teacher.layers[0]  # what it says of padding does not matter
    rows = table.embeddings.numpy()
    rows[0] += 9
    table.embeddings.assign(rows)
    np.testing.assert_allclose(first_loss(*one), before, rtol=1e-5)
