"""A language model as two functions: for a sequence, and for the next token."""

from typing import Any

import keras
import tensorflow as tf

from kd_keras.export.signatures.signature import Signature, compiled
from kd_keras.language_model.carried_lstm import CarriedLSTM
from kd_keras.language_model.copies import streaming_model
from kd_keras.language_model.model import LanguageModel


def language_model_signatures(
    model: LanguageModel, sequence_length: int | None
) -> list[Signature]:
    """Lists the functions of an exported language model.

    - `sequence` maps `token_ids` `(1, sequence_length)` to `logits` `(1,
      sequence_length, N)`, starting from states of 0.
    - `stream` reads one token per call: it maps `token_id` `(1,)` and the
      states `h_0`, `c_0`, `h_1`, ... to `logits` `(1, N)` and the states after
      the token.

    Args:
        model: `LanguageModel`.
        sequence_length: int or None. None leaves it dynamic.

    Returns:
        list of two `Signature`.
    """
    cells = [
        layer.cell for layer in model.layers if isinstance(layer, CarriedLSTM)
    ]
    output = model.get_layer("output")
    names = [f"{kind}_{i}" for i in range(len(cells)) for kind in "hc"]
    symbols = model.embedding.input_dim

    def stream(token_id: Any, **states: Any) -> dict[str, Any]:
        step = model.embedding(token_id)
        after: dict[str, Any] = {}
        for i, cell in enumerate(cells):
            step, (h, c) = cell(step, [states[f"h_{i}"], states[f"c_{i}"]])
            after |= {f"h_{i}": h, f"c_{i}": c}
        return {"logits": output(step)} | after

    def sequence(token_ids: Any) -> dict[str, Any]:
        steps = model.embedding(token_ids)
        for cell in cells:
            steps = keras.layers.RNN(cell, return_sequences=True)(steps)
        return {"logits": output(steps)}

    text = streaming_model(model)
    carried = [x for x in text.layers if isinstance(x, CarriedLSTM)]

    def read(token_ids: Any) -> dict[str, Any]:
        logits = text(token_ids)
        states = [state for layer in carried for state in layer.states]
        return {"logits": logits} | {
            name: tf.convert_to_tensor(state)
            for name, state in zip(names, states, strict=True)
        }

    read = compiled(read)

    def whole(token_ids: Any) -> dict[str, Any]:
        text.reset_state()
        return {"logits": read(token_ids=token_ids)["logits"]}

    def next_step(token_id: Any, **states: Any) -> dict[str, Any]:
        after = read(token_ids=token_id[:, None])
        return after | {"logits": after["logits"][:, 0]}

    ids = {"token_ids": tf.TensorSpec((1, sequence_length), tf.int32)}
    states = {
        name: tf.TensorSpec((1, cells[int(name[2:])].units), tf.float32, name)
        for name in names
    }
    return [
        Signature(
            "stream",
            stream,
            {"token_id": tf.TensorSpec((1,), tf.int32)} | states,
            {"token_id": symbols},
            next_step,
            {name: name for name in names},
            text.reset_state,
            one_row=True,
            embeddings={"token_id": (model.embedding,)},
        ),
        Signature(
            "sequence",
            sequence,
            ids,
            {"token_ids": symbols},
            whole,
            one_row=True,
            embeddings={"token_ids": (model.embedding,)},
        ),
    ]
