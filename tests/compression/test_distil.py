"""How the small model is trained."""

import logging

import keras
import numpy as np
import pytest
from compiled_models import classifier, data, small_of
from keras import layers

from kd_keras.compression import distil as distil_module
from kd_keras.compression.calibrated_loss import has_temperature
from kd_keras.compression.compress import compress_model
from kd_keras.compression.distil import (
    _between,
    _judge,
    _Judged,
    _optimizer,
    distil,
    measure,
)
from kd_keras.compression.distilled_model import DistilledModel
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


def _rates(optimizer, steps):
    """Returns the learning rate of each step, and that after the last."""
    rates = []
    for step in range(steps + 1):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    return rates


@pytest.mark.parametrize(("steps", "rising"), [(50, 10), (1000, 100)])
def test_the_learning_rate_rises_before_it_falls(steps, rising):
    rates = _rates(_optimizer(classifier(), steps), steps)
    up, down = rates[: rising + 1], rates[rising:]
    assert up == pytest.approx(np.linspace(0, 1e-3, rising + 1).tolist())
    assert sorted(down, reverse=True) == down
    assert down[-1] == pytest.approx(2e-5)


@pytest.mark.parametrize("steps", [1, 4, 49])
def test_a_very_short_training_begins_at_the_full_rate(steps):
    assert _rates(_optimizer(classifier(), steps), steps)[0] == (
        pytest.approx(1e-3)
    )


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
        assert max(_rates(found, 10)) == pytest.approx(5e-3)
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


def test_weights_between_keep_constraints():
    model = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(
                1,
                use_bias=False,
                kernel_initializer=lambda *_, **__: [[1], [0]],
                kernel_constraint="unit_norm",
            ),
        ]
    )
    model.compile(keras.optimizers.Adam(2.0), "mse")
    x = np.tile(np.eye(2, dtype="float32"), (32, 1))
    # Trained to [0, 1]; the best are half of the way there.
    train, valid = (x[:, 1], np.full(64, 0.5**0.5))
    data = [ModelData("data", (x, y)) for y in (train, valid)]
    losses = distil(model, model, *data, 1, share=0.0)
    kernel = model.get_weights()[0][:, 0]
    assert np.linalg.norm(kernel) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(kernel, 0.5**0.5, atol=0.2)
    assert model.evaluate(x, valid, verbose=0) < min(losses)


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
        share=0.0, is_calibrated=has_temperature(model, valid),
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


@pytest.mark.parametrize(("worse", "kept"), [(0.03, 1.0), (0.08, 0.0)])
def test_weights_before_the_training_have_a_handicap(monkeypatch, worse, kept):
    found = {0.0: 1.0, 1.0: 1.0 + worse}  # by the weight
    model = keras.Sequential(
        [
            keras.Input((1,)),
            layers.Dense(1, "sigmoid", False, kernel_initializer="zeros"),
        ]
    )
    model.compile(keras.optimizers.Adam(1.0), "binary_crossentropy")
    data = ModelData("data", (np.ones((8, 1), "float32"), np.ones((8, 1))))

    def judge(trained, validation):
        [[[w]]] = trained.small.get_weights()
        score = found[round(float(w), 3)]
        return _Judged(score, score)

    monkeypatch.setattr(distil_module, "_judge", judge)
    distil(
        model, model, data, data, 1,
        share=0.0, is_calibrated=True, between=(),
    )  # fmt: skip
    [[[w]]] = model.get_weights()
    assert w == pytest.approx(kept, abs=1e-3)


def test_equal_infinities_stay():
    mask = np.array([0.0, -np.inf], "float32")
    ids = np.array([1, 2])
    floats = np.zeros(2, "float32")
    found = _between([mask, ids, floats], [mask, ids + 1, floats + 1], 0.25)
    np.testing.assert_array_equal(found[0], mask)
    np.testing.assert_array_equal(found[1], ids + 1)
    np.testing.assert_array_equal(found[2], [0.25, 0.25])


@pytest.mark.parametrize("how", ["eager", "xla", "masks", "each row", "plain"])
def test_a_calibrated_loss_of_every_kind_of_model(how):
    rng = np.random.default_rng(0)
    x = rng.integers(1, 50, (64, 5))
    y = (x > 25).astype(int)
    table = layers.Embedding(50, 4, mask_zero=how == "masks")
    x[:, 3:] = 0 if how == "masks" else x[:, 3:]
    model = keras.Sequential(
        [keras.Input((5,), dtype="int32"), table, layers.Dense(2, "softmax")]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(
        reduction="none" if how == "each row" else "sum_over_batch_size"
    )
    model.compile(
        keras.optimizers.Adam(1e-2), loss, metrics=["accuracy"],
        run_eagerly=how == "eager", jit_compile=how == "xla",
    )  # fmt: skip
    data = ModelData("data", (x, y, np.linspace(0.1, 2, 320).reshape(64, 5)))
    measure(model, data)
    assert has_temperature(model, data)
    trained = DistilledModel(model, model, model, True, 0.0, 0.0, True)
    trained.compile(run_eagerly=how == "eager", jit_compile=how == "xla")
    found = _judge(trained, data)
    assert 0 < found.score <= found.loss + 1e-4
    # Far too sure, the loss is another and the score the same.
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([3 * kernel, 3 * bias])
    again = _judge(trained, data)
    assert again.score == pytest.approx(found.score, abs=2e-3)
    assert again.loss != pytest.approx(found.loss, abs=2e-3)


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
