"""The distance between the outputs of two models, and what counts in it."""

import keras
import numpy as np
import pytest
from keras import layers

from kd_keras.compression.distances import (
    distances_for,
    mean_distance,
    places_of,
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
    [distance] = distances_for(tagger(activation), [a.astype("f4")])
    found = distance.between(a.astype("f4"), b.astype("f4"))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


PROBABILITIES, CHANCES, NUMBERS = "probabilities", "chances", "numbers"


def kind_of(distance):
    """Tells which distance it is, from two distributions."""
    a, b = (np.array([x], "f4") for x in ([0.2, 0.8], [0.5, 0.4]))
    found = float(distance.between(a, b)[0])
    known = {
        PROBABILITIES: (a * np.log(a / b)).sum(),
        CHANCES: (
            a * np.log(a / b) + (1 - a) * np.log((1 - a) / (1 - b))
        ).mean(),
        NUMBERS: np.square(a - b).mean(),
    }
    [kind] = [x for x, y in known.items() if abs(found - y) < 1e-4]
    return kind


def ends(model, loss=None):
    model.compile("adam", loss)
    return [kind_of(x) for x in distances_for(model, model.outputs)]


def test_probabilities_are_found_wherever_they_are_made():
    given = keras.Input((4,))
    softmax = layers.Dense(2, "softmax")(given)
    inner = keras.Model(given, softmax)
    for output in (
        softmax,
        layers.Softmax()(layers.Dense(2)(given)),
        keras.ops.softmax(layers.Dense(2)(given)),
        layers.Reshape((1, 2))(softmax),
        layers.Dropout(0.5)(softmax),
        layers.Activation("linear")(softmax),
        layers.TimeDistributed(layers.Dense(2, "softmax"))(given[:, None]),
        layers.TimeDistributed(layers.Dropout(0.5))(
            layers.Reshape((1, 2))(softmax)
        ),
        inner(keras.Input((4,))),
    ):
        model = keras.Model(
            output._keras_history.operation._inbound_nodes[-1].input_tensors
            if output._keras_history.operation is inner
            else given,
            output,
        )
        assert ends(model) == [PROBABILITIES]
    assert ends(keras.Model(given, layers.Dense(2, "sigmoid")(given))) == [
        CHANCES
    ]
    assert ends(keras.Model(given, layers.Dense(2)(given))) == [NUMBERS]
    # A divergence of single numbers would have no meaning.
    cut = layers.Reshape((2, 1))(softmax)
    assert ends(keras.Model(given, cut)) == [NUMBERS]


def test_a_softmax_gives_probabilities_whatever_the_loss_says():
    given = keras.Input((4,))
    for activation, loss, kind in (
        ("softmax", keras.losses.CategoricalCrossentropy, PROBABILITIES),
        ("sigmoid", keras.losses.BinaryCrossentropy, CHANCES),
    ):
        model = keras.Model(given, layers.Dense(2, activation)(given))
        model.compile(loss=loss(from_logits=True))  # as Keras corrects it
        assert ends(model) == [kind]


def test_a_loss_tells_what_an_output_is():
    given = keras.Input((4,))
    a, b = (layers.Dense(2, name=name)(given) for name in "ab")
    model = keras.Model(given, [a, b])
    binary = keras.losses.BinaryCrossentropy()
    assert ends(model, ["mse", binary]) == [NUMBERS, CHANCES]
    assert ends(model, {"a": "sparse_categorical_crossentropy"}) == [
        PROBABILITIES,
        NUMBERS,
    ]
    function = keras.losses.categorical_crossentropy
    assert ends(model, [function, function]) == [PROBABILITIES] * 2
    # Logits are compared after the softmax that the loss has inside.
    logits = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile("adam", {"a": logits, "b": "mse"})
    first, second = distances_for(model, model.outputs)
    p = np.array([[0.2, 0.8]], "f4")
    assert float(first.between(np.log(p), np.log(p) + 3)[0]) < 1e-6
    assert kind_of(second) == NUMBERS


def test_outputs_in_a_dict_have_the_losses_of_their_keys():
    given = keras.Input((4,))
    outputs = {"z": layers.Dense(2)(given), "c": layers.Dense(2)(given)}
    model = keras.Model(given, outputs)
    model.compile("adam", {"z": "categorical_crossentropy", "c": "mse"})
    flat = keras.tree.flatten(model(np.ones((1, 4))))
    kinds = [kind_of(x) for x in distances_for(model, flat)]
    assert kinds == [NUMBERS, PROBABILITIES]  # in the order of the keys


def masked_sparse_categorical_crossentropy(y, p):
    return keras.losses.sparse_categorical_crossentropy(y, p, from_logits=True)


def test_what_an_own_loss_takes_is_not_known_by_its_name():
    given = keras.Input((4,))
    model = keras.Model(given, layers.Dense(2)(given))
    assert ends(model, masked_sparse_categorical_crossentropy) == [NUMBERS]


def test_values_that_are_no_probabilities_do_not_become_nan():
    given = keras.Input((4,))
    model = keras.Model(given, layers.Dense(2)(given))
    model.compile("sgd", "categorical_crossentropy")
    [distance] = distances_for(model, model.outputs)
    a, b = np.array([[[-1.0, 3.0]], [[2.0, -5.0]]], "f4")
    assert np.isfinite(distance.between(a, b)).all()
    assert np.isfinite(distance.spread(a)).all()


def test_outputs_that_are_no_floats_do_not_count():
    given = keras.Input((4,))
    scores = layers.Dense(3)(given)
    model = keras.Model(given, [scores, keras.ops.argmax(scores, axis=-1)])
    assert distances_for(model, model.outputs)[1] is None


def test_an_output_of_one_number_is_weighed_by_samples():
    values = np.array([1.0, 2.0, 3.0, 4.0], "f4")
    [output] = places_of(keras.ops.convert_to_tensor(values))
    assert output.shape == (4, 1)
    given = np.array([0.0, 0.0, 0.0, 4.0], "f4")
    [weights] = weights_of_places([output], given)
    np.testing.assert_array_equal(weights, given)


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
