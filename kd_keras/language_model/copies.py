"""Copies of a language model for other batches, or with other tables."""

from typing import Any

import keras

from kd_keras.language_model.carried_lstm import CarriedLSTM
from kd_keras.language_model.model import LanguageModel
from kd_keras.language_model.unique_symbols import UniqueSymbols
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.layers.kd_logits import KDLogits
from kd_keras.learning.freeze import freeze


def streaming_model(model: LanguageModel) -> LanguageModel:
    """Copies a language model into one that reads a single text.

    Args:
        model: `LanguageModel` of any batch size.

    Returns:
        `LanguageModel` with the same weights, which takes ids `(1, steps)`
        with any number of steps. Learned codes are fixed in it.
    """
    return copy_language_model(model, 1, None)


def copy_language_model(
    model: LanguageModel,
    batch_size: int,
    steps: int | None,
    embedding: KDEmbedding | None = None,
    output: KDLogits | None = None,
) -> LanguageModel:
    """Copies a language model for another batch size, or with other tables.

    Args:
        model: `LanguageModel`.
        batch_size: int. Number of rows in a batch.
        steps: int or None. Number of tokens in a row; None for any number.
        embedding: `KDEmbedding` or None. It takes the place of the embedding.
        output: `KDLogits` or None. It takes the place of the output layer.

    Returns:
        `LanguageModel` with the same weights and states of 0. Learned codes
        are fixed in it.
    """
    ids = keras.Input((steps,), batch_size, dtype="int32", name="token_ids")
    first = model.get_layer("embedding")
    if embedding is None and isinstance(model.embedding, KDEmbedding):
        embedding = freeze(model.embedding)
    if embedding is None:
        hidden = _call_copy(first, ids)
    else:
        embedding.name = "embedding"
        layer: Any = embedding
        if embedding.composition.runs_over_steps:
            layer = UniqueSymbols(embedding, name="embedding")
        hidden = layer(ids)
    *middle, last = model.layers[model.layers.index(first) + 1 :]
    for layer in middle:
        hidden = _call_copy(layer, hidden)
    if output is not None:
        output.name = "output"
        return LanguageModel(ids, output(hidden))
    if isinstance(last, KDLogits):
        return LanguageModel(ids, _copy_of_logits(last, embedding)(hidden))
    return LanguageModel(ids, _call_copy(last, hidden))


def _copy_of_logits(layer: KDLogits, embedding: KDEmbedding | None) -> KDLogits:
    """Copies an output layer; ties it to the copy of its embedding."""
    if layer.embedding is None:
        return freeze(layer)
    copy = KDLogits.from_config(layer.get_config() | {"embedding": embedding})
    copy.build((None, layer.input_spec.axes[-1]))
    for name in ("bias", "projection"):
        trained: Any = getattr(layer, name)
        if trained is not None:
            getattr(copy, name).assign(trained.numpy())
    return copy


def _call_copy(layer: keras.layers.Layer, inputs: Any) -> Any:
    """Calls a copy of a layer with its weights but without carried state."""
    config = layer.get_config()
    if "unroll" in config:
        config["unroll"] = False  # to take any number of steps
    copy = type(layer).from_config(config)
    outputs = copy(inputs)
    for mine, trained in zip(_learned(copy), _learned(layer), strict=True):
        mine.assign(trained.numpy())
    return outputs


def _learned(layer: keras.layers.Layer) -> list[keras.Variable]:
    """Returns a layer's weights without the states that it carries."""
    carried = layer.states if isinstance(layer, CarriedLSTM) else []
    ids = {id(state) for state in carried}
    return [x for x in layer.weights if id(x) not in ids]
