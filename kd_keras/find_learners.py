"""The code learners of the model that a callback watches."""

from kd_keras.kd_code_learner import KDCodeLearner
from kd_keras.layer_search import find_layers


def learners_of(callback):
    """Finds the layers that learn codes in a callback's model.

    Args:
        callback: Keras callback whose `model` is set.

    Returns:
        List of `KDCodeLearner`, at least one.

    Raises:
        ValueError: If there is none.
    """
    learners = find_layers(callback.model, KDCodeLearner)
    if not learners:
        raise ValueError(
            f"{type(callback).__name__} needs a layer that learns codes "
            '(KDEmbedding(..., codes="learn") or KDCodeLearner). '
            f"Received: model {callback.model.name!r} without one"
        )
    return learners
