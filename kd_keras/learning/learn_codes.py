"""Learns codes of given vectors."""

from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt

from kd_keras.codes.tiers import read_tiers
from kd_keras.layers.compositions.code_search import (
    check_has_tiers,
    encode,
)
from kd_keras.layers.compositions.composition import Composition
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.learning.code_lengths import code_lengths
from kd_keras.learning.grow_embedding import with_codes
from kd_keras.learning.output_scale import add_scale
from kd_keras.learning.recipes import recipe_of
from kd_keras.learning.source_layer import (
    in_place_of,
    table_of,
    warn_of_variable,
)
from kd_keras.learning.task import Task
from kd_keras.search.effort import check_effort
from kd_keras.search.learning_sample import (
    is_large,
    learning_sample,
    tier_sample,
    training_sample,
)
from kd_keras.utils.checks import check_seed
from kd_keras.utils.cores import one_blas_thread
from kd_keras.utils.progress_bar import progress_bar
from kd_keras.utils.row_blocks import Rows, row_blocks
from kd_keras.vectors.checks import check_rows
from kd_keras.vectors.mapped_rows import MappedRows
from kd_keras.vectors.weights import check_weights

# Vectors are summed in float32, and code embeddings are smaller than vectors.
SMALLEST, LARGEST = 1e-32, 1e36
CHECKED_FLOATS = 1 << 20  # at a time


def learn_codes(
    vectors: npt.ArrayLike | MappedRows | keras.layers.Embedding,
    K: int = 16,
    D: int | Sequence[int] = 32,
    composition: str | Composition = "linear",
    code_dim: int | None = None,
    seed: int = 0,
    verbose: int = 1,
    effort: float = 1.0,
    weights: npt.ArrayLike | None = None,
    tiers: Sequence[int] | None = None,
) -> KDEmbedding:
    """Learns codes of given vectors, and a composition that rebuilds them.

    This is the paper's code learning (equation 1: minimise the squared error
    between each vector and the one composed from its code) by the best recipe
    that we know. If the composition is additive, search finds a better minimum
    than gradients do:

    - `"linear"`: local search over the codes, alternated with least squares
      for the code embeddings. If `code_dim < d`, it works in the subspace of
      the `code_dim` strongest directions, which H then spans.
    - `"concat"`: k-means in each of the D slices.
    - `"lstm"`, `"residual"`: start from the linear solution; then, in turns,
      Adam trains the composition with the codes fixed, and the codes are
      searched again with the composition fixed.
    - A composition layer is learned as its class is. A layer of another class
      starts from the codes of the linear solution and its own weights.

    The same table times a constant, or plus a constant vector, gets the same
    codes, as far as float32 can tell the tables apart. For that, compositions
    that do not have every scale by themselves get a scale and an offset:
    `"lstm"`, `"residual"` with H, and layers of other classes become
    `scaled=True` (see `Composition`). A linear composition with H has no
    offset, so the vectors' mean takes up one of its `code_dim` directions.

    For more than 50,000 vectors (or 4K, if larger), the composition is learned
    from a random sample of that size (without tiers of 2^27 / d vectors, if
    these are fewer), or of up to 200,000 vectors if it is trained by gradients.
    The codes of all vectors are then found by `KDEmbedding.encode`, block by
    block, so that only the codes themselves need memory that grows with N. The
    additive start is then one for vectors that come later: residual
    quantisation, improved while a beam search encodes.

    The paper's own Algorithm 1 is `model.fit(ids, vectors)` on a `KDEmbedding`
    with `codes="learn"`.

    Args:
        vectors: array of float or int, shape `(N, d)`, finite; N is at least
            K. It may be a memory map (`numpy.load(path, mmap_mode="r")`), also
            one larger than memory. Or a built `keras.layers.Embedding`: its
            table is learned, and the returned layer has its name, `mask_zero`,
            `trainable` and dtype policy.
        K: int, 2 to 65,536. Number of values of a code position.
        D: int, at least 1. Number of code positions.
        composition: One of `"linear"`, `"lstm"`, `"concat"`, `"residual"`, or a
            composition layer, which is trained in place. Unless it has its own
            scale, the layer must not be built, or be made with `scaled=True`.
        code_dim: int or None. Size d' of a code embedding. None: d, or d / D
            for concat.
        seed: int. Decides everything: the same seed on the same machine gives
            the same codes, whatever the number of threads and cores.
        verbose: int. 0 for silence, 1 for a progress bar.
        effort: float, 0 to 1,000. How long to search and train, in units of
            the default, which takes one to five minutes of one core at
            N = 10,000 (up to six for residual, ten for lstm). 0.1 is a draft;
            beyond 1 the error falls slowly. 0 does only what is indispensable:
            for linear, the start of the search and a descent; for concat, at
            most ten steps of k-means.
        weights: array of float or int, shape `(N,)`, positive; or None. How
            many times the squared error of each vector counts, for instance
            how often the symbol occurs. Only their ratios matter. The error
            in the progress bar is the weighted mean.
        tiers: None, or a sequence of rising ints, for shorter codes of rare
            symbols; D is then a sequence of falling ints, see `KDEmbedding`.
            The heaviest symbols are in the first tier, which needs at least K;
            without weights, the first. Only for the linear composition.

    Returns:
        A built `KDEmbedding` with fixed codes; `embedding(ids)` returns the
        rebuilt vectors.

    Raises:
        ValueError: If an argument is out of its range, or the vectors are not
            finite, not of rank 2, fewer than K, or beyond 1e36, or if all are
            within 1e-32 but not 0; or if the weights are not N positive,
            finite numbers; or if the tiers do not fit N, K and D.

    Example:

    >>> import numpy as np, kd_keras
    >>> vectors = np.random.default_rng(0).normal(size=(200, 8))
    >>> embedding = kd_keras.learn_codes(vectors, K=16, D=4, verbose=0)
    >>> rebuilt = np.asarray(embedding(np.arange(200)))
    >>> print(rebuilt.shape, embedding.codes.shape, embedding.codes.dtype)
    (200, 8) (200, 4) uint8
    >>> error = np.square(vectors - rebuilt).sum(axis=1).mean()
    >>> print(error < 0.3 * np.square(vectors).sum(axis=1).mean())
    True

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067),
        equation 1; for the search see `kd_keras.search`.
    """
    given = (K, D, composition, code_dim, seed, verbose, effort, weights, tiers)
    if isinstance(vectors, keras.layers.Embedding):
        return in_place_of(vectors, learn_codes(table_of(vectors), *given))
    warn_of_variable(vectors)
    rows = check_rows(vectors)
    embedding = learn_codebooks(rows, *given)
    codes = embedding.codes
    if is_large(len(rows), embedding.K):
        # The rows that were trained on are encoded again, as shards do it.
        lengths = code_lengths(K, D, tiers, len(rows), weights)
        with progress_bar("Encoding", verbose) as progress:
            codes = encode(
                embedding,
                rows,
                seed,
                effort,
                progress=progress,
                lengths=lengths,
            )
    elif tiers is None:
        return embedding
    return with_codes(embedding, codes, D=D, tiers=tiers)


@one_blas_thread()
def learn_codebooks(
    vectors: npt.ArrayLike | MappedRows,
    K: int = 16,
    D: int | Sequence[int] = 32,
    composition: str | Composition = "linear",
    code_dim: int | None = None,
    seed: int = 0,
    verbose: int = 1,
    effort: float = 1.0,
    weights: npt.ArrayLike | None = None,
    tiers: Sequence[int] | None = None,
) -> KDEmbedding:
    """Learns the composition of a table that is too large for one process.

    This is the first half of `learn_codes`. The returned layer finds the codes
    of any rows by `encode`, here or in other processes. If each process encodes
    the rows `shard_rows(N, i, n)`, the codes of all processes, one after the
    other, are those that `learn_codes` returns.

    Args:
        vectors, K, D, composition, code_dim, seed, verbose, effort, weights,
            tiers: See `learn_codes`. Heavy vectors are always in the sample.

    Returns:
        A built `KDEmbedding` of the vectors that were learned from: a random
        sample of 50,000 (or 2^27 / d, if smaller; or 4K, if larger), or of up
        to 200,000 for a composition that is trained; all vectors, if there are
        up to 50,000 (or 4K, if larger). It has
        no tiers: `encode` takes the length of each code.

    Raises:
        ValueError: See `learn_codes`.

    Example:

    >>> import numpy as np, kd_keras
    >>> vectors = np.random.default_rng(0).normal(size=(60_000, 4))
    >>> codebooks = kd_keras.learn_codebooks(
    ...     vectors, K=4, D=2, composition="concat", verbose=0
    ... )
    >>> print(codebooks.input_dim)
    50000
    >>> rows = kd_keras.shard_rows(60_000, 4, 4)
    >>> codes = codebooks.encode(vectors[rows])  # one of four processes
    >>> print(rows, codes.shape)
    slice(49152, 60000, None) (10848, 2)
    """
    rows = check_rows(vectors)
    check_effort(effort)
    seed = check_seed("`seed`", seed)
    count, dim = rows.shape
    lengths = code_lengths(K, D, tiers, count, weights)
    K, D, _ = read_tiers(K, D, tiers)
    shares = None if weights is None else check_weights(weights, count)
    if count < K:
        raise ValueError(
            "There must be at least K vectors. "
            f"Received: {count} vectors, K={K}"
        )
    if lengths is not None:
        check_has_tiers(composition)
    recipe = recipe_of(composition)
    width = getattr(composition, "code_dim", code_dim)
    if recipe.is_narrow and width is not None and width > dim:
        raise ValueError(
            "`code_dim` of a linear composition must be at most the vectors' "
            f"size, {dim}. Received: code_dim={width}"
        )
    if recipe.is_trained:
        sample, shares = training_sample(count, K, dim, seed, shares)
    elif lengths is not None and shares is None:
        sample, shares = tier_sample(lengths, K, seed)
    else:
        sample, shares = learning_sample(count, K, seed, shares, dim)
    _check_size(rows)
    learned = rows[:] if sample is None else rows[sample]
    if lengths is not None:
        if (longest := int((lengths == D).sum())) < K:
            raise ValueError(
                "There must be at least K vectors in the first tier. "
                f"Received: {longest} vectors, K={K}"
            )
        lengths = lengths if sample is None else lengths[sample]
    # Built first, so that bad arguments are refused before the work.
    # In float32 whatever Keras' default is, as the search computes.
    embedding = KDEmbedding(
        len(learned),
        dim,
        K,
        D,
        None,
        composition,
        code_dim,
        seed=seed,
        dtype="float32",
    )
    if not embedding.composition.has_own_scale():
        add_scale(embedding.composition)
    embedding.build()
    with progress_bar("Learning codes", verbose) as progress:
        for_others = is_large(count, K)
        task = Task.near_one(
            learned, seed, effort, for_others, progress, shares, lengths
        )
        recipe.learn(embedding, task)
    return embedding


def _check_size(vectors: Rows) -> None:
    N, d = vectors.shape
    blocks = row_blocks(N, max(1, CHECKED_FLOATS // d))
    largest = max(float(np.abs(vectors[block]).max()) for block in blocks)
    if largest and not SMALLEST <= largest <= LARGEST:
        raise ValueError(
            f"The largest value must be from {SMALLEST:.0e} to {LARGEST:.0e}, "
            "so that what is computed of the vectors fits into float32; "
            "multiply them by a constant. Received: a value of size "
            f"{largest:.3g}"
        )
