"""The layers under contract, and how they are built and trained.

Does not import TensorFlow: the scripts of this folder use it on JAX.
"""

import keras
import numpy as np

import kd_keras

N, SIZE, K, D = 20, 6, 4, 3

GENERATOR = np.random.default_rng
CODES = GENERATOR(0).integers(0, K, (N, D))
HIDDEN = GENERATOR(3).normal(scale=0.3, size=(N, SIZE)).astype("float32")


def _embedding(codes, composition):
    return lambda **options: kd_keras.KDEmbedding(
        N, SIZE, K, D, codes, composition, **options
    )


def _composition(composition_class):
    return lambda **options: composition_class(K, D, SIZE, **options)


def _logits(codes, composition):
    return lambda **options: kd_keras.KDLogits(
        N, K, D, codes, composition, **options
    )


COMPOSITIONS = {
    "linear": kd_keras.LinearComposition,
    "lstm": kd_keras.LSTMComposition,
    "concat": kd_keras.ConcatComposition,
    "residual": kd_keras.ResidualComposition,
}
# `make test` has the first and the last case of a slow test: codes that are
# fixed, and codes that are learned.
LAYERS = (
    {f"fixed_{how}": _embedding(CODES, how) for how in COMPOSITIONS}
    | {how: _composition(kind) for how, kind in COMPOSITIONS.items()}
    | {
        "logits_linear": _logits(CODES, "linear"),
        "logits_concat": _logits(CODES, "concat"),
        "logits_learned": _logits("learn", "linear"),
        "reduced": lambda **options: kd_keras.ReducedEmbedding(
            N, SIZE, kept=8, width=3, **options
        ),
        "learner": lambda **options: kd_keras.KDCodeLearner(N, K, D, **options),
    }
    | {
        f"learned_{how}": _embedding("learn", how)
        for how in reversed(COMPOSITIONS)
    }
)

OPTIMIZERS = {
    "SGD": lambda: keras.optimizers.SGD(0.5),
    "LazyAdam": lambda: kd_keras.LazyAdam(0.01),
}


def inputs_of(name):
    """Returns N inputs of a layer."""
    return _inputs(_kind(name))


def _kind(name):
    if name.startswith("logits"):
        return "hidden"
    return "codes" if name in COMPOSITIONS else "ids"


def _inputs(kind):
    return {
        "ids": np.arange(N, dtype="int32"),
        "codes": CODES.astype("int32"),
        "hidden": HIDDEN,
    }[kind]


def make(name, **options):
    """Returns a built layer whose weights are the same on every backend."""
    layer = LAYERS[name](**options)
    layer.build((None, SIZE))
    generator = GENERATOR(1)
    for weight in layer.trainable_weights:
        weight.assign(generator.normal(scale=0.3, size=weight.shape))
    return layer


def train(optimizer, names, batch_size=N, **compile_options):
    """Trains layers side by side in one model.

    The layers share only the model. Each is an output with a loss of its own,
    so that one compilation is enough for all of them.

    Returns:
        dict of lists. The losses of each layer, one per epoch.
    """
    x = {kind: _inputs(kind) for kind in map(_kind, names)}
    tensors = {
        kind: keras.Input(values.shape[1:], dtype=values.dtype, name=kind)
        for kind, values in x.items()
    }
    outputs = {name: make(name)(tensors[_kind(name)]) for name in names}
    targets = {
        name: GENERATOR(2).normal(size=(N, *output.shape[1:]))
        for name, output in outputs.items()
    }
    model = keras.Model(tensors, outputs)
    model.compile(
        OPTIMIZERS[optimizer](),
        dict.fromkeys(names, "mse"),
        # With SGD the learner's codes would otherwise hardly ever change.
        loss_weights={x: 100.0 if x == "learner" else 1.0 for x in names},
        **compile_options,
    )
    history = model.fit(
        x,
        targets,
        batch_size=batch_size,
        epochs=4,
        shuffle=False,
        verbose=0,
        callbacks=[kd_keras.TemperatureSchedule(decay_rate=0.2)],
    )
    losses = history.history
    if len(names) == 1:  # Keras does not name the loss of one output
        return {names[0]: losses["loss"]}
    return {x: losses[f"{x}_loss"] for x in names}
