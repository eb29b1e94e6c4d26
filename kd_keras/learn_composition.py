"""Codes for compositions that are not additive: LSTM, residual, others."""

import keras
import numpy as np
from keras import ops

from kd_keras.layers.compositions.code_search import (
    NEAR_EFFORT,
    additive_near,
    search_near,
)
from kd_keras.search import decode_additive, fit_code_embeddings, fit_in_order

BATCH = 256
# Turns of training and searching; passes over the vectors in each turn, but
# within so many steps. A residual composition's steps are cheap.
TURNS = 5
EPOCHS, RESIDUAL_EPOCHS = 4, 40
LEAST_STEPS, MOST_STEPS = 160, 1600
LEARNING_RATE = 2e-3
# Norm that the gradients of a residual composition are cut down to, in units of
# vectors with unit variance: a batch with outliers, whose errors may be fifty
# times the others', weighs no more. 0.3 does as well.
CLIPNORM = 1.0

# Gates of the near-linear start: the input and output gates nearly open, the
# forget gate nearly shut.
OPEN = 3.0


def start_near_linear(composition, code_embeddings, H=None):
    """Sets an `LSTMComposition` to compute nearly what a linear one does.

    With U = 0, the input and output gates open and the forget gate shut,
    h_j = s tanh(s tanh(W_j)), s = sigmoid(3), an invertible function of each
    entry of W_j; the LSTM then sums the linear composition's code embeddings,
    as far as |h_j| < 0.7, and is trained from there.

    Args:
        composition: `LSTMComposition`, changed in place.
        code_embeddings: Float array `(D, K, d'')`, d'' at most d'.
        H: Float array `(d'', d)`, or None where d'' = d.
    """
    D, K, inner = code_embeddings.shape
    width = composition.code_dim
    if composition.kernel is not None:
        # H takes the scale, so that no code embedding is beyond the range.
        scale = max(np.abs(code_embeddings).max() / 0.5, 1e-30)
        code_embeddings = code_embeddings / scale
        kernel = np.zeros((width, composition.output_dim), np.float32)
        kernel[:inner] = scale * (np.eye(inner) if H is None else H)
        composition.kernel.assign(kernel)
    s = 1 / (1 + np.exp(-OPEN))
    start = np.zeros((D, K, width), np.float32)
    inside = np.clip(code_embeddings / s, -0.74, 0.74)
    start[..., :inner] = np.arctanh(np.arctanh(inside) / s * 0.999)
    composition.code_embeddings.assign(start)
    composition.recurrent_kernel.assign(np.zeros((width, 4 * width)))
    composition.bias.assign(np.repeat([-OPEN, OPEN, OPEN, 0.0], width))


def learn_residual(
    embedding,
    vectors,
    seed,
    progress,
    effort,
    for_others,
    code_embeddings,
    H=None,
):
    """Fits a `ResidualComposition` and its codes, from the linear solution.

    The hidden units start as random features of the sum, and the correction
    at zero. Training runs in vectors without mean and of unit variance, so that
    a step of Adam is as large for one table as for another; where there is an
    H, which could not take it back, the mean stays.

    Args:
        embedding: Built `KDEmbedding` with the linear solution's codes.
        vectors: Float32 array `(N, d)`.
        seed: Integer.
        progress: Callable `(share done, error)`.
        effort, for_others: As `learn_composition` takes them.
        code_embeddings: Float array `(D, K, d'')` of the linear solution, d''
            at most d'.
        H: Float array `(d'', d)` of it, or None where d'' = d.
    """
    composition = embedding.composition
    rng = np.random.default_rng(seed)
    mean = vectors.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(np.square(vectors - mean).mean())) or 1.0
    shift = mean if composition.kernel is None else np.zeros(1)
    width, hidden = composition.code_dim, composition.hidden_dim
    features = rng.normal(size=(width, hidden)) / np.sqrt(width)
    inner = code_embeddings.shape[2]
    start = np.zeros(composition.code_embeddings.shape, np.float32)
    start[..., :inner] = (code_embeddings - shift / len(start)) / scale
    composition.code_embeddings.assign(start)
    if composition.kernel is not None:
        kernel = np.zeros(composition.kernel.shape, np.float32)
        kernel[:inner] = np.eye(inner) if H is None else H
        composition.kernel.assign(kernel)
    composition.hidden_kernel.assign(features)
    middle = decode_additive(embedding.codes, start).mean(axis=0) @ features
    composition.hidden_bias.assign(0.3 * rng.normal(size=hidden) - middle)
    composition.correction.assign(np.zeros((hidden, composition.output_dim)))
    learn_composition(
        embedding,
        ((vectors - shift) / scale).astype(np.float32),
        seed,
        lambda done, error: progress(done, error * scale**2),
        effort,
        for_others,
        RESIDUAL_EPOCHS,
        CLIPNORM,
    )
    # Of s' = scale s + shift now, where it was of s.
    W, A, b, U = (
        np.asarray(weight.numpy(), np.float64)
        for weight in (
            composition.code_embeddings,
            composition.hidden_kernel,
            composition.hidden_bias,
            composition.correction,
        )
    )
    composition.code_embeddings.assign(scale * W + shift / len(W))
    composition.hidden_kernel.assign(A / scale)
    composition.hidden_bias.assign(
        b - np.broadcast_to(shift, width) @ A / scale
    )
    composition.correction.assign(scale * U)


def learn_composition(
    embedding,
    vectors,
    seed,
    progress,
    effort=1.0,
    for_others=False,
    epochs=EPOCHS,
    clipnorm=None,
):
    """Fits any composition to vectors and searches its codes, in turns.

    The composition is trained by Adam while the codes stand still. Then the
    codes are searched while it stands still: near the present codes it is
    taken for additive (code embeddings by least squares on its own output),
    each row's deviation from that goes into the target of the row, a local
    search proposes a code, and the code is taken where the composition itself
    confirms that it is better. So the error never rises by the search.

    Args:
        embedding: Built `KDEmbedding` with fixed codes, changed in place.
        vectors: Float32 array `(N, d)`.
        seed: Integer.
        progress: Callable `(share done, error)`.
        effort: Float, as `learn_codes` takes it.
        for_others: Boolean. Whether other vectors are to be encoded: the
            codes then are searched no longer than theirs will be.
        epochs: Integer. Passes over the vectors in each turn, within
            `LEAST_STEPS` and `MOST_STEPS`, times the effort.
        clipnorm: Float or None. Largest norm of all gradients together.
    """
    rng = np.random.default_rng(seed)
    composition = embedding.composition
    model = keras.Sequential([embedding])
    batches = _batches(len(vectors), rng)
    steps = epochs * -(-len(vectors) // BATCH)
    steps = int(np.clip(steps, LEAST_STEPS, MOST_STEPS))
    steps = max(1, round(effort * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE, TURNS * steps, 0.01
    )
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=clipnorm)
    model.compile(optimizer, _squared_error)
    for turn in range(TURNS):
        for step in range(steps):
            rows = next(batches)
            loss = model.train_on_batch(rows, vectors[rows])
            progress((turn + step / steps) / TURNS, float(loss))
        codes = embedding.codes
        fit = fit_in_order if for_others else fit_code_embeddings
        tables = additive_near(composition, codes, fit, seed)
        embedding.codes, errors = search_near(
            composition,
            vectors,
            codes,
            tables,
            seed + turn,
            effort * (NEAR_EFFORT if for_others else 1.0),
        )
        progress((turn + 1) / TURNS, float(errors.mean()))


def _batches(count, rng):
    """Gives batches of row numbers without end, all rows once a pass."""
    while True:
        order = rng.permutation(count)
        for begin in range(0, count, BATCH):
            yield order[begin : begin + BATCH]


def _squared_error(vectors, rebuilt):
    return ops.mean(ops.sum(ops.square(vectors - rebuilt), axis=-1))
