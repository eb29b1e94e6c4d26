"""Codes for compositions that are not additive, the LSTM first of all."""

import keras
import numpy as np
from keras import ops

from kd_keras.encoding import encode_additive, fit_code_embeddings

BATCH = 1024
# Turns of training and searching, and passes over the vectors in each turn.
ROUNDS = 6
EPOCHS = 6
LEARNING_RATE = 3e-3

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


def learn_composition(embedding, vectors, seed, progress):
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
    """
    rng = np.random.default_rng(seed)
    model = keras.Sequential([embedding])
    steps = ROUNDS * EPOCHS * -(-len(vectors) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps, 0.01)
    model.compile(keras.optimizers.Adam(schedule), _squared_error)
    for turn in range(ROUNDS):
        for epoch in range(EPOCHS):
            order = rng.permutation(len(vectors))
            for begin in range(0, len(order), BATCH):
                rows = order[begin : begin + BATCH]
                loss = model.train_on_batch(rows, vectors[rows])
            done = (turn + (epoch + 1) / (EPOCHS + 1)) / ROUNDS
            progress(done, float(loss))
        if turn < ROUNDS - 1:
            error = _search_codes(embedding, model, vectors, seed + turn)
            progress((turn + 1) / ROUNDS, error)


def _squared_error(vectors, rebuilt):
    return ops.mean(ops.sum(ops.square(vectors - rebuilt), axis=-1))


def _search_codes(embedding, model, vectors, seed):
    ids = np.arange(len(vectors))

    def rebuild():
        return model.predict(ids, batch_size=BATCH, verbose=0)

    codes, rebuilt = embedding.codes, rebuild()
    errors = np.square(vectors - rebuilt).sum(axis=1)
    surrogate = fit_code_embeddings(rebuilt, codes, embedding.K)
    additive = surrogate[np.arange(embedding.D), codes].sum(axis=1)
    embedding.codes = encode_additive(
        vectors - (rebuilt - additive), surrogate, codes=codes, seed=seed
    )
    new_errors = np.square(vectors - rebuild()).sum(axis=1)
    better = new_errors < errors
    embedding.codes = np.where(better[:, None], embedding.codes, codes)
    return float(np.where(better, new_errors, errors).mean())
