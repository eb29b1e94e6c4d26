"""The layers that keep the contract, and what it does with each of them.

Imports no TensorFlow: the scripts of this folder use it on JAX too.
"""

import keras
import numpy as np

import kd_keras

N, SIZE, K, D = 20, 6, 4, 3

GENERATOR = np.random.default_rng
CODES = GENERATOR(0).integers(0, K, (N, D))


def _embedding(codes, composition):
    return lambda **options: kd_keras.KDEmbedding(
        N, SIZE, K, D, codes, composition, **options
    )


def _composition(composition_class):
    return lambda **options: composition_class(K, D, SIZE, **options)


LAYERS = {
    f"{name} {composition}": _embedding(codes, composition)
    for name, codes in (("fixed", CODES), ("learned", "learn"))
    for composition in ("linear", "lstm", "concat")
} | {
    "learner": lambda **options: kd_keras.KDCodeLearner(N, K, D, **options),
    "linear": _composition(kd_keras.LinearComposition),
    "lstm": _composition(kd_keras.LSTMComposition),
    "concat": _composition(kd_keras.ConcatComposition),
}

OPTIMIZERS = {
    "SGD": lambda: keras.optimizers.SGD(0.5),
    "LazyAdam": lambda: kd_keras.LazyAdam(0.01),
}


def inputs_of(name):
    """Gives ids, or codes where the layer is a composition."""
    ids = np.arange(N, dtype="int32")
    takes_ids = " " in name or name == "learner"
    return ids if takes_ids else CODES.astype("int32")


def make(name, **options):
    """Gives a built layer whose weights are the same on every backend."""
    layer = LAYERS[name](**options)
    layer.build()
    generator = GENERATOR(1)
    for weight in layer.trainable_weights:
        weight.assign(generator.normal(scale=0.3, size=weight.shape))
    return layer


def train(name, optimizer, batch_size=N, **compile_options):
    """Trains a layer for some epochs; gives the losses by epoch."""
    inputs = inputs_of(name)
    model = keras.Sequential(
        [keras.Input(inputs.shape[1:], dtype="int32"), make(name)]
    )
    model.compile(OPTIMIZERS[optimizer](), "mse", **compile_options)
    size = (D, K) if name == "learner" else (SIZE,)
    targets = GENERATOR(2).normal(size=(N, *size)).astype("float32")
    schedule = kd_keras.TemperatureSchedule(decay_rate=0.2)
    has_learner = name == "learner" or "learned" in name
    history = model.fit(
        inputs,
        targets,
        batch_size=batch_size,
        epochs=4,
        shuffle=False,
        verbose=0,
        callbacks=[schedule] if has_learner else [],
    )
    losses = history.history["loss"]
    assert losses[-1] < losses[0]
    return losses
