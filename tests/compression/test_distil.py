"""How the small model is trained."""

import logging

import keras
import numpy as np
import pytest
from compiled_models import classifier, data, small_of
from keras import layers

from kd_keras.compression.calibrated_loss import is_scored
from kd_keras.compression.compress import compress_model
from kd_keras.compression.distil import _optimizer, distil, measure
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.steps import NOTHING_KEPT, KeptSteps


class OldLoss(keras.Model):
    """Has the `compute_loss` of Keras before it had `training`."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return super().compute_loss(x, y, y_pred, sample_weight)


def test_an_own_compute_loss_may_lack_training():
    plain = classifier()
    model = OldLoss(plain.inputs[0], plain.outputs[0])
    model.compile("adam", "sparse_categorical_crossentropy")
    small = small_of(model, data=data())
    assert type(small) is OldLoss


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("head", ["numbers", "softmax"])
def test_mixed_precision_is_trained(policy, head):
    keras.config.set_dtype_policy(policy)
    try:
        model = classifier(layers.Dense(1))
        outputs = model.layers[-2 if head == "numbers" else -1].output
        model = keras.Model(model.inputs[0], outputs)
        x, y = data()
        loss = "mse" if head == "numbers" else "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.Adam(1e-4), loss)
        found = compress_model(model, "60%", (x, y), effort=0.01)
        assert len(found.losses) > 1 and np.isfinite(found.losses).all()
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_inputs_are_not_rounded_for_the_training(policy):
    keras.config.set_dtype_policy(policy)
    try:
        given = keras.Input((8,))  # ids in float32
        vectors = layers.Embedding(20_000, 4, "random_normal")(given)
        mean = layers.GlobalAveragePooling1D()(vectors)
        model = keras.Model(given, layers.Dense(1, dtype="float32")(mean))
        model.compile("adam", "mse")
        ids = np.random.default_rng(0).integers(0, 20_000, (64, 8))
        ids = ids.astype("float32")
        valid = ModelData("data", (ids, model.predict(ids, verbose=0)))
        # A model that is taught by itself loses nothing.
        assert distil(model, model, valid, valid, 0) == pytest.approx([0.0])
    finally:
        keras.config.set_dtype_policy("float32")


def test_the_learning_rate_is_the_models():
    for given in (
        keras.optimizers.Adam(5e-3, clipnorm=2.0),
        keras.optimizers.LossScaleOptimizer(
            keras.optimizers.Adam(5e-3, clipnorm=2.0)
        ),
    ):
        model = classifier()
        model.compile(given, "mse")
        found = _optimizer(model, 10)
        assert float(found.learning_rate) == pytest.approx(5e-3)
        assert found.clipnorm == 2.0


def one_number(rate, validation):
    """Trains y = w x, w = 0, for one step of that size; returns w."""
    model = keras.Sequential(
        [
            keras.Input((1,)),
            layers.Dense(1, use_bias=False, kernel_initializer="zeros"),
        ]
    )
    model.compile(keras.optimizers.Adam(rate), "mse")
    x = np.ones((8, 1), "float32")
    rows = [ModelData("data", (x, y * x)) for y in (1.0, validation)]
    losses = distil(model, model, *rows, 1, share=0.0)
    [[[w]]] = model.get_weights()
    return w, losses


@pytest.mark.parametrize("best", [0.25, 0.5, 0.75])
def test_weights_between_the_first_and_the_last_are_tried(best):
    w, losses = one_number(2.0, 2.0 * best)
    assert w == pytest.approx(2.0 * best, abs=1e-4)
    # Those before, and after the epoch.
    expected = [(2 * best) ** 2, (2 - 2 * best) ** 2]
    assert losses == pytest.approx(expected, abs=1e-3)


def test_the_first_or_last_weights_are_kept_if_they_are_best():
    assert one_number(2.0, -1.0)[0] == 0.0
    assert one_number(2.0, 3.0)[0] == pytest.approx(2.0, abs=1e-4)


def surer(metrics, steps=NOTHING_KEPT, epochs=1):
    """Trains a classifier that answers well to answer with more sureness."""
    model = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(2, "softmax", False, kernel_initializer="identity"),
        ]
    )
    # All targets of the training are as it says, three in four of the others.
    x = np.tile(np.eye(2, dtype="float32"), (32, 1))
    y = x.argmax(axis=1)
    wrong = np.where(np.arange(64) % 8 < 2, 1 - y, y)
    model.compile(
        keras.optimizers.Adam(0.5),
        "sparse_categorical_crossentropy",
        metrics=metrics,
    )
    valid = ModelData("data", (x, wrong))
    measure(model, valid)
    losses = distil(
        model, model, ModelData("data", (x, y)), valid, epochs, steps=steps,
        share=0.0, is_calibrated=is_scored(model, x),
    )  # fmt: skip
    return losses, model.get_weights()[0]


def test_a_classifier_may_grow_surer_than_its_loss_allows():
    losses, kernel = surer(["accuracy"])
    assert losses[1] > losses[0]
    assert kernel[0, 0] > 1.0
    # Where nobody asks for the accuracy, the loss counts.
    losses, kernel = surer(None)
    assert losses[1] > losses[0]
    assert kernel[0, 0] == 1.0


def test_an_interrupted_training_keeps_the_same_weights(tmp_path):
    class Interrupted(KeptSteps):
        def write(self, name, give):
            super().write(name, give)
            raise KeyboardInterrupt

    whole = surer(["accuracy"], epochs=2)
    folder = tmp_path / "small"
    with pytest.raises(KeyboardInterrupt):
        surer(["accuracy"], Interrupted(folder, {}), 2)
    again = surer(["accuracy"], KeptSteps(folder, {}), 2)
    assert whole[0] == again[0]
    np.testing.assert_array_equal(whole[1], again[1])


@pytest.mark.slow
def test_a_model_without_a_loss_learns_from_the_original():
    model = classifier()
    model.compile("adam")
    told = []
    handler = logging.Handler()
    handler.emit = told.append
    logging.getLogger("tensorflow").addHandler(handler)
    try:
        found = compress_model(model, "8 KB", data(), effort=0, verbose=0)
    finally:
        logging.getLogger("tensorflow").removeHandler(handler)
    assert found.model.compiled and len(found.losses) == 2
    assert np.isfinite(found.losses).all()
    assert not [x for x in told if "retracing" in x.getMessage()]
