"""How the small model is trained."""

import logging

import keras
import numpy as np
import pytest
from compiled_models import classifier, data, small_of
from keras import layers

from kd_keras.compression.compress import compress_model
from kd_keras.compression.distil import _optimizer, distil
from kd_keras.compression.model_data import ModelData


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
