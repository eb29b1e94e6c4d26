"""Tests of the histograms and maps of codes that TensorBoard shows."""

import keras
import numpy as np
import pytest
from kd_testing import D, K, N, ids_and_vectors, learning_model, run_python

import kd_keras
from kd_keras.codes.statistics import value_counts


class Codes(keras.callbacks.Callback):
    """Keeps the codes at the end of each epoch."""

    def on_train_begin(self, logs=None):
        self.seen = [self.model.layers[0].codes]

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(self.model.layers[0].codes)


def written(folder):
    """Reads tensors by name and step, as TensorBoard does."""
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return {
        name: {
            e.step: make_ndarray(e.tensor_proto) for e in events.Tensors(name)
        }
        for name in events.Tags()["tensors"]
    }


def fit(folder, epochs=3, **options):
    model = learning_model(optimizer=kd_keras.LazyAdam(0.5))
    codes = Codes()
    model.fit(
        *ids_and_vectors(),
        epochs=epochs,
        verbose=0,
        callbacks=[kd_keras.CodeSummaries(folder, **options), codes],
    )
    return codes.seen, written(folder)


def test_the_use_of_values_epoch_by_epoch(tmp_path):
    seen, found = fit(tmp_path)
    assert (seen[0] != seen[-1]).any()
    (name,) = (n for n in found if n.startswith("code_use/"))
    assert sorted(found[name]) == [0, 1, 2, 3]
    for step, codes in enumerate(seen):
        use = value_counts(codes, K) * K / N
        low, high, count = found[name][step].T
        assert count.sum() == D * K
        assert low.min() == pytest.approx(use.min())
        assert high.max() == pytest.approx(use.max())


def test_the_map_is_a_picture_with_a_row_a_position(tmp_path):
    import tensorflow as tf

    seen, found = fit(tmp_path)
    (name,) = (n for n in found if n.startswith("code_map/"))
    for step, codes in enumerate(seen):
        width, height, encoded = found[name][step]
        picture = tf.io.decode_png(encoded).numpy()
        assert (int(width), int(height)) == (8 * K, 8 * D)
        unused = value_counts(codes, K) == 0
        red = (picture[::8, ::8] == (200, 80, 42)).all(axis=-1)
        np.testing.assert_array_equal(red, unused)


def test_it_writes_after_so_many_epochs(tmp_path):
    _, found = fit(tmp_path, epochs=5, every=2)
    for steps in found.values():
        assert sorted(steps) == [0, 2, 4]


@pytest.mark.slow
def test_every_learner_has_a_name_of_its_own(tmp_path):
    ids = keras.Input((2,), dtype="int32")
    embeddings = [
        kd_keras.KDEmbedding(N, 4, K, D, codes="learn", name=name)
        for name in ("left", "right")
    ]
    codes = []
    for number in range(2):  # of one name, in models of their own
        inner = keras.Input((), dtype="int32")
        learner = kd_keras.KDCodeLearner(N, K, D, name="same")
        flat = keras.layers.Flatten()(learner(inner))
        codes.append(keras.Model(inner, flat, name=f"m{number}")(ids[:, 1]))
    vectors = [layer(ids[:, 0]) for layer in embeddings]
    model = keras.Model(ids, keras.layers.Concatenate()([*vectors, *codes]))
    model.compile(kd_keras.LazyAdam(), "mse")
    model.fit(
        np.zeros((4, 2)),
        np.zeros((4, 8 + 2 * K * D)),
        verbose=0,
        callbacks=[kd_keras.CodeSummaries(tmp_path)],
    )
    found = written(tmp_path)
    names = {"left/learner", "right/learner", "same", "same_1"}
    assert {name.partition("/")[2] for name in found} == names


def test_bad_arguments_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Received: every=0"):
        kd_keras.CodeSummaries(tmp_path, every=0)
    plain = keras.Sequential([keras.layers.Embedding(N, 4)])
    plain.compile("sgd", "mse")
    with pytest.raises(ValueError, match="needs a layer that learns codes"):
        plain.fit(
            *ids_and_vectors(),
            verbose=0,
            callbacks=[kd_keras.CodeSummaries(tmp_path)],
        )


@pytest.mark.slow
def test_on_jax_it_is_refused_in_one_line():
    script = (
        "import kd_keras\n"
        "try: kd_keras.CodeSummaries('logs')\n"
        "except ValueError as error: print(error)"
    )
    said = run_python(script, environment={"KERAS_BACKEND": "jax"})
    assert said.strip().endswith("Received: KERAS_BACKEND=jax")
