"""Learns a residual composition and its codes."""

import dataclasses
from typing import Any

import numpy as np

from kd_keras.learning.learn_composition import learn_composition
from kd_keras.learning.task import Task
from kd_keras.search.methods.additive_sum import decode_additive
from kd_keras.utils.progress_bar import Part

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
    starts at zero. Training runs on vectors with zero mean and unit variance,
    so that a step of Adam is equally large for every table. If there is an H,
    which could not restore the mean, the mean stays.

    Args:
        embedding: `KDEmbedding`, built, with the codes of the linear solution.
            It is changed in place.
        task: `Task`.
        code_embeddings: array of float, shape `(D, K, d'')`, of the linear
            solution; d'' is at most d'.
        H: array of float, shape `(d'', d)`, of the linear solution; None if
            d'' = d.
    """
    composition, vectors = embedding.composition, task.vectors
    rng = np.random.default_rng(task.seed)
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
    scaled = dataclasses.replace(
        task,
        vectors=((vectors - shift) / scale).astype(np.float32),
        progress=Part(
            lambda done, error: task.progress(done, error * scale**2)
        ),
    )
    learn_composition(embedding, scaled, EPOCHS, CLIPNORM)
    # The sum is now s' = scale s + shift where it was s.
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
