"""What a model was compiled with, and its own functions, are kept."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import kd_keras

N = 1000


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


def classifier(*more, **options):
    rng = np.random.default_rng(0)
    table = layers.Embedding(N, 16, name="words", **options)
    table.build()
    table.set_weights([rng.normal(size=(N, 16)) * np.linspace(1, 0.1, 16)])
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            table,
            layers.GlobalAveragePooling1D(),
            *more,
            layers.Dense(2, "softmax"),
        ]
    )


def data():
    x = (N * np.random.default_rng(1).random((60, 6)) ** 3).astype("int32")
    return x, (x[:, 0] > 100).astype(int)


def small_of(model, budget="8 KB", **options):
    return kd_keras.compress(model, budget, verbose=0, effort=0, **options)


@pytest.mark.parametrize(
    ("loss", "metrics"),
    [
        (own_loss, [own_metric]),
        (OwnLoss(), [keras.metrics.MeanMetricWrapper(own_metric, name="own")]),
        ([own_loss], [["accuracy", own_metric]]),
    ],
    ids=["functions", "a class", "lists"],
)
@pytest.mark.slow
def test_own_losses_and_metrics_are_carried_over(loss, metrics):
    model = classifier()
    model.compile("adam", loss, metrics=metrics)
    x, y = data()
    small = small_of(model)
    names = set(model.evaluate(x, y, verbose=0, return_dict=True))
    assert set(small.evaluate(x, y, verbose=0, return_dict=True)) == names


def test_own_activations_and_regularizers_are_carried_over():
    more = layers.Dense(4, own_activation, kernel_regularizer=OwnRegularizer())
    small = small_of(classifier(more))
    assert small.layers[2].activation is own_activation
    assert type(small.layers[2].kernel_regularizer) is OwnRegularizer


@pytest.mark.slow
def test_a_model_without_a_loss_learns_from_the_original(capfd):
    model = classifier()
    model.compile("adam")
    small = small_of(model, data=data())
    assert small.compiled
    told = capfd.readouterr()  # and that is silent work
    assert "retracing" not in told.err and not told.out


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
