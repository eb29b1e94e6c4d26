"""Learns a residual composition and its codes."""

from typing import Any

import numpy as np

from kd_keras.learning.learn_composition import learn_composition
from kd_keras.learning.task import Task
from kd_keras.search.methods.additive_sum import decode_additive

# Passes over the vectors in each turn: more than for other compositions, since
# these steps are cheap.
EPOCHS = 40
# Largest norm of the gradients, for vectors with unit variance. It keeps
# batches with outliers, whose errors may be fifty times the others', from
# weighing more than other batches. 0.3 does as well.
CLIPNORM = 1.0


def learn_residual(
    embedding: Any,
    task: Task,
    code_embeddings: np.ndarray,
    H: np.ndarray | None = None,
) -> None:
    """Fits a `ResidualComposition` and its codes, from the linear solution.

    The hidden units start as random features of the sum, and the correction
    starts at zero.

    Args:
        embedding: `KDEmbedding`, built, with the codes of the linear solution.
            It is changed in place.
        task: `Task` of vectors with unit variance.
        code_embeddings: array of float, shape `(D, K, d'')`, of the linear
            solution; d'' is at most d'.
        H: array of float, shape `(d'', d)`, of the linear solution; None if
            d'' = d.
    """
    composition = embedding.composition
    rng = np.random.default_rng(task.seed)
    width, hidden = composition.code_dim, composition.hidden_dim
    features = rng.normal(size=(width, hidden)) / np.sqrt(width)
    inner = code_embeddings.shape[2]
    start = np.zeros(composition.code_embeddings.shape, np.float32)
    start[..., :inner] = code_embeddings
    composition.code_embeddings.assign(start)
    if composition.kernel is not None:
        kernel = np.zeros(composition.kernel.shape, np.float32)
        kernel[:inner] = np.eye(inner) if H is None else H
        composition.kernel.assign(kernel)
    composition.hidden_kernel.assign(features)
    middle = decode_additive(embedding.codes, start).mean(axis=0) @ features
    composition.hidden_bias.assign(0.3 * rng.normal(size=hidden) - middle)
    composition.correction.assign(np.zeros((hidden, composition.output_dim)))
    learn_composition(embedding, task, EPOCHS, CLIPNORM)


def rescale_residual(
    composition: Any, scale: float, offset: np.ndarray
) -> None:
    """Makes a composition compute `scale * v + offset` instead of v.

    Args:
        composition: `ResidualComposition`, built, without H. It is changed in
            place.
        scale: float.
        offset: array of float, shape `(d,)`.
    """
    # The sum s becomes s' = scale s + offset.
    W, A, b, U = (
        np.asarray(weight.numpy(), np.float64)
        for weight in (
            composition.code_embeddings,
            composition.hidden_kernel,
            composition.hidden_bias,
            composition.correction,
        )
    )
    composition.code_embeddings.assign(scale * W + offset / len(W))
    composition.hidden_kernel.assign(A / scale)
    composition.hidden_bias.assign(b - offset @ A / scale)
    composition.correction.assign(scale * U)
