"""Tests of LazyAdam: Adam on the gathered rows, no change of the others."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from kd_testing import N, as_numpy, ids_and_vectors, learning_model

import kd_keras

ROWS, WIDTH, STEPS = 7, (2, 3), 5

# Gradients here have norms of 6 to 10.
CLIPS = [
    {},
    {"clipnorm": 9.0},
    {"global_clipnorm": 8.0},
    {"clipvalue": 1.5},
]


def gathered(seed, rows):
    """Returns a sparse gradient with its rows in the order of `rows`."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(len(rows), *WIDTH)) * (1 + 0.1 * seed)
    return tf.IndexedSlices(
        values, tf.constant(rows), tf.constant([ROWS, *WIDTH])
    )


def train(optimizer, row_lists, jit, dense=False):
    """Trains a gathered and a dense variable; returns their values by step."""
    generator = np.random.default_rng(100)
    variables = [
        keras.Variable(generator.normal(size=shape), dtype="float64")
        for shape in ((ROWS, *WIDTH), (4,))
    ]
    optimizer.build(variables)
    step = tf.function(
        lambda *gradients: optimizer.apply(gradients), jit_compile=jit
    )
    values = []
    for seed, rows in enumerate(row_lists):
        gradient = gathered(seed, rows)
        if dense:
            gradient = tf.convert_to_tensor(gradient)
        step(gradient, tf.constant(generator.normal(size=4)))
        values.append([as_numpy(variable) for variable in variables])
    return values


@pytest.mark.parametrize("clip", CLIPS, ids=str)
@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.slow
def test_equals_adam_where_every_row_is_gathered(jit, clip, repeats):
    shuffle = np.random.default_rng(0).permutation
    rows = [
        [*shuffle(ROWS), *shuffle(ROWS)[: 3 * (repeats - 1)], *[2] * repeats]
        for _ in range(STEPS)
    ]
    lazy = train(kd_keras.LazyAdam(0.1, **clip), rows, jit)
    adam = train(keras.optimizers.Adam(0.1, **clip), rows, jit, dense=True)
    for ours, theirs in zip(lazy, adam, strict=True):
        for value, expected in zip(ours, theirs, strict=True):
            # Keras keeps the learning rate in float32.
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("clip", CLIPS, ids=str)
@pytest.mark.slow
def test_clips_bite(clip):
    rows = [list(range(ROWS))] * STEPS
    plain, clipped = (
        train(kd_keras.LazyAdam(0.1, **options), rows, False)
        for options in ({}, clip)
    )
    same = np.allclose(plain[-1][0], clipped[-1][0], rtol=1e-3)
    assert same == (clip == {})


@pytest.mark.parametrize("clip", CLIPS, ids=str)
@pytest.mark.slow
def test_rows_outside_the_batch_stay_as_they_are(jit, clip):
    rows = [[1, 1, 4], [0], [5, 0, 5], [4, 1]]
    values = train(kd_keras.LazyAdam(0.1, **clip), rows, jit)
    for before, after, touched in zip(
        values, values[1:], rows[1:], strict=False
    ):
        moved = np.any(before[0] != after[0], axis=(1, 2))
        assert set(np.flatnonzero(moved)) == set(touched)


def test_a_row_left_out_goes_on_with_the_moments_it_had():
    # Row 0 is trained in the first and third step only, so its moments must be
    # those after two steps.
    optimizer = kd_keras.LazyAdam(0.1, beta_1=0.8, beta_2=0.9)
    values = train(optimizer, [[0], [1], [0]], False)
    m = v = 0
    x = np.random.default_rng(100).normal(size=(ROWS, *WIDTH))[0]
    for seed in (0, 2):
        g = gathered(seed, [0]).values[0]
        m = 0.8 * m + 0.2 * g
        v = 0.9 * v + 0.1 * g**2
        # The correction counts all steps, as in Adam.
        t = seed + 1
        alpha = 0.1 * np.sqrt(1 - 0.9**t) / (1 - 0.8**t)
        x = x - alpha * m / (np.sqrt(v) + 1e-7)
    np.testing.assert_allclose(values[-1][0][0], x, rtol=1e-5)


def test_repeated_ids_count_as_their_sum():
    twice = train(kd_keras.LazyAdam(0.1), [[3, 3]], False)[0][0]
    total = gathered(0, [3, 3]).values.sum(axis=0)
    # Adam's first step is the learning rate in the direction of the gradient.
    before = np.random.default_rng(100).normal(size=(ROWS, *WIDTH))
    np.testing.assert_allclose(
        twice[3] - before[3], -0.1 * np.sign(total), rtol=1e-3
    )


def test_the_gradient_of_the_logits_is_sparse_in_a_model():
    model = learning_model()
    ids = np.array([3, 5, 3])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(ids, training=True) ** 2)
    logits = model.layers[0].learner.logits
    gradient = tape.gradient(loss, logits.value)
    assert isinstance(gradient, tf.IndexedSlices)
    np.testing.assert_array_equal(gradient.indices, ids)


@pytest.mark.slow
def test_fit_moves_only_the_logits_of_the_batches(jit):
    model = learning_model(kd_keras.LazyAdam(0.1), jit_compile=jit)
    ids, vectors = ids_and_vectors()
    model.build((None,))
    logits = model.layers[0].learner.logits
    for rows in (slice(0, 10), slice(8, 20)):
        before = as_numpy(logits).copy()
        model.fit(ids[rows], vectors[rows], epochs=2, verbose=0)
        moved = np.any(before != as_numpy(logits), axis=(1, 2))
        np.testing.assert_array_equal(np.flatnonzero(moved), ids[rows])


@pytest.mark.parametrize("clip", [{}, {"global_clipnorm": 8.0}], ids=str)
@pytest.mark.slow
def test_fit_equals_adam_where_a_batch_holds_every_symbol_once(clip):
    # Ids must not repeat: for repeated ids, Keras' Adam adds up the squares of
    # the gradients, but dense gradients have the square of their sum.
    losses = []
    for optimizer in (kd_keras.LazyAdam, keras.optimizers.Adam):
        keras.utils.set_random_seed(0)
        scaled = {name: value / 100 for name, value in clip.items()}
        model = learning_model(optimizer(0.02, **scaled))
        history = model.fit(
            *ids_and_vectors(), batch_size=N, epochs=5, shuffle=False, verbose=0
        )
        losses.append(history.history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-4)


def fit(model, epochs):
    ids, vectors = ids_and_vectors()
    model.fit(
        ids, vectors, batch_size=7, epochs=epochs, shuffle=False, verbose=0
    )


# The norm is below that of every gradient, so that clipping before the sum over
# the replicas, as Keras does, would show.
@pytest.mark.parametrize("clip", [{}, {"global_clipnorm": 1e-4}], ids=str)
@pytest.mark.slow
def test_replicas_end_where_one_device_does(clip, strategy):
    def trained():
        keras.utils.set_random_seed(0)
        optimizer = kd_keras.LazyAdam(0.1, epsilon=1e-4, **clip)
        model = learning_model(optimizer, jit_compile=False)
        ids, vectors = ids_and_vectors()
        # With so few ids, both replicas get the same ids in a batch.
        model.fit(
            ids % 4, vectors, batch_size=10, epochs=2, shuffle=False, verbose=0
        )
        return model.get_weights()

    alone = trained()
    with strategy.scope():
        together = trained()
    for ours, expected in zip(together, alone, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-5)


def test_a_loaded_model_trains_on_as_if_it_had_not_been_saved(tmp_path):
    keras.utils.set_random_seed(0)
    model = learning_model(kd_keras.LazyAdam(0.1, clipnorm=0.5))
    fit(model, 2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer, kd_keras.LazyAdam)
    for each in (model, loaded):
        fit(each, 2)
    for ours, expected in zip(
        loaded.get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)


def test_config_round_trip():
    optimizer = kd_keras.LazyAdam(
        keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5),
        beta_1=0.7,
        beta_2=0.8,
        epsilon=1e-5,
        global_clipnorm=2.0,
        name="lazy",
    )
    copy = kd_keras.LazyAdam.from_config(optimizer.get_config())
    assert copy.get_config() == optimizer.get_config()
    assert (copy.beta_1, copy.beta_2, copy.epsilon) == (0.7, 0.8, 1e-5)
    assert (copy.global_clipnorm, copy.name) == (2.0, "lazy")


@pytest.mark.parametrize(
    "option",
    [
        "amsgrad",
        "weight_decay",
        "use_ema",
        "gradient_accumulation_steps",
        "loss_scale_factor",
    ],
)
def test_dense_options_are_not_offered(option):
    with pytest.raises(TypeError, match=option):
        kd_keras.LazyAdam(**{option: 1})


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_short_floats_are_trained(dtype):
    layer = kd_keras.KDEmbedding(N, 4, 4, 4, "learn", dtype=dtype)
    model = keras.Sequential([keras.Input((), dtype="int32"), layer])
    model.compile(kd_keras.LazyAdam(0.05, epsilon=1e-3), "mse")
    before = as_numpy(keras.ops.cast(layer.learner.logits, "float32"))
    model.fit(np.arange(N), np.ones((N, 4)), epochs=3, verbose=0)
    after = as_numpy(keras.ops.cast(layer.learner.logits, "float32"))
    assert np.isfinite(after).all() and abs(after - before).max() > 0.001
