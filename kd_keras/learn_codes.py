import numpy as np

from kd_keras.codes import check_kd
from kd_keras.encoding import fit_additive, fit_concat
from kd_keras.kd_embedding import KDEmbedding
from kd_keras.learn_composition import learn_composition, start_near_linear
from kd_keras.progress_bar import progress_bar
from kd_keras.vectors import check_vectors


def learn_codes(
    vectors,
    K=16,
    D=32,
    composition="linear",
    code_dim=None,
    seed=0,
    verbose=1,
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
    - `"lstm"`, or a composition layer: starts from the linear solution; then
      the composition is trained by Adam with the codes fixed, and the codes
      are searched again with the composition fixed, in turns.

    The paper's own Algorithm 1 is `model.fit(ids, vectors)` on a `KDEmbedding`
    with `codes="learn"`.

    Others call K the codebook size and D the number of codebooks.

    Args:
        vectors: Array `(N, d)`, floating or integer, finite; N at least K. It
            may be a memory map (`numpy.load(path, mmap_mode="r")`).
        K: Integer, 2 to 65,536. Number of values of a code position.
        D: Integer, at least 1. Number of code positions.
        composition: `"linear"`, `"lstm"`, `"concat"`, or a composition layer,
            which is trained in place.
        code_dim: Integer or None. Size d' of a code embedding. None: d, or
            d / D for concat.
        seed: Integer. Decides everything: the same seed on the same machine
            gives the same codes.
        verbose: 0 for silence, 1 for a progress bar.

    Returns:
        A built `KDEmbedding` with fixed codes; `embedding(ids)` gives the
        rebuilt vectors.

    Raises:
        ValueError: If an argument is out of its range, or the vectors are not
            finite, not of rank 2, or fewer than K.

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
        equation 1; the search: see `kd_keras.encoding`.
    """
    vectors = check_vectors(vectors)
    K, D = check_kd(K, D)
    count, dim = vectors.shape
    if count < K:
        raise ValueError(
            "There must be at least K vectors. "
            f"Received: {count} vectors, K={K}"
        )
    if composition == "linear" and code_dim is not None and code_dim > dim:
        raise ValueError(
            "`code_dim` of a linear composition must be at most the vectors' "
            f"size, {dim}. Received: code_dim={code_dim}"
        )
    # Built first, so that bad arguments are refused before the work.
    embedding = KDEmbedding(
        count, dim, K, D, composition=composition, code_dim=code_dim, seed=seed
    )
    embedding.build()
    searched = composition in ("linear", "concat")
    with progress_bar("Learning codes", verbose) as progress:
        if composition == "concat":
            codes, table = fit_concat(vectors, K, D, seed, progress=progress)
            weights = [table]
        else:
            codes, *weights = _fit_linear(
                vectors,
                K,
                D,
                min(embedding.code_dim, dim),
                seed,
                progress if searched else progress.part(0.0, 0.4),
            )
        embedding.codes = codes
        if searched:
            embedding.composition.set_weights(weights)
        else:
            if composition == "lstm":
                start_near_linear(embedding.composition, *weights)
            learn_composition(embedding, vectors, seed, progress.part(0.4, 1.0))
    return embedding


def _fit_linear(vectors, K, D, code_dim, seed, progress):
    """Learns codes, code embeddings and, where d' < d, H of v = (sum W)^T H.

    Returns:
        `(codes, code_embeddings)`, or `(codes, code_embeddings, H)`.
    """
    if code_dim == vectors.shape[1]:
        return fit_additive(vectors, K, D, seed, progress=progress)
    # H spans the subspace that holds most of the vectors' squared length: the
    # error outside of it is then least, and inside of it H, orthonormal,
    # leaves the squared error as it is.
    scatter = vectors.T.astype(np.float64) @ vectors
    strengths, directions = np.linalg.eigh(scatter)  # weakest first
    H = directions[:, ::-1].T[:code_dim].astype(np.float32)
    outside = strengths[:-code_dim].sum() / len(vectors)
    codes, table = fit_additive(
        vectors @ H.T,
        K,
        D,
        seed,
        progress=lambda done, error: progress(done, error + outside),
    )
    return codes, table, H
