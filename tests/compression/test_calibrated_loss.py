"""The loss of outputs that are as sure as they should be."""

import keras
import numpy as np
import pytest
import scipy
from compiled_models import classifier, data
from keras import layers, ops
from keras.src.backend import get_keras_mask, set_keras_mask

from kd_keras.compression.calibrated_loss import (
    TEMPERATURES,
    CalibratedLoss,
    has_temperature,
    tempered,
)
from kd_keras.compression.distances import distances_for
from kd_keras.compression.model_data import ModelData


def of_numpy(logits, classes):
    """The least mean loss over all temperatures, in float64."""

    def loss(T):
        scaled = logits / T - scipy.special.logsumexp(
            logits / T, axis=-1, keepdims=True
        )
        return -scaled[np.arange(len(classes)), classes].mean()

    return scipy.optimize.minimize_scalar(
        loss, bounds=(0.3, 8), method="bounded"
    ).fun


def drawn(sureness, count=2):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(400, count))
    noise = rng.gumbel(size=logits.shape)
    return sureness * logits, (logits + noise).argmax(axis=-1)


@pytest.mark.parametrize("sureness", [0.5, 0.7, 1.0, 2.5, 6.0])
@pytest.mark.parametrize("kind", ["softmax", "logits", "sigmoid", "numbers"])
def test_it_is_the_least_loss_over_temperatures(kind, sureness):
    logits, classes = drawn(sureness)
    outputs, targets = logits.astype("float32"), classes
    if kind == "softmax":
        outputs = scipy.special.softmax(outputs, axis=-1)
        loss = keras.losses.SparseCategoricalCrossentropy()
    elif kind == "logits":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    else:
        outputs = outputs[:, 1:] - outputs[:, :1]
        targets = classes[:, None]
        if kind == "sigmoid":
            outputs = scipy.special.expit(outputs)
        loss = keras.losses.BinaryCrossentropy(from_logits=kind == "numbers")
    model = keras.Sequential([keras.Input(outputs.shape[1:])])
    model.compile(loss=loss)
    metric = CalibratedLoss()
    for rows in np.array_split(np.arange(400), [100, 250]):
        part = ops.convert_to_tensor(outputs[rows])
        kinds = distances_for(model, [part])
        at = [loss(targets[rows], x) for x in tempered(part, kinds)]
        metric.update_state(at, len(rows))
    assert float(metric.result()) == pytest.approx(
        of_numpy(logits, classes), abs=2e-3
    )


def test_at_either_end_it_is_the_loss_there():
    temperatures = np.array(TEMPERATURES)
    for losses in (1 + 0.1 * temperatures, 1 + 0.1 / temperatures):
        metric = CalibratedLoss()
        metric.update_state(list(losses), 7)
        assert float(metric.result()) == pytest.approx(losses.min(), abs=1e-6)


def test_a_loss_without_a_reduction_counts_by_its_mean():
    metric = CalibratedLoss()
    metric.update_state(
        [ops.convert_to_tensor([1.0, 3.0])] * len(TEMPERATURES), 2
    )
    assert float(metric.result()) == pytest.approx(2.0)


def test_how_sure_the_outputs_are_does_not_matter():
    found = []
    for sureness in (1, 2):
        logits, classes = drawn(sureness, 5)
        metric = CalibratedLoss()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model = keras.Sequential([keras.Input((5,))])
        model.compile(loss=loss)
        outputs = ops.convert_to_tensor(logits.astype("float32"))
        kinds = distances_for(model, [outputs])
        metric.update_state(
            [loss(classes, x) for x in tempered(outputs, kinds)], 400
        )
        found.append(float(metric.result()))
        plain = float(loss(classes, outputs))
    assert found[0] == pytest.approx(found[1], abs=1e-3)
    assert plain > 1.05 * found[1]


def test_outputs_keep_their_structure_and_masks():
    logits = ops.ones((2, 3, 4))
    mask = ops.convert_to_tensor([[True, True, False]] * 2)
    set_keras_mask(logits, mask)
    numbers = ops.ones((2, 1))
    given = [keras.Input((3, 4)), keras.Input((1,))]
    model = keras.Model(given, {"a": given[0], "b": given[1]})
    model.compile(
        loss={
            "a": keras.losses.CategoricalCrossentropy(from_logits=True),
            "b": "mse",
        }
    )
    outputs = {"a": logits, "b": numbers}
    kinds = distances_for(model, [logits, numbers])
    for made in tempered(outputs, kinds):
        assert made["b"] is numbers
        assert get_keras_mask(made["a"]) is mask


def test_it_is_for_models_with_a_metric_that_should_be_high():
    class Own(keras.Model):
        def compute_loss(self, x, y, y_pred, sample_weight, training=True):
            return super().compute_loss(x, y, y_pred, sample_weight, training)

    def ending(units, activation):
        plain = classifier()
        last = layers.Dense(units, activation)
        return keras.Model(plain.inputs[0], last(plain.layers[-2].output))

    def numbers():
        return ending(2, None)

    def words():
        return ending(2001, "softmax")

    def two():
        plain = classifier()
        return keras.Model(plain.inputs[0], plain.outputs * 2)

    def own():
        plain = classifier()
        return Own(plain.inputs[0], plain.outputs[0])

    x, y = data()
    low = keras.metrics.SparseCategoricalCrossentropy()
    top = keras.metrics.SparseTopKCategoricalAccuracy(1)
    classes = "sparse_categorical_crossentropy"
    for make, loss, metrics, wanted in (
        (classifier, classes, ["accuracy"], True),
        (classifier, classes, [low], False),
        (classifier, classes, [[low, top]], True),
        (classifier, [classes], [["accuracy"]], True),
        (classifier, classes, None, False),
        (classifier, "mse", ["mae"], False),
        (own, classes, ["accuracy"], False),
        # R2 depends on how sure the classes are.
        (classifier, "mse", [keras.metrics.R2Score()], False),
        (numbers, "mse", [keras.metrics.R2Score()], False),
        (words, classes, ["accuracy"], False),
        (two, classes, [["accuracy"], ["accuracy"]], False),
    ):
        model = make()
        model.compile("adam", loss, metrics=metrics)
        targets = np.eye(2)[y] if loss == "mse" else y
        targets = [y, y] if make is two else targets
        model.evaluate(x, targets, verbose=0)
        rows = ModelData("data", (x, targets))
        assert has_temperature(model, rows) == wanted, (make, metrics)


def test_numbers_are_left_as_they_are():
    outputs = ops.ones((3, 2))
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    model.compile(loss="mse")
    assert all(
        x is outputs for x in tempered(outputs, distances_for(model, [outputs]))
    )
