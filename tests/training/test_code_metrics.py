"""Tests of the metrics of codes during training."""

import csv
import itertools

import keras
import numpy as np
import pytest
from kd_testing import (
    D,
    N,
    ids_and_vectors,
    learning_embedding,
    learning_model,
    one_hot,
)

import kd_keras

NAMES = (
    "code_flip_ratio",
    "code_perplexity",
    "dead_codes",
    "code_collisions",
)


class AssignCodes(keras.callbacks.Callback):
    """Sets the codes of a learner in each epoch, from a list of codes."""

    def __init__(self, learner, script):
        super().__init__()
        self.learner = learner
        self.script = script

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        logits = one_hot(self.script[self.epoch], self.learner.K)
        self.learner.logits.assign(logits)


def fit(model, *callbacks, epochs=3, **options):
    return model.fit(
        *ids_and_vectors(),
        epochs=epochs,
        callbacks=list(callbacks),
        **{"verbose": 0} | options,
    ).history


def test_values_are_those_worked_out_by_hand():
    learner = kd_keras.KDCodeLearner(4, K=3, D=2, logits_initializer="zeros")
    model = keras.Sequential([learner])
    model.compile("sgd", "mse")
    script = [
        [[0, 0], [0, 1], [1, 1], [1, 1]],  # from all 0
        [[0, 0], [0, 1], [1, 1], [1, 1]],
        [[0, 1], [0, 1], [0, 1], [0, 1]],
    ]
    history = model.fit(
        np.arange(4),
        np.zeros((4, 2, 3)),
        epochs=3,
        verbose=0,
        callbacks=[AssignCodes(learner, script), kd_keras.CodeMetrics()],
    ).history
    # In the first two epochs, two values of position 0 are used 2:2 and two
    # of position 1 are used 1:3.
    perplexity = (2 + 2 ** (0.25 * 2 + 0.75 * np.log2(4 / 3))) / 2
    np.testing.assert_allclose(history["code_flip_ratio"], [5 / 8, 0, 3 / 8])
    np.testing.assert_allclose(
        history["code_perplexity"], [perplexity, perplexity, 1]
    )
    assert history["dead_codes"] == [2, 2, 4]  # of 2 positions x 3 values
    assert history["code_collisions"] == [2, 2, 4]


def test_flips_are_counted_from_one_epochs_end_to_the_next():
    model = learning_model(kd_keras.LazyAdam(0.1))
    model.build((None,))
    layer = model.layers[0]
    tables = [layer.codes]
    remember = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: tables.append(layer.codes)
    )
    first = fit(model, kd_keras.CodeMetrics(), remember)
    again = fit(model, kd_keras.CodeMetrics(), remember)
    flips = [
        sum(before[i, j] != now[i, j] for i in range(N) for j in range(D))
        for before, now in itertools.pairwise(tables)
    ]
    assert flips[0] > 0
    ratios = first["code_flip_ratio"] + again["code_flip_ratio"]
    np.testing.assert_allclose(ratios, np.array(flips) / (N * D))


def test_learners_of_a_model_are_taken_together():
    ids = keras.Input((), dtype="int32")
    learners = [
        kd_keras.KDCodeLearner(2, K, 1, logits_initializer="zeros")
        for K in (2, 5)
    ]
    model = keras.Model(ids, [learner(ids) for learner in learners])
    model.compile("sgd", ["mse", "mse"])
    history = model.fit(
        np.arange(2),
        [np.zeros((2, 1, 2)), np.zeros((2, 1, 5))],
        verbose=0,
        callbacks=[
            AssignCodes(learners[0], [[[0], [1]]]),
            AssignCodes(learners[1], [[[4], [4]]]),
            kd_keras.CodeMetrics(),
        ],
    ).history
    assert [history[name][0] for name in NAMES] == [3 / 4, (2 + 1) / 2, 4, 2]


def test_early_stopping_can_monitor_the_flips():
    model = learning_model(keras.optimizers.SGD(0.0))
    stopping = keras.callbacks.EarlyStopping(
        monitor="code_flip_ratio", mode="min", patience=2
    )
    history = fit(model, kd_keras.CodeMetrics(), stopping, epochs=10)
    assert history["code_flip_ratio"] == [0, 0, 0]


def test_values_reach_a_csv_file_and_the_progress_bar(tmp_path, capsys):
    path = tmp_path / "log.csv"
    history = fit(
        learning_model(),
        kd_keras.CodeMetrics(),
        keras.callbacks.CSVLogger(path),
        verbose=2,
    )
    with path.open() as file:
        rows = list(csv.DictReader(file))
    shown = capsys.readouterr().out
    for name in NAMES:
        np.testing.assert_allclose(
            [float(row[name]) for row in rows], history[name]
        )
        assert f"{name}: " in shown


def test_a_model_without_a_learner_is_refused():
    model = learning_model(embedding=learning_embedding(codes=None))
    with pytest.raises(ValueError, match=r"learns codes .*Received: model 's"):
        fit(model, kd_keras.CodeMetrics())
