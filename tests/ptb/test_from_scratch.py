"""New weights for a small language model that keeps its codes."""

import dataclasses

import keras
import numpy as np
import pytest

from kd_keras.compression.steps import NOTHING_KEPT, KeptSteps
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.language_model.model import build_language_model
from kd_keras.layers.find_layers import find_layers
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.layers.kd_logits import KDLogits
from kd_keras.ptb.from_scratch import renew, train_from_scratch

N = 40
TINY = dataclasses.replace(
    CONFIGURATIONS["tiny"], hidden=12, steps=5, batch_size=4, epochs=4
)


def texts():
    """A text in which each word follows the one before, and a part of it."""
    ids = (np.arange(400) % N).reshape(-1, TINY.steps).astype("int32")
    targets = (ids + 1) % N
    return (ids, targets), (ids[:16], targets[:16])


def coded_model(seed=1):
    codes = np.random.default_rng(0).integers(0, 4, (N, 6))
    embedding = KDEmbedding(N, TINY.hidden, 4, 6, codes=codes)
    output = KDLogits(N, 4, 6, codes=codes)
    output.build((None, None, TINY.hidden))
    model = build_language_model(
        TINY, embedding, N, TINY.batch_size, TINY.steps, output=output
    )
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return model


def trained(model, steps=NOTHING_KEPT, say=lambda line: None, seed=0):
    name = "training"
    return train_from_scratch(model, TINY, texts(), seed, steps, name, say)


def codes_of(model):
    kinds = (KDEmbedding, KDLogits)
    return [np.asarray(x.codes) for x in find_layers(model, kinds)]


def test_the_codes_stay_and_the_earlier_weights_do_not_matter():
    models = [coded_model(seed) for seed in (1, 2)]
    before = codes_of(models[0])
    losses = [trained(model) for model in models]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 1 + TINY.epochs
    assert losses[0][0] == pytest.approx(np.log(N), rel=0.01)  # knows nothing
    assert min(losses[0]) < losses[0][0] - 0.1
    for a, b in zip(before, codes_of(models[0]), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(*(m.trainable_variables for m in models), strict=True):
        np.testing.assert_array_equal(a, b)
    other = coded_model()
    assert trained(other, seed=5) != losses[0]


def test_the_weights_are_those_of_the_best_epoch():
    model = coded_model()
    losses = trained(model)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss)
    model.reset_state()
    ids, targets = texts()[1]
    found = model.evaluate(
        ids, targets, batch_size=TINY.batch_size, verbose=0, return_dict=True
    )
    assert np.log(found["perplexity"]) == pytest.approx(min(losses), rel=1e-5)


def test_an_interrupted_training_goes_on(tmp_path):
    def interrupt(line):
        if line.startswith("Epoch 3"):
            raise KeyboardInterrupt

    whole = coded_model()
    losses = trained(whole)
    steps = KeptSteps(tmp_path / "small", {})
    with pytest.raises(KeyboardInterrupt):
        trained(coded_model(), steps, interrupt)
    again, told = coded_model(), []
    assert trained(again, KeptSteps(tmp_path / "small", {}), told.append) == (
        pytest.approx(losses, abs=1e-6)
    )
    assert [x.split(":")[0] for x in told] == ["Epoch 3", "Epoch 4"]
    for a, b in zip(whole.weights, again.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_scaled_composition_begins_unscaled():
    embedding = KDEmbedding(
        N, TINY.hidden, 4, 6, codes=codes_of(coded_model())[0]
    )
    composition = embedding.composition
    composition.scaled = True
    model = build_language_model(
        TINY, embedding, N, TINY.batch_size, TINY.steps
    )
    composition.output_scale.assign(7.0)
    renew(model, TINY, 0)
    assert float(composition.output_scale) == 1.0
    assert not np.asarray(composition.output_offset).any()
