"""Learns a residual composition and its codes."""

import numpy as np

from kd_keras.learning.learn_composition import (
    RESIDUAL_EPOCHS,
    learn_composition,
)
from kd_keras.search.methods.additive_sum import decode_additive

# Norm that the gradients of a residual composition are cut down to, in units of
# vectors with unit variance: a batch with outliers, whose errors may be fifty
# times the others', weighs no more. 0.3 does as well.
CLIPNORM = 1.0


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
