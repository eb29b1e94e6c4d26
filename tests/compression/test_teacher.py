"""A small model that learns from another model than the large one."""

import keras
import numpy as np
import pytest
from compiled_models import N, classifier, data, small_of
from keras import layers

import kd_keras


def other(**options):
    """A model that computes something else than `classifier`."""
    model = classifier(**options)
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(size=x.shape) for x in model.weights])
    return model


def distance(a, b, x):
    return np.abs(a.predict(x, verbose=0) - b.predict(x, verbose=0)).mean()


@pytest.mark.parametrize(
    "has_targets", [True, pytest.param(False, marks=pytest.mark.slow)]
)
def test_it_learns_from_the_teacher(has_targets):
    model, teacher = classifier(), other()
    x = np.random.default_rng(1).integers(0, N, (2000, 6))
    y = teacher.predict(x, verbose=0).argmax(-1)
    given = (x, y) if has_targets else x
    model.compile(
        keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy"
    )
    before = [w.numpy() for w in teacher.weights]
    small = kd_keras.compress(
        model, "70%", given, effort=0.2, verbose=0, teacher=teacher
    )
    for kept, weight in zip(before, teacher.weights, strict=True):
        np.testing.assert_array_equal(kept, weight)
    assert distance(small, teacher, x) < 0.8 * distance(model, teacher, x)


@pytest.mark.slow
def test_states_of_the_teacher_are_kept():
    def model():
        ids = keras.Input((6,), batch_size=4, dtype="int32")
        vectors = layers.Embedding(N, 8, "random_normal")(ids)
        hidden = layers.GRU(4, stateful=True)(vectors)
        return keras.Model(ids, layers.Dense(2, "softmax")(hidden))

    teacher, x = model(), data()[0]
    teacher(x[:4])
    [gru] = [x for x in teacher.layers if isinstance(x, layers.GRU)]
    before = gru.states[0].numpy()
    assert before.any()
    small_of(model(), "70%", data=x, teacher=teacher)
    np.testing.assert_array_equal(gru.states[0], before)


@pytest.mark.parametrize(
    ("teacher", "options", "told"),
    [
        (lambda: "a model", {}, "must be a built Keras model"),
        (
            lambda: keras.Sequential([layers.Dense(2)]),
            {},
            "must be a built Keras model",
        ),
        (classifier, {"data": None}, "needs `data`"),
        (classifier, {"tune": False}, "needs `tune`"),
        (
            lambda: keras.Sequential(
                [keras.Input((6,), dtype="int32"), layers.Dense(3)]
            ),
            {},
            r"of shape \(2,\) for each example. Received: \(3,\)",
        ),
        (
            lambda: keras.Sequential(
                [keras.Input((7,), dtype="int32"), layers.Dense(2)]
            ),
            {},
            "must take the inputs of the model",
        ),
    ],
)
def test_other_teachers_are_refused(teacher, options, told):
    options = {"data": data()[0]} | options
    with pytest.raises(kd_keras.BadInputError, match=told):
        small_of(classifier(), teacher=teacher(), **options)
