"""A language model that is trained towards another one's predictions."""

import keras
import numpy as np
import pytest
from kd_testing import as_numpy, softmax

from kd_keras.language_model import distilled
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.language_model.copies import copy_language_model
from kd_keras.language_model.distilled import (
    DistilledLanguageModel,
    compile_distilled,
)
from kd_keras.language_model.model import build_language_model

N, BATCH, STEPS = 30, 4, 8
RNG = np.random.default_rng(0)
IDS = RNG.integers(0, N, (2, BATCH * 3, STEPS)).astype("int32")


def language_model(seed):
    configuration = CONFIGURATIONS["tiny"]
    embedding = keras.layers.Embedding(N, configuration.hidden)
    return build_language_model(configuration, embedding, N, BATCH, STEPS, seed)


@pytest.fixture
def models():
    teacher = language_model(1)
    model = DistilledLanguageModel(language_model(2), teacher)
    compile_distilled(model, 30)
    return model, teacher


def cross_entropy(targets, logits):
    """Returns the mean of both, for probabilities or ids as targets."""
    likely = np.log(softmax(as_numpy(logits).astype(float)))
    if targets.ndim == 2:
        targets = np.eye(N)[targets]
    return -(targets * likely).sum(axis=-1).mean()


def test_the_loss_is_that_of_the_text_and_of_the_teacher(models):
    model, teacher = models
    x, y = IDS[:, :BATCH]
    taught = softmax(as_numpy(teacher(x)))
    teacher.reset_state()
    logits = model(x)
    model.reset_state()
    loss = float(model.compute_loss(x, y, logits, training=True))
    share = distilled.TEACHERS_SHARE
    want = (1 - share) * cross_entropy(y, logits)
    want += share * cross_entropy(taught, logits)
    assert loss == pytest.approx(STEPS * want, rel=1e-4)
    alone = float(model.compute_loss(x, y, logits, training=False))
    assert alone == pytest.approx(STEPS * cross_entropy(y, logits), rel=1e-4)


@pytest.mark.slow
def test_it_learns_what_the_teacher_predicts(models, monkeypatch):
    model, teacher = models
    monkeypatch.setattr(distilled, "LEARNING_RATE", 0.02)
    compile_distilled(model, 60)
    x, y = IDS
    wanted = [w.numpy().copy() for w in teacher.trainable_variables]

    def distance():
        model.reset_state()
        return np.abs(
            softmax(as_numpy(model(x[:BATCH])))
            - softmax(as_numpy(teacher(x[:BATCH])))
        ).mean()

    # What the text says is random, so it pulls the model elsewhere.
    before = distance()
    model.fit(x, y, BATCH, epochs=20, shuffle=False, verbose=0)
    assert distance() < 0.5 * before
    for weight, want in zip(teacher.trainable_variables, wanted, strict=True):
        np.testing.assert_array_equal(weight, want)
    ours = {id(v) for v in model.variables}
    assert not ours & {id(v) for v in teacher.variables}


@pytest.mark.slow
def test_the_perplexity_is_that_of_the_text(models):
    model, _ = models
    x, y = IDS[:, :BATCH]
    want = np.exp(cross_entropy(y, model(x)))
    model.reset_state()
    logs = model.fit(x, y, BATCH, verbose=0).history  # before the step
    assert logs["perplexity"] == [pytest.approx(want, rel=1e-4)]
    model.reset_state()
    want = np.exp(cross_entropy(y, model(x)))
    model.reset_state()
    told = model.evaluate(x, y, BATCH, verbose=0, return_dict=True)
    assert told["perplexity"] == pytest.approx(want, rel=1e-4)


@pytest.mark.slow
def test_the_teacher_reads_on_and_begins_anew_with_the_model(models):
    model, teacher = models
    x, y = IDS[:, :BATCH]
    first = as_numpy(teacher(x))
    model.fit(x, y, BATCH, verbose=0)  # the teacher goes on from `first`
    assert np.abs(as_numpy(teacher(x)) - first).max() > 1e-6
    model.reset_state()
    np.testing.assert_allclose(teacher(x), first, atol=1e-6)


def test_a_copy_for_other_batches_computes_the_same():
    model = language_model(1)
    x = IDS[0, :1]
    copy = copy_language_model(model, 1, STEPS)
    want = as_numpy(model(np.repeat(x, BATCH, axis=0)))[:1]
    np.testing.assert_allclose(copy(x), want, atol=1e-5)
