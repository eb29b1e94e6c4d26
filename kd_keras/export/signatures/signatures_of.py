"""The named functions of an exported file, and what they must compute."""

from typing import Any

import keras
import tensorflow as tf

from kd_keras.export.signatures.signature import DEFAULT, Signature, compiled
from kd_keras.export.size.coded_model import TABLES, CodedModel
from kd_keras.language_model.model import LanguageModel
from kd_keras.layers.find_layers import find_layers
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.utils.checks import MAX_INT32, check_integer_or_none


def signatures_of(
    coded: CodedModel,
    batch_size: Any = None,
    sequence_length: Any = None,
    example: Any = None,
) -> list[Signature]:
    """Lists the functions of an exported layer or model.

    Args:
        coded: `CodedModel` of an embedding, `LanguageModel` or other model.
        batch_size, sequence_length, example: See `export_litert`.

    Returns:
        list of `Signature`.

    Raises:
        ValueError: If an argument is wrong, or if LiteRT would compute wrong
            results.
    """
    batch_size = check_integer_or_none("`batch_size`", batch_size, MAX_INT32)
    sequence_length = check_integer_or_none(
        "`sequence_length`", sequence_length, MAX_INT32
    )
    made = _signatures(coded, batch_size, sequence_length, example)
    if is_recurrent(coded) and not all(s.is_static for s in made):
        raise ValueError(
            "LiteRT's CompiledModel computes wrong results for recurrent "
            "layers and LSTM compositions of dynamic shape: pass "
            "`sequence_length`. "
            f"Received: sequence_length={sequence_length}"
        )
    return made


def _signatures(
    coded: CodedModel,
    batch_size: int | None,
    sequence_length: int | None,
    example: Any,
) -> list[Signature]:
    model = coded.model
    if isinstance(model, LanguageModel):
        from kd_keras.export.signatures.language_model_signatures import (
            language_model_signatures,
        )

        if batch_size not in (None, 1):
            raise ValueError(
                "A language model reads one text at a time: `batch_size` must "
                f"be 1 or None. Received: batch_size={batch_size}"
            )
        length = sequence_length or model.input_shape[1]
        return language_model_signatures(model, length)
    if isinstance(model, (KDEmbedding, *TABLES)):
        size = None
        if batch_size or sequence_length:
            size = (batch_size or 1) * (sequence_length or 1)
        return [_of_embedding(model, size)]
    for layer in find_layers(model, keras.layers.RNN):
        if layer.stateful:
            raise ValueError(
                "A stateful layer cannot be exported: rebuild the model with "
                f"stateful=False. Received: {layer.name!r}, stateful=True"
            )
    from kd_keras.export.signatures.model_signature import model_signature

    default_batch = 1 if is_recurrent(coded) else None
    return [
        model_signature(
            coded, batch_size, sequence_length, example, default_batch
        )
    ]


def is_recurrent(coded: CodedModel) -> bool:
    """Checks whether a layer or composition of a model runs over steps."""
    if any(layer.composition.runs_over_steps for layer in coded.layers):
        return True
    recurrent = (keras.layers.RNN, keras.layers.ConvLSTM1D)
    return bool(find_layers(coded.model, recurrent))


def _of_embedding(embedding: Any, size: int | None) -> Signature:
    return Signature(
        DEFAULT,
        lambda token_ids: {"embeddings": embedding(token_ids)},
        {"token_ids": tf.TensorSpec((size,), tf.int32, "token_ids")},
        {"token_ids": embedding.input_dim},
        compiled(lambda token_ids: {"embeddings": embedding(token_ids)}),
        embeddings={"token_ids": (embedding,)},
    )
