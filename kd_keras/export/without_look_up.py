"""Models that begin with text, without the layer that turns it into ids."""

from typing import Any

import keras

# The layers, and the dtype of what they take.
LOOK_UPS = {
    keras.layers.TextVectorization: "string",
    keras.layers.StringLookup: "string",
    keras.layers.IntegerLookup: "int64",
}


def without_look_up(model: Any) -> Any:
    """Returns what follows the layer that turns text into ids.

    LiteRT has no operator for it.

    Args:
        model: Keras layer or model.

    Returns:
        A Keras model of the same layers that takes ids. The model itself, if
        it has no such layer, or if that is not the first one of a Sequential
        or functional model with one input.
    """
    layers = getattr(model, "layers", ())
    found: list[Any] = [x for x in layers if isinstance(x, tuple(LOOK_UPS))]
    inputs = getattr(model, "inputs", None) or ()
    if len(found) != 1 or len(inputs) != 1:
        return model
    for node in found[0]._inbound_nodes:  # one of them is in this model
        [ids] = node.output_tensors
        if "int" not in ids.dtype:  # counts of words, for instance
            return model
        try:
            after = keras.Model(ids, model.outputs)
        except ValueError:
            continue
        fresh = keras.Input(ids.shape[1:], dtype="int32", name="token_ids")
        return keras.Model(fresh, after(fresh), name=model.name)
    return model
