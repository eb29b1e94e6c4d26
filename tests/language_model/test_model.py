"""The language model: training, state, perplexity, strategies."""

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
    batches,
    fit,
    language_model,
    text,
)

from kd_keras.language_model.carried_lstm import CarriedLSTM
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.language_model.copies import streaming_model
from kd_keras.language_model.evaluation import evaluate_perplexity
from kd_keras.language_model.model import (
    build_language_model,
)
from kd_keras.language_model.strategies import (
    LostWorkerError,
    told_of_lost_workers,
)
from kd_keras.language_model.unique_symbols import UniqueSymbols


@pytest.mark.parametrize("kind", EMBEDDINGS)
@pytest.mark.slow
def test_any_embedding_learns(kind):
    perplexities = fit(language_model(kind), epochs=12)["perplexity"]
    assert perplexities[-1] < 0.8 * perplexities[0]


def test_perplexity_is_that_of_the_mean_cross_entropy():
    model = language_model()
    inputs, targets = batches(text())
    logs = model.evaluate(
        inputs[:ROWS], targets[:ROWS], ROWS, verbose=0, return_dict=True
    )
    model.reset_state()
    logits = as_numpy(model(inputs[:ROWS])).astype(np.float64)
    log_sums = np.log(np.exp(logits).sum(axis=-1))
    picked = np.take_along_axis(logits, targets[:ROWS, :, None], -1)[..., 0]
    losses = log_sums - picked
    assert logs["loss"] == pytest.approx(losses.mean() * STEPS, rel=1e-5)
    assert logs["perplexity"] == pytest.approx(np.exp(losses.mean()), rel=1e-5)


def test_sizes_are_those_of_the_tutorial_but_for_the_clipping_of_large():
    figures = {
        name: (c.hidden, c.layers, c.steps, c.epochs, c.clip)
        for name, c in CONFIGURATIONS.items()
    }
    assert figures["small"] == (200, 2, 20, 13, 5)
    assert figures["medium"] == (650, 2, 35, 39, 5)
    assert figures["large"] == (1500, 2, 35, 55, 5)
    small = CONFIGURATIONS["small"]
    rates = [small.learning_rate_of(epoch) for epoch in range(6)]
    assert rates == [1, 1, 1, 1, 0.5, 0.25]
    model = build_language_model(
        small, keras.layers.Embedding(100, 200), 100, 20, 20
    )
    lstm = 4 * 200 * (200 + 200 + 1)
    parts = 100 * 200 + 2 * lstm + 201 * 100
    assert sum(v.size for v in map(as_numpy, model.trainable_variables)) == (
        parts
    )


def test_state_is_carried_and_reset():
    layer = CarriedLSTM(5, unroll=True)
    inputs = np.random.default_rng(0).normal(size=(2, 6, 3))
    whole = as_numpy(layer(inputs))
    assert not np.allclose(as_numpy(layer(inputs)), whole)
    layer.reset_state()
    parts = [as_numpy(layer(inputs[:, i : i + 2])) for i in (0, 2, 4)]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-6)
    assert (
        len(layer.weights) == 5
    )  # with two states, which JAX needs as weights


def test_fit_carries_the_state():
    inputs, targets = batches(text())
    model = language_model()
    whole = model.evaluate(inputs, targets, ROWS, verbose=0)
    model.reset_state()
    parts = [
        model.test_on_batch(inputs[i : i + ROWS], targets[i : i + ROWS])
        for i in range(0, len(inputs), ROWS)
        if not model.reset_metrics()
    ]
    assert whole[0] == pytest.approx(np.mean([p[0] for p in parts]), rel=1e-5)


@pytest.mark.parametrize("kind", ["conventional", "lstm", "learned"])
@pytest.mark.slow("last")
def test_one_text_gives_the_same_perplexity_in_any_cut(kind):
    model = language_model(kind)
    fit(model)
    tokens = text(90, seed=1)
    stream = streaming_model(model)
    assert stream.input_shape == (1, None)
    found = evaluate_perplexity(stream, tokens)
    stream.reset_state()
    logits = as_numpy(stream(tokens[None, :-1])).astype(np.float64)[0]
    log_sums = np.log(np.exp(logits).sum(axis=-1))
    losses = log_sums - logits[np.arange(89), tokens[1:]]
    assert found == pytest.approx(np.exp(losses.mean()), rel=1e-5)


def test_long_texts_are_read_in_pieces(monkeypatch):
    stream = streaming_model(language_model())
    tokens = text(90)
    whole = evaluate_perplexity(stream, tokens)
    name = "kd_keras.language_model.evaluation.TOKENS_OF_A_CALL"
    monkeypatch.setattr(name, 40)  # 89 predictions: 40, 40, 9
    assert evaluate_perplexity(stream, tokens) == pytest.approx(whole, rel=1e-6)


def test_a_streaming_model_is_saved_and_loaded(tmp_path):
    stream = streaming_model(language_model("learned"))
    assert stream.embedding.codes.dtype == np.uint8
    stream.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    tokens = text(60)
    assert evaluate_perplexity(again, tokens) == pytest.approx(
        evaluate_perplexity(stream, tokens), rel=1e-6
    )


@pytest.mark.parametrize("kind", ["lstm", "learned"])
def test_unique_symbols_change_no_value_and_no_gradient(kind):
    embedding = EMBEDDINGS[kind]()
    unique = UniqueSymbols(embedding)
    ids = np.array([[3, 3, 5], [0, 5, 3]], np.int32)
    weights = np.random.default_rng(0).normal(size=(2, 3, TINY.hidden))

    def value_and_gradients(layer):
        with tf.GradientTape() as tape:
            vectors = layer(ids, training=True)
            loss = keras.ops.sum(vectors * weights.astype("float32"))
        variables = [v.value for v in embedding.trainable_variables]
        gradients = tape.gradient(loss, variables)
        return as_numpy(vectors), [
            as_numpy(tf.convert_to_tensor(g)) for g in gradients
        ]

    vectors, gradients = value_and_gradients(embedding)
    vectors_unique, gradients_unique = value_and_gradients(unique)
    np.testing.assert_allclose(vectors_unique, vectors, atol=1e-6)
    for one, other in zip(gradients_unique, gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    again = UniqueSymbols.from_config(unique.get_config())
    assert again.embedding.get_config()["K"] == 4


@pytest.mark.parametrize("kind", ["conventional", "learned"])
@pytest.mark.slow
def test_mirrored_training_has_the_losses_of_one_device(kind, strategy):
    assert TINY.clip <= 1  # many gradients are larger and get clipped
    one = fit(language_model(kind), validation_data=batches(text(seed=1)))
    with strategy.scope():
        model = language_model(kind, rows=ROWS // 2)
    two = fit(
        model,
        validation_data=batches(text(seed=1)),
        validation_batch_size=ROWS,
    )
    for name in ("loss", "perplexity", "val_loss", "val_perplexity"):
        np.testing.assert_allclose(one[name], two[name], rtol=1e-4)


def test_a_lost_worker_is_told(strategy):
    lost = tf.errors.UnavailableError(None, None, "stopped sending heartbeats")
    with (
        pytest.raises(LostWorkerError, match="Run the same command"),
        told_of_lost_workers(strategy),
    ):
        raise lost
    # One device has no other worker to lose.
    with pytest.raises(tf.errors.UnavailableError), told_of_lost_workers(None):
        raise lost
