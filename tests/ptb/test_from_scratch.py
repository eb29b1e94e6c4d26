"""New weights for a small language model that keeps its codes."""

import dataclasses

import keras
import numpy as np
import pytest

from kd_keras.compression.steps import KeptSteps
from kd_keras.language_model.carried_lstm import CarriedLSTM
from kd_keras.language_model.configurations import CONFIGURATIONS
from kd_keras.language_model.model import build_language_model
from kd_keras.layers.find_layers import find_layers
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.layers.kd_logits import KDLogits
from kd_keras.ptb.from_scratch import renew, train_from_scratch

N = 40
TINY = dataclasses.replace(
    CONFIGURATIONS["tiny"],
    hidden=12,
    steps=5,
    batch_size=4,
    epochs=4,
    dropout=0.2,
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


def trained(model, configuration=TINY, **options):
    return train_from_scratch(
        model, "training", configuration, texts(), **options
    )


def loss_of(model):
    """Measures the validation's loss by the model's own `evaluate`."""
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.reset_state()
    found = model.evaluate(
        *texts()[1], batch_size=TINY.batch_size, verbose=0, return_dict=True
    )
    return np.log(found["perplexity"])


def codes_of(model):
    kinds = (KDEmbedding, KDLogits)
    return [np.asarray(x.codes) for x in find_layers(model, kinds)]


def test_the_codes_stay_and_the_earlier_weights_do_not_matter():
    models = [coded_model(seed) for seed in (1, 2)]
    before = codes_of(models[0])
    first = loss_of(models[0])
    losses = [trained(model) for model in models]
    assert losses[0][0] == pytest.approx(first, rel=1e-5)
    assert losses[0][1:] == losses[1][1:]
    assert len(losses[0]) == 1 + TINY.epochs
    assert min(losses[0]) < np.log(N) - 0.1  # has learned something
    for a, b in zip(before, codes_of(models[0]), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(*(m.trainable_variables for m in models), strict=True):
        np.testing.assert_array_equal(a, b)
    assert trained(coded_model(), seed=5)[1:] != losses[0][1:]


# Rates that spoil the model in later epochs, or in the first one.
@pytest.mark.parametrize(("rate", "best"), [(1.0, 1), (1e6, 0)])
def test_the_weights_are_those_with_the_least_loss(rate, best):
    spoiled = dataclasses.replace(
        TINY, constant_epochs=1, learning_rate=rate, decay=1e3, clip=1e6
    )
    model = coded_model()
    losses = trained(model, spoiled)
    assert int(np.argmin(losses)) == best
    assert loss_of(model) == pytest.approx(min(losses), rel=1e-5)


def test_an_interrupted_training_goes_on(tmp_path):
    def interrupt(line):
        if line.startswith("Epoch 3"):
            raise KeyboardInterrupt

    def steps():
        return KeptSteps(tmp_path / "small", {})

    whole = coded_model()
    losses = trained(whole)
    with pytest.raises(KeyboardInterrupt):
        trained(coded_model(), steps=steps(), say=interrupt)
    again, told = coded_model(), []
    found = trained(again, steps=steps(), say=told.append)
    assert found == pytest.approx(losses, abs=1e-6)
    assert [x.split(":")[0] for x in told] == ["Epoch 3", "Epoch 4"]
    for a, b in zip(whole.weights, again.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("kind", ["concat", "lstm", "residual"])
def test_compositions_begin_as_new_ones(kind):
    codes = np.random.default_rng(0).integers(0, 4, (N, 6))
    embedding = KDEmbedding(N, TINY.hidden, 4, 6, codes=codes, composition=kind)
    composition = embedding.composition
    composition.scaled = not composition.has_own_scale()
    model = build_language_model(
        TINY, embedding, N, TINY.batch_size, TINY.steps
    )
    for variable in model.trainable_variables:
        variable.assign(keras.ops.full_like(variable, 7.0))
    renew(model, TINY, 0)
    new = type(composition).from_config(composition.get_config())
    new.build()
    pairs = zip(
        composition.trainable_variables, new.trainable_variables, strict=True
    )
    for mine, other in pairs:
        spread = np.std(mine), np.std(other)
        if mine is composition.code_embeddings:
            scale = TINY.init_scale
            assert np.abs(mine).max() <= scale
            assert spread[0] == pytest.approx(scale / 3**0.5, rel=0.2)
        elif not spread[1]:  # zeros or ones
            np.testing.assert_array_equal(mine, other)
        else:
            assert spread[0] == pytest.approx(spread[1], rel=0.2)
    for layer in model.layers:
        if isinstance(layer, CarriedLSTM):
            assert not np.asarray(layer.cell.bias).any()
