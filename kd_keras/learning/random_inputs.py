"""Random inputs, on which a copy of a model is compared with it."""

from typing import Any

import keras
import numpy as np

ROWS, STEPS = 2, 3


def random_inputs(model: Any) -> Any:
    """Draws inputs of a model; None if it does not say what it takes.

    Of a subclassed model they are ids of the shape that it was built with. It
    may take others.
    """
    tensors = getattr(model, "inputs", None)
    rng = np.random.default_rng(0)
    if not tensors:
        shapes = (model.get_build_config() or {}).get("input_shape")
        if shapes is None:
            return None
        return keras.tree.map_shape_structure(
            lambda shape: _draw(
                keras.KerasTensor((None, *shape[1:]), "int32"), rng
            ),
            shapes,
        )
    drawn = [_draw(x, rng) for x in tensors]
    structure = getattr(model, "_inputs_struct", None)
    if structure is None:
        return drawn[0] if len(drawn) == 1 else drawn
    packed = keras.tree.pack_sequence_as(structure, drawn)
    is_single = isinstance(packed, (list, tuple)) and len(packed) == 1
    return packed[0] if is_single else packed


def _draw(tensor: Any, rng: np.random.Generator) -> Any:
    shape = [
        size or (ROWS if axis == 0 else STEPS)
        for axis, size in enumerate(tensor.shape)
    ]
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if dtype == "string":
        words = np.array(["a", "the", "1", ""])[rng.integers(4, size=shape)]
        return keras.ops.convert_to_tensor(words.tolist(), dtype="string")
    if dtype == "bool":
        return rng.random(shape) < 0.5
    # Ids of any table, and numbers too: 0 and 1 are always known.
    return rng.integers(2, size=shape).astype(dtype)
