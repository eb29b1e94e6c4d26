"""How the codes of each composition are learned."""

import dataclasses
from collections.abc import Callable

import numpy as np

from kd_keras.layers.compositions.by_name import COMPOSITIONS
from kd_keras.layers.compositions.code_search import sum_encoder
from kd_keras.layers.compositions.composition import Composition
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.learning.learn_composition import learn_composition
from kd_keras.learning.learn_residual import learn_residual, rescale_residual
from kd_keras.learning.output_scale import rescale, set_scale
from kd_keras.learning.start_lstm import start_near_linear
from kd_keras.learning.task import Task
from kd_keras.search.concat import fit_concat
from kd_keras.search.encode_rows import encode_rows
from kd_keras.search.fit_additive import fit_additive
from kd_keras.search.fit_codebooks import fit_codebooks
from kd_keras.search.learning_sample import learning_sample
from kd_keras.search.methods.strong_directions import strong_directions

# Effort of the linear solution that a residual composition starts from: 1 would
# gain some 2 % at most. An LSTM, which is trained less, starts from the whole
# search.
RESIDUAL_EFFORT = 0.5
# Share of the time that the linear solution takes of a trained composition.
LINEAR_SHARE, RESIDUAL_LINEAR_SHARE = 0.7, 0.4
# Effort of encoding the rows that a composition is trained on, relative to that
# of the linear solution.
FIRST_EFFORT = 0.5


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A way to learn a composition and its codes.

    Attributes:
        learn: From a built `KDEmbedding`, changed in place, and a `Task`.
        is_trained: bool. Whether the composition is trained by gradients.
        is_narrow: bool. Whether d' must be at most d.
    """

    learn: Callable[[KDEmbedding, Task], None]
    is_trained: bool
    is_narrow: bool = False


def recipe_of(composition: str | Composition) -> Recipe:
    """Returns the recipe of a composition.

    Args:
        composition: str, a name; or a composition layer, which is learned as
            the class that it is or is derived from.

    Returns:
        A `Recipe`; `OTHER` for layers of other classes and unknown names.
    """
    if not isinstance(composition, Composition):
        return RECIPES.get(composition, OTHER)
    for kind in type(composition).__mro__:
        for name, known in COMPOSITIONS.items():
            if kind is known:
                return RECIPES[name]
    return OTHER


def _learn_linear(embedding: KDEmbedding, task: Task) -> None:
    embedding.codes, table, *kernel = _fit_linear(embedding, task)
    embedding.composition.set_weights([table * task.unit, *kernel])


def _learn_concat(embedding: KDEmbedding, task: Task) -> None:
    embedding.codes, table = fit_concat(
        task.vectors,
        embedding.K,
        embedding.D,
        task.seed,
        task.progress,
        task.weights,
        task.effort,
    )
    embedding.composition.set_weights([table * task.unit])


def _learn_lstm(embedding: KDEmbedding, task: Task) -> None:
    composition = embedding.composition
    task, scale, offset = task.standardised()
    linear = task.part(0.0, LINEAR_SHARE)
    embedding.codes, *weights = _fit_linear(embedding, linear)
    start_near_linear(composition, *weights)
    learn_composition(embedding, task.part(LINEAR_SHARE, 1.0))
    rescale(composition, scale, offset)


def _learn_residual(embedding: KDEmbedding, task: Task) -> None:
    composition = embedding.composition
    task, scale, offset = task.standardised()
    linear = task.part(0.0, RESIDUAL_LINEAR_SHARE, RESIDUAL_EFFORT)
    embedding.codes, *weights = _fit_linear(embedding, linear)
    rest = task.part(RESIDUAL_LINEAR_SHARE, 1.0)
    if composition.scaled:
        set_scale(composition)
    learn_residual(embedding, rest, *weights)
    rescale_to = rescale if composition.scaled else rescale_residual
    rescale_to(composition, scale, offset)


def _learn_other(embedding: KDEmbedding, task: Task) -> None:
    """Starts from the linear solution's codes and the layer's own weights."""
    composition = embedding.composition
    task, scale, offset = task.standardised()
    linear = task.part(0.0, LINEAR_SHARE)
    embedding.codes, *_ = _fit_linear(embedding, linear)
    set_scale(composition)  # if it was learned before, it has another
    learn_composition(embedding, task.part(LINEAR_SHARE, 1.0))
    rescale(composition, scale, offset)


# By the names of `COMPOSITIONS`.
RECIPES = {
    "linear": Recipe(_learn_linear, is_trained=False, is_narrow=True),
    "lstm": Recipe(_learn_lstm, is_trained=True),
    "concat": Recipe(_learn_concat, is_trained=False),
    "residual": Recipe(_learn_residual, is_trained=True),
}
OTHER = Recipe(_learn_other, is_trained=True)


def _fit_linear(embedding: KDEmbedding, task: Task) -> tuple[np.ndarray, ...]:
    """Learns codes, code embeddings and, if d' < d, H of v = (sum W)^T H.

    Returns:
        `(codes, code_embeddings)`, or `(codes, code_embeddings, H)`.
    """
    K, D, vectors = embedding.K, embedding.D, task.vectors
    weights = task.weights
    code_dim = min(embedding.code_dim, vectors.shape[1])
    kernel, outside = [], 0.0
    if code_dim < vectors.shape[1]:
        # That minimises the error outside of the directions (of very long
        # vectors, nearly). Inside, H is orthonormal and leaves the squared
        # error as it is.
        H, outside = strong_directions(vectors, code_dim, weights, task.seed)
        kernel = [H]
        vectors = vectors @ H.T

    def teller(begin: float, end: float) -> Callable[[float, float], None]:
        part = task.progress.part(begin, end)
        return lambda done, error: part(done, error + outside)

    fit = fit_codebooks if task.for_others else fit_additive
    sample, drawn = learning_sample(len(vectors), K, task.seed, weights)
    given, lengths = (K, D, task.seed, task.effort), task.lengths
    if sample is None:
        codes, table = fit(vectors, *given, teller(0.0, 1.0), weights, lengths)
    else:
        short = None if lengths is None else lengths[sample]
        _, table = fit(vectors[sample], *given, teller(0.0, 0.5), drawn, short)
        encode = sum_encoder(table, task.seed, FIRST_EFFORT * task.effort)
        codes = encode_rows(
            encode, vectors, progress=teller(0.5, 1.0), lengths=lengths
        )
    return codes, table, *kernel
