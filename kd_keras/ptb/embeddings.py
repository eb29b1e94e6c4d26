"""The embedding layer of a run: conventional, fixed codes, learned codes."""

import keras
import numpy as np

from kd_keras.layers.kd_code_learner import KDCodeLearner
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.ptb.run_settings import RunSettings

# Logit of the code that a warm start begins with; the others start at 0.
WARM_LOGIT = 1.0


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
        one_hot = np.eye(settings.K, dtype=np.float32)[given.codes]
        learner.logits.assign(WARM_LOGIT * one_hot)
        embedding.composition.set_weights(given.composition.get_weights())
    return embedding
