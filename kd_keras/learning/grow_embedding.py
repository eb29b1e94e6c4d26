"""Adds symbols to an embedding whose composition stays fixed."""

from typing import Any

import numpy as np
import numpy.typing as npt

from kd_keras.codes.tiers import tier_config
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.vectors.checks import check_rows


def grow_embedding(
    embedding: KDEmbedding,
    vectors: npt.ArrayLike,
    seed: int = 0,
    effort: float = 1.0,
) -> KDEmbedding:
    """Adds symbols to an embedding without learning anything again.

    The new symbols get codes by `embedding.encode`, those of the last tier if
    there are tiers. The composition, the codes
    of the present symbols and thus their vectors stay as they are. The new
    vectors are rebuilt well if they resemble those that the composition was
    learned from.

    Args:
        embedding: `KDEmbedding` of N symbols. It is not changed.
        vectors: array of float or int, shape `(M, output_dim)`, finite. The
            vectors of the ids N to N + M - 1. A memory map is read block by
            block.
        seed: int. Decides the search.
        effort: float, 0 to 1,000. See `KDEmbedding.encode`.

    Returns:
        A built `KDEmbedding` of N + M symbols with fixed codes and weights of
        its own.

    Raises:
        ValueError: If the vectors are not finite or not of size `output_dim`,
            or if there are tiers and the composition is not linear.

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
    lengths, tiers = None, embedding.tiers
    if tiers is not None:
        lengths = np.full(len(check_rows(vectors)), tiers.D[-1])
    new = embedding.encode(vectors, seed, effort, lengths)
    codes = np.concatenate([embedding.codes, new])
    # A composition from its configuration, not the embedding's own object.
    copy = KDEmbedding.from_config(
        embedding.get_config()
        | {"codes": None, "input_dim": 1, **tier_config(embedding.D, None)}
    )
    copy.build()
    copy.composition.set_weights(embedding.composition.get_weights())
    return with_codes(copy, codes, **tier_config(embedding.D, tiers))


def with_codes(
    embedding: KDEmbedding, codes: np.ndarray, **options: Any
) -> KDEmbedding:
    """Returns an embedding of other symbols that shares the composition.

    Args:
        embedding: `KDEmbedding`, built.
        codes: array of int, shape `(N, D)`.
        **options: Other arguments of `KDEmbedding` that change.

    Returns:
        A built `KDEmbedding` of N symbols.
    """
    config = embedding.get_config() | {
        "input_dim": len(codes),
        "codes": codes,
        "composition": embedding.composition,
        **options,
    }
    other = type(embedding).from_config(config)
    other.build()
    return other
