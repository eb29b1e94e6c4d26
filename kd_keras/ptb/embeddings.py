"""The embedding and the output layer of a run."""

from collections.abc import Callable
from typing import NamedTuple

import keras

from kd_keras.layers.kd_code_learner import KDCodeLearner
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.layers.kd_logits import KDLogits
from kd_keras.ptb.run_settings import RunSettings


class GivenCodes(NamedTuple):
    """Codes that a run is given.

    Attributes:
        embedding: `KDEmbedding` or None. A built embedding whose codes were
            learned beforehand; those of the run's embedding.
        output: `KDEmbedding` or None. The same for the output layer.
    """

    embedding: KDEmbedding | None = None
    output: KDEmbedding | None = None


NO_CODES = GivenCodes()


def make_embedding(
    settings: RunSettings,
    vocabulary_size: int,
    initializer: keras.initializers.Initializer,
    given: KDEmbedding | None = None,
) -> keras.layers.Layer:
    """Makes the layer that turns ids into vectors.

    Args:
        settings: `RunSettings`.
        vocabulary_size: int. Number of symbols.
        initializer: `keras.initializers.Initializer` of the table or the code
            embeddings.
        given: `KDEmbedding` or None. A built embedding with codes that were
            learned beforehand; None for random codes or no codes.

    Returns:
        `keras.layers.Layer` from ids to vectors of the configuration's hidden
        size.
    """
    hidden = settings.configuration.hidden
    if settings.embedding == "conventional":
        return keras.layers.Embedding(
            vocabulary_size,
            hidden,
            embeddings_initializer=initializer,
            name="embedding",
        )
    assert settings.K and settings.D and settings.composition
    learner = None
    if settings.embedding == "learn":
        if given is not None:
            learner = KDCodeLearner.from_codes(
                given.codes, settings.K, name="learner"
            )
        else:
            learner = KDCodeLearner(
                vocabulary_size,
                settings.K,
                settings.D,
                logits_initializer=keras.initializers.RandomUniform(
                    seed=settings.seed
                ),
                name="learner",
            )
    embedding = KDEmbedding(
        vocabulary_size,
        hidden,
        settings.K,
        settings.D,
        codes=learner or (None if given is None else given.codes),
        composition=settings.composition,
        code_dim=settings.code_dim,
        embeddings_initializer=initializer,
        seed=settings.seed,
        name="embedding",
    )
    if learner is not None and given is not None:
        # A scaled composition starts as a scaled one.
        embedding.composition.scaled = given.composition.scaled
        embedding.build()
        embedding.composition.set_weights(given.composition.get_weights())
    return embedding


def make_output_layer(
    settings: RunSettings,
    vocabulary_size: int,
    initializers: Callable[[], keras.initializers.Initializer],
    embedding: keras.layers.Layer,
    given: KDEmbedding | None = None,
) -> KDLogits | None:
    """Makes the layer that turns hidden states into logits.

    Args:
        settings: `RunSettings`.
        vocabulary_size: int. Number of symbols.
        initializers: callable that returns an initializer of weights.
        embedding: Keras layer. The embedding of the run.
        given: `KDEmbedding` or None. One with the codes of the output layer;
            None for random codes.

    Returns:
        `KDLogits`, or None if the output layer has no codes.
    """
    if settings.output_layer == "dense":
        return None
    if settings.output_layer == "tied":
        return KDLogits(embedding=embedding, bias_initializer=initializers())
    assert settings.output_K and settings.output_D
    assert settings.output_composition
    return KDLogits(
        vocabulary_size,
        settings.output_K,
        settings.output_D,
        codes=None if given is None else given.codes,
        composition=settings.output_composition,
        code_dim=settings.output_code_dim,
        embeddings_initializer=initializers(),
        bias_initializer=initializers(),
        # Not the random codes of the embedding.
        seed=(settings.seed + 1) % 2**32,
    )
