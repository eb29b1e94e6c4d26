"""How the codes of each composition are learned."""

import numpy as np

from kd_keras.layers.compositions.code_search import sum_encoder
from kd_keras.layers.compositions.concat import ConcatComposition
from kd_keras.layers.compositions.linear import LinearComposition
from kd_keras.layers.compositions.lstm import LSTMComposition
from kd_keras.layers.compositions.residual import ResidualComposition
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.learning.learn_composition import learn_composition
from kd_keras.learning.learn_residual import learn_residual
from kd_keras.learning.start_lstm import start_near_linear
from kd_keras.search.concat import fit_concat
from kd_keras.search.encode_rows import encode_rows
from kd_keras.search.fit_additive import fit_additive
from kd_keras.search.fit_codebooks import fit_codebooks
from kd_keras.search.learning_sample import learning_sample
from kd_keras.utils.progress_bar import progress_bar

# Of the linear solution that a residual composition starts from: 1 gains some
# 2 % at most. An LSTM, which is trained less, starts from the whole search.
RESIDUAL_EFFORT = 0.5


# Of coding the rows that a composition is trained on, relative to the effort of
# the linear solution.
FIRST_EFFORT = 0.5


# The compositions of which nothing is trained.
SEARCHED = (LinearComposition, ConcatComposition)


def _learn(
    vectors,
    K,
    D,
    composition,
    code_dim,
    seed,
    verbose,
    effort,
    for_others,
):
    """Learns from all rows of an array `(N, d)`, for them or for others."""
    count, dim = vectors.shape
    # Built first, so that bad arguments are refused before the work.
    embedding = KDEmbedding(
        count, dim, K, D, composition=composition, code_dim=code_dim, seed=seed
    )
    embedding.build()
    layer = embedding.composition
    searched = isinstance(layer, SEARCHED)
    residual = isinstance(layer, ResidualComposition)
    linear_share = 0.4 if residual else 0.7  # of the time
    with progress_bar("Learning codes", verbose) as progress:
        if isinstance(layer, ConcatComposition):
            codes, table = fit_concat(vectors, K, D, seed, progress=progress)
            weights = [table]
        else:
            codes, *weights = _fit_linear(
                vectors,
                K,
                D,
                min(embedding.code_dim, dim),
                seed,
                progress if searched else progress.part(0.0, linear_share),
                RESIDUAL_EFFORT * effort if residual else effort,
                for_others,
            )
        embedding.codes = codes
        if searched:
            layer.set_weights(weights)
        else:
            rest = progress.part(linear_share, 1.0)
            given = (embedding, vectors, seed, rest, effort)
            if residual:
                learn_residual(*given, for_others, *weights)
            else:
                if isinstance(layer, LSTMComposition):
                    start_near_linear(layer, *weights)
                learn_composition(*given, for_others)
    return embedding


def _fit_linear(vectors, K, D, code_dim, seed, progress, effort, for_others):
    """Learns codes, code embeddings and, where d' < d, H of v = (sum W)^T H.

    Returns:
        `(codes, code_embeddings)`, or `(codes, code_embeddings, H)`.
    """
    kernel, outside = [], 0.0
    if code_dim < vectors.shape[1]:
        # H spans the subspace that holds most of the vectors' squared length:
        # the error outside of it is then least, and inside of it H,
        # orthonormal, leaves the squared error as it is.
        scatter = vectors.T.astype(np.float64) @ vectors
        strengths, directions = np.linalg.eigh(scatter)  # weakest first
        H = directions[:, ::-1].T[:code_dim].astype(np.float32)
        outside = strengths[:-code_dim].sum() / len(vectors)
        kernel = [H]
        vectors = vectors @ H.T

    def teller(begin, end):
        part = progress.part(begin, end)
        return lambda done, error: part(done, error + outside)

    fit = fit_codebooks if for_others else fit_additive
    sample = learning_sample(len(vectors), K, seed)
    if sample is None:
        whole = teller(0.0, 1.0)
        codes, table = fit(vectors, K, D, seed, effort, whole)
    else:
        rows, first = vectors[sample], teller(0.0, 0.5)
        _, table = fit(rows, K, D, seed, effort, first)
        encode_block = sum_encoder(table, seed, FIRST_EFFORT * effort)
        codes = encode_rows(encode_block, vectors, progress=teller(0.5, 1.0))
    return codes, table, *kernel
