"""Helpers of several tests. Does not import TensorFlow: JAX scripts use it."""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
from keras import ops

import kd_keras
from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.search.methods.kmeans import kmeans

# Sizes of the tests' layers: symbols, vector size, values, positions.
N, SIZE, K, D = 30, 6, 4, 3

TESTS = pathlib.Path(__file__).parent


def learning_embedding(**options):
    options = {"K": K, "D": D, "codes": "learn"} | options
    return kd_keras.KDEmbedding(N, SIZE, **options)


def learning_model(optimizer="sgd", embedding=None, **compile_options):
    """Returns a compiled model of one embedding that learns its codes."""
    model = keras.Sequential([embedding or learning_embedding()])
    model.compile(optimizer, "mse", **compile_options)
    return model


def ids_and_vectors(rows=N):
    generator = np.random.default_rng(1)
    return np.arange(rows) % N, generator.normal(size=(rows, SIZE))


def as_numpy(tensor):
    if isinstance(tensor, keras.Variable):
        return tensor.numpy()  # its `__array__` warns under numpy 2
    return ops.convert_to_numpy(tensor)


def one_hot(codes, K=K):
    return np.eye(K)[np.asarray(codes)]


def softmax(logits):
    exp = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)


def run_python(script, *arguments, environment=None):
    """Runs a script (a path), or lines of code, in a new process."""
    script = str(script)
    command = [script] if script.endswith(".py") else ["-c", script]
    done = subprocess.run(
        [sys.executable, *command, *map(str, arguments)],
        env=os.environ | {"KERAS_BACKEND": "tensorflow"} | (environment or {}),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def random_codes_of_rows(count=200, K=5, D=3, dim=6, seed=0):
    """Returns rows, codes and code embeddings that are independent."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, dim)).astype(np.float32)
    tables = rng.normal(size=(D, K, dim)).astype(np.float32)
    codes = rng.integers(0, K, (count, D)).astype(np.uint8)
    return vectors, codes, tables


def additive_error(vectors, codes, tables):
    """Returns the squared error of each row in float64."""
    gap = vectors.astype(np.float64) - decode_additive(codes, tables)
    return np.square(gap).sum(axis=1)


TEXT_SYMBOLS = 41  # symbols in the texts of `write_texts`: words and <eos>


def write_texts(folder):
    """Writes a small corpus in which most words follow from the previous."""
    rng = np.random.default_rng(0)
    count = TEXT_SYMBOLS - 1
    for split, length in (("train", 1200), ("valid", 200), ("test", 150)):
        words = [0]
        while len(words) < length:
            follows = (7 * words[-1] + 1) % count
            words.append(follows if rng.random() < 0.8 else rng.integers(count))
        if split == "train":
            words += range(count)
        lines = [words[i : i + 15] for i in range(0, len(words), 15)]
        text = "\n".join(" ".join(f"w{w}" for w in line) for line in lines)
        (folder / f"ptb.{split}.txt").write_text(text + "\n")


class Cell(keras.layers.Layer):
    """A recurrent cell that only calls a function of its input's first id."""

    def __init__(self, call, size):
        super().__init__()
        self.called, self.state_size, self.output_size = call, size, size
        self.built = True

    def call(self, inputs, states):
        return self.called(ops.cast(inputs[:, 0], "int32")), states


def _recurrent(call, ids):
    def code(ids):
        return ops.reshape(call(ids), (-1, 2))

    steps = ops.cast(ops.reshape(ids, (-1, 1, 1)), "float32")
    return ops.reshape(keras.layers.RNN(Cell(code, 2))(steps), (-1, 1, 2))


# Calls of a function from ids `(n,)` to codes `(n, 1, 2)`.
INSIDE = {
    "plain": lambda call, ids: call(ids),
    "map": lambda call, ids: ops.map(call, ids),
    "vectorized_map": lambda call, ids: ops.vectorized_map(call, ids),
    "scan": lambda call, ids: ops.scan(
        lambda carry, id: (carry, call(id)), ops.zeros((1, 2)), ids
    )[1],
    "cond": lambda call, ids: ops.cond(
        ops.all(ids >= 0), lambda: call(ids), lambda: ops.zeros_like(call(ids))
    ),
    "not taken": lambda call, ids: ops.cond(
        ops.all(ids < 0), lambda: call(ids), lambda: ops.zeros_like(call(ids))
    ),
    "recurrent": _recurrent,
}


@keras.saving.register_keras_serializable(package="kd_testing")
class CalledInside(keras.layers.Layer):
    """Calls a learner in one of the ways of `INSIDE`."""

    def __init__(self, learner, how, **options):
        super().__init__(**options)
        self.learner, self.how = learner, how

    def call(self, ids, training=False):
        return INSIDE[self.how](
            lambda ids: self.learner(ids, training=training), ids
        )

    def get_config(self):
        learner = keras.saving.serialize_keras_object(self.learner)
        return super().get_config() | {"learner": learner, "how": self.how}

    @classmethod
    def from_config(cls, config):
        learner = keras.saving.deserialize_keras_object(config.pop("learner"))
        return cls(learner, **config)


class TemperatureProbe:
    """A model whose weights show the temperature that each step used.

    Every step trains a symbol that no other step trains. Its two logits start
    at 0 and its loss is the first value of its one-hot code, so that the
    estimator's gradient for the first logit is 1/2 (1 - 1/2) / T. The code is
    the mean over the `calls` of the learner, names of `INSIDE`.
    """

    RATE = 1e-3  # learning rate of SGD

    def __init__(self, symbols, calls=("plain",), **compile_options):
        self.learner = kd_keras.KDCodeLearner(
            symbols, K=2, D=1, logits_initializer="zeros"
        )
        ids = keras.Input((), dtype="int32")
        codes = [CalledInside(self.learner, call)(ids) for call in calls]
        self.model = keras.Model(ids, sum(codes) / len(codes))
        self.model.compile(
            keras.optimizers.SGD(self.RATE), first_value, **compile_options
        )

    def fit(self, start, stop, batch_size=1, epochs=1, **options):
        """Trains symbols from start to stop; each epoch takes the next ones."""
        for _ in range(epochs):
            ids = np.arange(start, stop)
            targets = np.zeros((len(ids), 1, 2), "float32")
            options = {"verbose": 0, "shuffle": False} | options
            history = self.model.fit(
                ids, targets, batch_size=batch_size, **options
            )
            start, stop = stop, stop + stop - start
        return history

    def temperatures(self, batch_size=1):
        """Returns the temperature of each symbol's step, NaN if untrained."""
        learner = next(
            layer.learner
            for layer in self.model.layers
            if isinstance(layer, CalledInside)
        )
        moved = -as_numpy(learner.logits)[:, 0, 0] * batch_size
        return np.divide(
            0.25 * self.RATE, moved, where=moved != 0, out=moved * np.nan
        )


@keras.saving.register_keras_serializable(package="kd_testing")
def first_value(targets, code):
    return ops.sum(code[..., 0], axis=-1)


def correlated(count=600, dim=8, seed=0):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(dim, dim)) * 0.8 ** np.arange(dim)[:, None]
    vectors = rng.normal(size=(count, dim)) @ mix + rng.normal(size=dim)
    return vectors.astype(np.float32)


def residual_error(vectors, K, D):
    """Returns the error of plain residual quantisation by k-means."""
    rest = vectors
    for j in range(D):
        labels, centres = kmeans(rest, K, j)
        rest = rest - centres[labels]
    return np.square(rest).sum(axis=1).mean()
