"""Group residual quantization and a small network, as CARVQ, for `chart.py`.

Gou et al., "CARVQ: Corrective Adaptor with Group Residual Vector Quantization
for LLM Embedding Compression" (2025). Each group of eight columns has code
vectors of its own for each of some steps, each of which codes what the steps
before left. What all of them leave is approximated by a network of a few
numbers for each symbol.
"""

import keras
import numpy as np

import kd_keras

GROUP, K = 8, 16
HIDDEN, BATCH, EPOCHS, RATE = 128, 512, 40, 3e-3


def corrective_adaptor(vectors, steps, width):
    """Returns `(bytes, rebuilt)`, as the methods of `chart_methods` do.

    There is no file. A number of the code vectors, of the network and of each
    symbol counts as a byte, though it is used in float32.

    Args:
        vectors: array of float32, `(N, d)`.
        steps: int. Number of codes for each group.
        width: int. Size of the network's input; 0 for no network.
    """
    N, d = vectors.shape
    groups = -(-d // GROUP)
    mean, scale = vectors.mean(axis=0), vectors.std()
    rest = np.zeros((N, groups * GROUP), np.float32)
    rest[:, :d] = (vectors - mean) / scale
    target = rest.copy()
    for step in range(steps):
        layer = kd_keras.learn_codes(
            rest, K, groups, "concat", seed=step, verbose=0, effort=0.2
        )
        rest = rest - np.array(layer(np.arange(N)))
    bits = 4 * N * groups * steps
    size = bits // 8 + steps * K * d  # without the columns that fill up
    found = (target - rest)[:, :d]
    if width:
        network, numbers = adaptor(rest[:, :d], width)
        found = found + network.predict(np.arange(N), BATCH, verbose=0)
        size += numbers
    return size + 4 * d, found * scale + mean


def adaptor(rest, width):
    """Trains a network from ids to vectors; returns it and its numbers."""
    keras.utils.set_random_seed(0)
    N, d = rest.shape
    network = keras.Sequential(
        [
            keras.Input((), dtype="int32"),
            keras.layers.Embedding(N, width),
            keras.layers.Dense(HIDDEN, "relu"),
            keras.layers.Dense(d),
        ]
    )
    steps = EPOCHS * -(-N // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(RATE, steps)
    network.compile(keras.optimizers.Adam(rate), "mse")
    network.fit(np.arange(N), rest, BATCH, EPOCHS, verbose=0)
    return network, network.count_params()
