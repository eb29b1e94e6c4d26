import numpy as np

from kd_keras.codes.checks import check_kd
from kd_keras.layers.compositions.by_name import COMPOSITIONS
from kd_keras.layers.compositions.code_search import encode
from kd_keras.layers.compositions.linear import LinearComposition
from kd_keras.learning.grow_embedding import with_codes
from kd_keras.learning.recipes import SEARCHED, _learn
from kd_keras.search.effort import check_effort
from kd_keras.search.learning_sample import (
    is_large,
    learning_sample,
    training_sample,
)
from kd_keras.utils.progress_bar import progress_bar
from kd_keras.utils.row_blocks import row_blocks
from kd_keras.vectors.checks import check_rows

# Sums of vectors are taken in float32; in training squares of them and of
# gradients too.
LARGEST, LARGEST_TRAINED = 1e36, 1e15
CHECKED_FLOATS = 1 << 20  # at a time


def learn_codes(
    vectors,
    K=16,
    D=32,
    composition="linear",
    code_dim=None,
    seed=0,
    verbose=1,
    effort=1.0,
):
    """Learns codes of given vectors, and a composition that rebuilds them.

    This is the paper's code learning (equation 1: minimise the squared error
    between each vector and the one composed from its code) by the best recipe
    that we know. Where the composition is additive, the minimum is found
    better by search than by gradients:

    - `"linear"`: local search over the codes, alternated with least squares
      for the code embeddings. Where `code_dim < d`, in the subspace of the
      `code_dim` strongest directions, which H then spans.
    - `"concat"`: k-means in each of the D slices.
    - `"lstm"`, `"residual"`: starts from the linear solution; then the
      composition is trained by Adam with the codes fixed, and the codes are
      searched again with the composition fixed, in turns.
    - A composition layer is treated as its class is; one of another class
      starts from the linear solution's codes and its own weights.

    Above 50,000 vectors (4 K if that is more) the composition is learned from
    so many, drawn at random, or trained on up to 200,000, and the codes of all
    are found by `KDEmbedding.encode`, block by block: memory does not grow
    with N but for the codes themselves. The additive start then is one for
    vectors that come later: residual quantisation, improved while a beam
    search codes.

    The paper's own Algorithm 1 is `model.fit(ids, vectors)` on a `KDEmbedding`
    with `codes="learn"`.

    Others call K the codebook size and D the number of codebooks.

    Args:
        vectors: Array `(N, d)`, floating or integer, finite; N at least K. It
            may be a memory map (`numpy.load(path, mmap_mode="r")`), larger
            than memory too.
        K: Integer, 2 to 65,536. Number of values of a code position.
        D: Integer, at least 1. Number of code positions.
        composition: `"linear"`, `"lstm"`, `"concat"`, `"residual"`, or a
            composition layer, which is trained in place.
        code_dim: Integer or None. Size d' of a code embedding. None: d, or
            d / D for concat.
        seed: Integer. Decides everything: the same seed on the same machine
            gives the same codes.
        verbose: 0 for silence, 1 for a progress bar.
        effort: Float, 0 to 1,000. How long to search: steps of the search, of
            a composition's training and of `encode`, in units of the default,
            which takes one to six minutes of a core at N = 10,000. 0.1
            is a draft; beyond 1 the error falls slowly. 0 leaves what cannot
            be done without: for linear, the start of the search and descent.
            Concat takes the same time with any.

    Returns:
        A built `KDEmbedding` with fixed codes; `embedding(ids)` gives the
        rebuilt vectors.

    Raises:
        ValueError: If an argument is out of its range, or the vectors are not
            finite, not of rank 2, fewer than K, or beyond 1e36 (1e15 for a
            composition that is trained).

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
        equation 1; the search: see `kd_keras.search`.
    """
    given = (K, D, composition, code_dim, seed, verbose, effort)
    embedding, vectors = _learn_on_sample(vectors, *given)
    if not is_large(len(vectors), embedding.K):
        return embedding
    # The codes of rows that were trained on too: shards find the same.
    with progress_bar("Encoding", verbose) as progress:
        codes = encode(embedding, vectors, seed, effort, progress=progress)
    return with_codes(embedding, codes)


def learn_codebooks(
    vectors,
    K=16,
    D=32,
    composition="linear",
    code_dim=None,
    seed=0,
    verbose=1,
    effort=1.0,
):
    """Learns the composition of a table that is too large for one process.

    The first half of `learn_codes`: what it returns finds the codes of any
    rows by `encode`, here or in other processes. Where they encode the rows
    `shard_rows(N, i, n)` each, their codes, one after the other, are those
    that `learn_codes` gives.

    Args:
        vectors, K, D, composition, code_dim, seed, verbose, effort: As
            `learn_codes` takes them.

    Returns:
        A built `KDEmbedding` of the vectors that were learned from: 50,000
        drawn at random (4 K if that is more), up to 200,000 for a composition
        that is trained, all if there are not so many.

    Raises:
        ValueError: As `learn_codes` does.

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
    given = (K, D, composition, code_dim, seed, verbose, effort)
    return _learn_on_sample(vectors, *given)[0]


def _learn_on_sample(
    vectors, K, D, composition, code_dim, seed, verbose, effort
):
    """Returns the embedding of the learning sample, and the checked table."""
    vectors = check_rows(vectors)
    K, D = check_kd(K, D)
    check_effort(effort)
    count, dim = vectors.shape
    if count < K:
        raise ValueError(
            "There must be at least K vectors. "
            f"Received: {count} vectors, K={K}"
        )
    kind = type(composition)
    if isinstance(composition, str):
        kind = COMPOSITIONS.get(composition, str)
    width = getattr(composition, "code_dim", code_dim)
    if kind is LinearComposition and width is not None and width > dim:
        raise ValueError(
            "`code_dim` of a linear composition must be at most the vectors' "
            f"size, {dim}. Received: code_dim={width}"
        )
    searched = issubclass(kind, SEARCHED)
    if searched:
        sample = learning_sample(count, K, seed)
    else:
        sample = training_sample(count, K, dim, seed)
    rows = vectors[:] if sample is None else vectors[sample]
    _check_size(vectors, LARGEST if searched else LARGEST_TRAINED)
    given = (rows, K, D, composition, code_dim, seed, verbose, effort)
    return _learn(*given, for_others=is_large(count, K)), vectors


def _check_size(vectors, most):
    step = max(1, CHECKED_FLOATS // vectors.shape[1])
    for block in row_blocks(len(vectors), step):
        largest = np.abs(vectors[block]).max()
        if largest > most:
            raise ValueError(
                f"The vectors must be within {most:.0e}, or else what is "
                "computed of them in float32 overflows; divide them by a "
                f"constant. Received: a value of size {largest:.3g}"
            )
