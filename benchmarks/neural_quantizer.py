"""A neural residual quantizer, after QINCo, for `chart.py`.

Huijben et al., "Residual Quantization with Implicit Neural Codebooks" (2024).
Position by position, a network changes the code vectors by what has been
rebuilt so far, and the nearest one is taken. Here all positions have one
network, or the networks would be larger than a table of 10,000 rows.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import kd_keras

BATCH, EPOCHS, RATE, KEPT = 500, 60, 2e-3, 8
MOST_ROWS = 30_000  # that the networks learn from


class Network(keras.layers.Layer):
    """Code vectors that depend on what has been rebuilt."""

    def __init__(self, d, hidden):
        super().__init__()
        matrix = {"use_bias": False, "kernel_initializer": "zeros"}
        self.from_vector = keras.layers.Dense(d, **matrix)
        self.from_rebuilt = keras.layers.Dense(d, **matrix)
        self.up = keras.layers.Dense(hidden, use_bias=False)
        self.down = keras.layers.Dense(d, **matrix)
        for layer, size in (
            (self.from_vector, d), (self.from_rebuilt, d),
            (self.up, d), (self.down, hidden),
        ):  # fmt: skip
            layer.build((None, size))

    def call(self, vectors, rebuilt):
        """Changes vectors `(n, ..., d)` in view of `rebuilt`, of that shape."""
        mixed = vectors + self.from_vector(vectors) + self.from_rebuilt(rebuilt)
        return mixed + self.down(ops.relu(self.up(mixed)))


class NeuralQuantizer(keras.Model):
    """Code vectors of D positions, and the network."""

    def __init__(self, codebooks, hidden):
        super().__init__()
        D, K, d = codebooks.shape
        self.codebooks = self.add_weight(shape=(D, K, d), name="codebooks")
        self.codebooks.assign(codebooks)
        self.network = Network(d, hidden)

    def step(self, position, codes, rebuilt):
        """Adds the vectors of a position's codes."""
        vectors = ops.take(self.codebooks[position], codes, axis=0)
        return rebuilt + self.network(vectors, rebuilt)

    @tf.function
    def encode(self, x, kept=1):
        """Finds codes by a beam search; returns them and the rebuilt rows."""
        D, K, d = self.codebooks.shape
        n = tf.shape(x)[0]
        rebuilt, codes = tf.zeros((n, 1, d)), tf.zeros((n, 1, 0), tf.int32)
        for position in range(D):
            beams = rebuilt.shape[1]
            wide = tf.repeat(rebuilt[:, :, None], K, axis=2)
            vectors = tf.broadcast_to(
                self.codebooks[position], (n, beams, K, d)
            )
            wide = wide + self.network(vectors, wide)
            lost = tf.reduce_sum((x[:, None, None] - wide) ** 2, axis=-1)
            best = min(kept, beams * K)
            _, chosen = tf.math.top_k(-tf.reshape(lost, (n, beams * K)), best)
            flat = tf.reshape(wide, (n, beams * K, d))
            rebuilt = tf.gather(flat, chosen, batch_dims=1)
            before = tf.gather(codes, chosen // K, batch_dims=1)
            codes = tf.concat([before, (chosen % K)[..., None]], axis=-1)
        return codes[:, 0], rebuilt[:, 0]

    @tf.function
    def train_step(self, x):
        codes, _ = self.encode(x)
        with tf.GradientTape() as tape:
            rebuilt, total = tf.zeros_like(x), 0.0
            for position in range(self.codebooks.shape[0]):
                rebuilt = self.step(position, codes[:, position], rebuilt)
                lost = tf.reduce_mean((x - rebuilt) ** 2)
                # Each position counts the same.
                total += lost / (tf.stop_gradient(lost) + 1e-12)
        variables = self.trainable_variables
        gradients = tape.gradient(total, variables)
        self.optimizer.apply(gradients, variables)
        return {"loss": lost}


def neural_quantizer(vectors, K, D, hidden=32, epochs=EPOCHS):
    """Returns `(bytes, rebuilt)`, as the methods of `chart_methods` do.

    There is no file. A number of the code vectors and the network counts as a
    byte, though it is used in float32, and D * log2(K) bits for each symbol.
    """
    keras.utils.set_random_seed(0)
    mean, scale = vectors.mean(axis=0), vectors.std()
    x = ((vectors - mean) / scale).astype("float32")
    rng = np.random.default_rng(0)
    sample = x[rng.permutation(len(x))[:MOST_ROWS]]
    model = NeuralQuantizer(_start(sample, K, D), hidden)
    steps = epochs * -(-len(sample) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(RATE, steps)
    model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0))
    data = tf.data.Dataset.from_tensor_slices(sample).shuffle(MOST_ROWS)
    model.fit(data.batch(BATCH), epochs=epochs, shuffle=False, verbose=0)
    parts = [x[i : i + BATCH] for i in range(0, len(x), BATCH)]
    rebuilt = np.concatenate([model.encode(part, KEPT)[1] for part in parts])
    bits = len(x) * D * np.ceil(np.log2(K))
    numbers = sum(math.prod(x.shape) for x in model.weights)
    size = int(bits / 8) + numbers
    return size + 4 * len(mean), rebuilt * scale + mean


def _start(x, K, D):
    """Begins with the code vectors of plain residual quantization."""
    found, rest = [], x.copy()
    for position in range(D):
        layer = kd_keras.learn_codes(
            rest, K, 1, seed=position, verbose=0, effort=0.0
        )
        found.append(np.array(layer.composition.code_embeddings[0]))
        rest = rest - np.array(layer(np.arange(len(rest))))
    return np.stack(found)
