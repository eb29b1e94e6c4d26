"""The optimizer of the language model: clipping, and single rates."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from kd_testing import as_numpy
from tiny_language_models import (
    EMBEDDINGS,
    ROWS,
    STEPS,
    TINY,
    WORDS,
    batches,
    language_model,
    text,
)

import kd_keras
from kd_keras.language_model.model import (
    build_language_model,
    compile_language_model,
)


def test_a_gradient_step_is_clipped_sgd_on_the_sum_over_the_steps():
    configuration = dataclasses.replace(TINY, clip=0.5)
    model = language_model("linear", configuration=configuration)
    inputs, targets = (part[:ROWS] for part in batches(text()))
    before = [as_numpy(v) for v in model.trainable_variables]
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(
            targets, model(inputs), from_logits=True
        )
        loss = STEPS * keras.ops.mean(losses)
    gradients = tape.gradient(
        loss, [v.value for v in model.trainable_variables]
    )
    gradients = [as_numpy(tf.convert_to_tensor(g)) for g in gradients]
    norm = np.sqrt(sum(np.square(g).sum() for g in gradients))
    assert norm > 0.5
    model.reset_state()
    model.train_on_batch(inputs, targets)
    for variable, old, gradient in zip(
        model.trainable_variables, before, gradients, strict=True
    ):
        np.testing.assert_allclose(
            as_numpy(variable), old - gradient * 0.5 / norm, atol=1e-6
        )


def test_what_an_lstm_composition_shares_is_trained_more_slowly():
    configuration = dataclasses.replace(TINY, clip=1e6)
    model = language_model("lstm", configuration=configuration)
    inputs, targets = (part[:ROWS] for part in batches(text()))
    composition = model.embedding.composition
    shared = [composition.recurrent_kernel, composition.bias]
    variables = [*shared, composition.code_embeddings]
    before = [as_numpy(v).copy() for v in variables]
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(
            targets, model(inputs), from_logits=True
        )
        loss = STEPS * keras.ops.mean(losses)
    gradients = tape.gradient(loss, [v.value for v in variables])
    model.reset_state()
    model.train_on_batch(inputs, targets)
    for variable, old, gradient, rate in zip(
        variables, before, gradients, (1 / 9, 1 / 9, 1), strict=True
    ):
        moved = as_numpy(variable) - old
        gradient = as_numpy(tf.convert_to_tensor(gradient))
        assert np.abs(gradient).max() > 1e-4
        np.testing.assert_allclose(moved, -rate * gradient, atol=1e-7)


@pytest.mark.parametrize(
    ("embedding", "shared"),
    [
        (
            lambda: kd_keras.KDEmbedding(WORDS, TINY.hidden, 4, 3, code_dim=2),
            ["embedding/composition/kernel"],
        ),
        (
            lambda: kd_keras.ReducedEmbedding(WORDS, TINY.hidden, width=2),
            ["embedding/matrix"],
        ),
        (EMBEDDINGS["linear"], []),
        (EMBEDDINGS["conventional"], []),
    ],
)
def test_a_matrix_that_all_symbols_share_is_trained_slowly(embedding, shared):
    output = kd_keras.KDLogits(WORDS, 4, 3, code_dim=2)
    model = build_language_model(
        TINY, embedding(), WORDS, ROWS, STEPS, output=output
    )
    compile_language_model(model, TINY)
    slow = {
        v.path: model.optimizer.rates[v.path]
        for v in model.trainable_variables
        if v.path in model.optimizer.rates
    }
    assert slow == dict.fromkeys(shared, 0.01)


@pytest.mark.slow
def test_logits_have_their_own_optimizer_and_no_part_in_the_norm():
    model = language_model("learned")
    inputs, targets = (part[:ROWS] for part in batches(text()))
    logits = model.embedding.learner.logits
    before = as_numpy(logits).copy()
    model.train_on_batch(inputs, targets)
    moved = np.abs(as_numpy(logits) - before)
    used = np.isin(np.arange(WORDS), inputs)
    # Adam's first step equals its learning rate for any gradient.
    assert moved[used].max() == pytest.approx(0.01, rel=1e-2)
    assert not moved[~used].any()
    names = [v.path for v in model.optimizer.variables]
    assert not any("momentum" in name for name in names if "codes" not in name)
    again = type(model.optimizer).from_config(model.optimizer.get_config())
    assert again.get_config() == model.optimizer.get_config()
