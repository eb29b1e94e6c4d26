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

    LiteRT has no operator for it, and a SavedModel has the same functions.

    Args:
        model: Keras layer or model.

    Returns:
        A Keras model of the same layers that takes ids. The model itself, if
        it has no such layer, or if that is not the first one of a Sequential
        or functional model with one input.
    """
    layers = getattr(model, "layers", ())
    found: list[Any] = [x for x in layers if isinstance(x, tuple(LOOK_UPS))]
    inputs: Any = getattr(model, "inputs", None) or ()
    if len(found) != 1 or len(inputs) != 1:
        return model
    for node in found[0]._inbound_nodes:
        if node.input_tensors[0] is not inputs[0]:
            continue  # of another model, or not the first layer
        [ids] = node.output_tensors
        if "int" not in ids.dtype:  # counts of words, for instance
            return model
        outputs = getattr(model, "_outputs_struct", model.outputs)
        try:
            after = keras.Model(ids, outputs)
        except ValueError:  # another model calls it on the same input
            continue
        fresh = keras.Input(ids.shape[1:], dtype="int32", name="token_ids")
        # Not as a layer inside another model: names and roles would be lost.
        return keras.Model(fresh, after.call(fresh), name=model.name)
    return model
