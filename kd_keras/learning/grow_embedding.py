"""More symbols for an embedding whose composition stands still."""

import numpy as np

from kd_keras.layers.kd_embedding import KDEmbedding


def grow_embedding(embedding, vectors, seed=0, effort=1.0):
    """Adds symbols to an embedding without learning anything again.

    The new symbols get codes by `embedding.encode`; the composition and the
    codes of the symbols that it has stay as they are, and so do their vectors.
    How well the new ones are rebuilt depends on how much they are like those
    that the composition was learned from.

    Args:
        embedding: `KDEmbedding` of N symbols. Not changed.
        vectors: Array `(M, output_dim)`, finite: the vectors of the ids N to
            N + M - 1. A memory map is read block by block.
        seed: Integer. Decides the search.
        effort: Float, as `KDEmbedding.encode` takes it.

    Returns:
        A built `KDEmbedding` of N + M symbols with fixed codes and weights of
        its own.

    Raises:
        ValueError: If the vectors are not finite or not of `output_dim`.

    Example:

    >>> import numpy as np, kd_keras
    >>> vectors = np.random.default_rng(0).normal(size=(210, 8))
    >>> embedding = kd_keras.learn_codes(vectors[:200], K=16, D=4, verbose=0)
    >>> grown = kd_keras.grow_embedding(embedding, vectors[200:])
    >>> print(grown.input_dim, grown(np.array([209])).shape)
    210 (1, 8)
    >>> print((grown.codes[:200] == embedding.codes).all())
    True
    """
    new = embedding.encode(vectors, seed, effort)
    codes = np.concatenate([embedding.codes, new])
    # A composition from its configuration, not the embedding's own object.
    copy = KDEmbedding.from_config(
        embedding.get_config() | {"codes": None, "input_dim": 1}
    )
    copy.build()
    copy.composition.set_weights(embedding.composition.get_weights())
    return with_codes(copy, codes)


def with_codes(embedding, codes):
    """Gives an embedding other symbols; the composition is shared.

    Args:
        embedding: Built `KDEmbedding`.
        codes: Integer array `(N, D)`.

    Returns:
        A built `KDEmbedding` of N symbols.
    """
    config = embedding.get_config() | {
        "input_dim": len(codes),
        "codes": codes,
        "composition": embedding.composition,
    }
    other = type(embedding).from_config(config)
    other.build()
    return other
