"""What a model was compiled with, and its own functions, are kept."""

import logging
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from compiled_models import N, classifier, data, small_of
from keras import layers, ops
from small_models import ids_of, sequential

import kd_keras
from kd_keras.compression.compress import compress_model
from kd_keras.report.model_page import metric_lines
from kd_keras.utils.quiet_retracing import quiet_retracing


def own_loss(y, p):
    return keras.losses.sparse_categorical_crossentropy(y, p)


def own_metric(y, p):
    return ops.mean(p)


def own_activation(x):
    return 2 * ops.tanh(x)


class OwnLoss(keras.losses.Loss):
    def call(self, y, p):
        return own_loss(y, p)


class OwnRegularizer(keras.Regularizer):
    def __call__(self, x):
        return 1e-3 * ops.sum(ops.square(x))

    def get_config(self):
        return {}


class InNumpy(layers.Layer):
    """Works in eager execution only."""

    def call(self, x):
        return ops.convert_to_tensor(2 * np.asarray(x))

    def compute_output_shape(self, shape):
        return shape


@pytest.mark.parametrize(
    ("loss", "metrics"),
    [
        (own_loss, [own_metric]),
        (OwnLoss(), [keras.metrics.MeanMetricWrapper(own_metric, name="own")]),
        ([own_loss], [["accuracy", own_metric]]),
    ],
    ids=["functions", "a class", "lists"],
)
@pytest.mark.slow("last")
def test_own_losses_and_metrics_are_carried_over(loss, metrics):
    model = classifier()
    model.compile("adam", loss, metrics=metrics)
    x, y = data()
    small = small_of(model)
    # The weights are others: those of the head decide alone if they are zero.
    for copy in (model, small):
        copy.layers[-1].set_weights([np.zeros((16, 2)), np.array([0.0, 1.0])])
    wanted, found = (
        copy.evaluate(x, y, verbose=0, return_dict=True)
        for copy in (model, small)
    )
    assert found == pytest.approx(wanted)


def test_own_activations_and_regularizers_are_carried_over():
    more = layers.Dense(4, own_activation, kernel_regularizer=OwnRegularizer())
    small = small_of(classifier(more))
    assert small.layers[2].activation is own_activation
    assert type(small.layers[2].kernel_regularizer) is OwnRegularizer


def halved(x):
    return 0.5 * x


def own_initializer(shape, dtype=None):
    return ops.full(shape, 0.1, dtype)


def own_penalty(x):
    return 1e-3 * ops.sum(ops.square(x))


def own_standardization(texts):
    return tf.strings.lower(texts)


def test_own_functions_need_no_registration():
    words = layers.TextVectorization(
        N, standardize=own_standardization, output_sequence_length=6
    )
    words.set_vocabulary([f"w{i}" for i in range(N - 2)])
    model = keras.Sequential(
        [
            keras.Input((1,), dtype="string"),
            words,
            *classifier(
                layers.Lambda(halved),
                layers.Dense(4, None, True, own_initializer),
                layers.Dense(4, kernel_regularizer=own_penalty),
            ).layers,
        ]
    )
    small = small_of(model)
    assert small.layers[3].function is halved
    assert small.layers[4].kernel_initializer is own_initializer
    assert small.layers[5].kernel_regularizer is own_penalty
    coded = kd_keras.KDEmbedding(N, 4, 4, 2, "learn")
    coded = keras.Sequential([words, coded, layers.Lambda(halved)])
    text = tf.constant([["W1 w2"]])
    wanted = coded(text)
    np.testing.assert_allclose(kd_keras.freeze(coded)(text), wanted, rtol=1e-6)


def scaled(factor):
    def scale(x):
        return factor * x

    return layers.Lambda(scale)


def relu3(x):
    return 3 * ops.relu(x)


relu3.__name__ = relu3.__qualname__ = "relu"


def test_a_model_that_was_compiled_twice():
    model, x = sequential(), ids_of(60)
    y = x[:, 0] % 3
    kind = "sparse_categorical_crossentropy"
    model.compile("adam", kind, metrics=["accuracy"])
    model.fit(x, y, verbose=0)
    model.compile("adam", kind)
    assert "accuracy" in model.evaluate(x, y, verbose=0, return_dict=True)
    found = compress_model(model, "45%", (x, y), effort=0.01, verbose=0)
    [line] = metric_lines(found.measured)
    assert line.startswith("loss of the validation data")


def test_functions_of_one_name_are_not_taken_for_each_other():
    model = classifier(scaled(2.0), scaled(10.0))
    words = kd_keras.learn_codes(model.layers[0], 8, 4, effort=0, verbose=0)
    small = kd_keras.replace_layers(model, {"words": words})
    for layer, copy in zip(model.layers, small.layers, strict=True):
        if isinstance(layer, layers.Lambda):
            assert copy.function is layer.function
    # Keras has one of this name.
    model = classifier(layers.Lambda(relu3), layers.Dense(4, "relu"))
    small = kd_keras.replace_layers(model, {"words": words})
    assert small.layers[2].function is relu3
    assert small.layers[3].activation is keras.activations.relu


def test_freeze_says_why_a_copy_cannot_be_made():
    class Without(layers.Layer):
        def __init__(self, size):
            super().__init__()
            self.first = lambda x: self.call(x)

        def get_config(self):
            return {"name": self.name}

        def call(self, x):
            return x

    codes = kd_keras.KDEmbedding(N, 4, 4, 2)
    model = keras.Sequential([keras.Input((6,)), codes, Without(3)])
    with pytest.raises(
        ValueError, match="'size'; its attribute 'first'"
    ) as error:
        kd_keras.freeze(model)
    assert "\n" not in str(error.value) and len(str(error.value)) < 600


def weighted(factor):
    def loss(y, p):
        return factor * own_loss(y, p)

    return loss


def test_two_losses_of_one_name_are_not_taken_for_each_other():
    model = classifier()
    model.compile("adam", weighted(1.0), metrics=[weighted(100.0)])
    words = kd_keras.learn_codes(model.layers[0], 8, 4, effort=0, verbose=0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        small = kd_keras.replace_layers(model, {"words": words})
    assert any("two of the name loss" in str(x.message) for x in told)
    assert not small.compiled


def gelu(x):
    return -x


@keras.saving.register_keras_serializable(package="tests", name="relu")
def relu(x):
    return -x


def test_a_registered_function_may_have_the_name_of_one_of_keras():
    model = classifier(layers.Dense(4, relu))
    words = kd_keras.learn_codes(model.layers[0], 8, 4, effort=0, verbose=0)
    small = kd_keras.replace_layers(model, {"words": words})
    assert small.layers[2].activation is relu


class OwnSchedule(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1

    def get_config(self):
        return {}


def test_an_own_schedule_is_carried_over():
    model = classifier()
    model.compile(keras.optimizers.SGD(OwnSchedule()), "mse")
    words = kd_keras.learn_codes(model.layers[0], 8, 4, effort=0, verbose=0)
    small = kd_keras.replace_layers(model, {"words": words})
    assert type(small.optimizer._learning_rate) is OwnSchedule


def test_a_function_with_the_name_of_one_of_keras_is_refused():
    model = classifier(layers.Dense(4, gelu))
    words = kd_keras.learn_codes(model.layers[0], 8, 4, effort=0, verbose=0)
    with pytest.raises(ValueError, match="name of Keras' gelu"):
        kd_keras.replace_layers(model, {"words": words})


def test_warnings_stay_out_until_the_outermost_work_is_done():
    logger = logging.getLogger("tensorflow")
    told = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())
    logger.addHandler(handler)
    try:
        with quiet_retracing():
            with quiet_retracing():
                logger.warning("5 calls triggered retracing")
            logger.warning("6 calls triggered retracing")
            logger.warning("something else")
    finally:
        logger.removeHandler(handler)
    assert told == ["something else"]


@pytest.mark.slow
def test_a_model_of_eager_layers_stays_one():
    model = classifier(layers.Dense(3), InNumpy(), layers.Dense(3))
    for layer in model.layers[:3]:
        layer.trainable = False  # no gradient passes through numpy
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    small = small_of(model, data=data())
    assert small.run_eagerly


def test_every_loss_of_a_table_that_gets_lost_is_told():
    model = classifier(activity_regularizer="l2", embeddings_regularizer="l1")
    notes = kd_keras.plan(model, "8 KB", verbose=0).notes
    for name in ("activity_regularizer, L2", "embeddings_regularizer, L1"):
        assert any(name in note for note in notes)
