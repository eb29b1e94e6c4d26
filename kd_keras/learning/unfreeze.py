"""Lets fixed codes go on learning."""

from typing import Any

import keras
import numpy as np

# The copies of layers that share a composition share one too.
from keras.src.saving.serialization_lib import ObjectSharingScope

from kd_keras.codes.tiers import tier_config
from kd_keras.layers.coded_layer import CodedLayer
from kd_keras.layers.find_layers import coded_layers
from kd_keras.layers.kd_code_learner import KDCodeLearner
from kd_keras.layers.kd_logits import KDLogits
from kd_keras.learning.replace_layers import replace_layers


def unfreeze(layer_or_model: Any, margin: float = 1.0) -> Any:
    """Copies a layer or model and lets its fixed codes learn again.

    It is the opposite of `freeze`: every coded layer with fixed codes gets a
    `KDCodeLearner` that begins with these codes, and the same code
    embeddings. The copy computes what the original computes until it is
    trained. With `learn_codes`, it takes a trained table to codes that go on
    learning in the task. A layer that is not trainable stays so.

    Args:
        layer_or_model: Built `KDEmbedding` or `KDLogits`, or a built Keras
            model that holds such layers at any depth. It is not changed.
        margin: float, positive. How easily a code changes, see
            `KDCodeLearner.from_codes`.

    Returns:
        A new layer of the same class; or a model as `replace_layers` returns
        it, compiled like the original.

    Raises:
        ValueError: If there is no coded layer with fixed codes in it, it is
            not built, its symbols are not in the order of their tiers, it
            shares a composition with a layer that learns already, or
            `replace_layers` cannot copy the model.

    Example:

    >>> import numpy as np, kd_keras
    >>> table = np.random.default_rng(0).normal(size=(300, 8))
    >>> fixed = kd_keras.learn_codes(table, K=8, D=4, verbose=0)
    >>> learning = kd_keras.unfreeze(fixed)
    >>> print(np.allclose(learning(np.arange(9)), fixed(np.arange(9))))
    True
    >>> print(learning.learner.logits.shape)
    (300, 4, 8)

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067), Algorithm
        1, begun with given codes.
    """
    is_layer = isinstance(layer_or_model, keras.layers.Layer)
    fixed = [
        x
        for x in (coded_layers(layer_or_model) if is_layer else ())
        if x.learner is None
    ]
    if not fixed:
        raise ValueError(
            "unfreeze needs a KDEmbedding or KDLogits with fixed codes, or a "
            f"model with one. Received: {layer_or_model!r}"
        )
    if not layer_or_model.built:
        raise ValueError(
            "unfreeze needs a built model: call it once on ids. Received: "
            f"{layer_or_model!r}, not built"
        )
    # Output layers last: they may be tied to an embedding.
    fixed.sort(key=lambda x: isinstance(x, KDLogits))
    made: dict[int, CodedLayer] = {}
    with ObjectSharingScope():
        for layer in fixed:
            made[id(layer)] = _learning(layer, margin, made)
    if isinstance(layer_or_model, CodedLayer):
        return made[id(layer_or_model)]
    return replace_layers(layer_or_model, {x: made[id(x)] for x in fixed})


def _learning(
    layer: Any, margin: float, made: dict[int, CodedLayer]
) -> CodedLayer:
    """Copies a layer; its codes can change."""
    config = layer.get_config()
    tie = getattr(layer, "embedding", None)
    if tie is not None:
        config["embedding"] = made[id(tie)]
    else:
        config["codes"] = KDCodeLearner.from_codes(
            layer.codes,
            layer.K,
            margin,
            **tier_config(layer.D, layer.tiers),
            dtype=layer.dtype_policy,
            name="learner",
        )
    copy = type(layer).from_config(config)
    copy.build_from_config(layer.get_build_config() or {})
    if not copy.built:
        copy.build()
    if tie is None:
        copy.composition.set_weights(layer.composition.get_weights())
    for name in ("projection", "bias"):
        if getattr(layer, name, None) is not None:
            getattr(copy, name).assign(np.array(getattr(layer, name).numpy()))
    return copy
