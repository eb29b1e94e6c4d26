"""The function of an exported Keras model: its inputs, outputs and ids."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kd_keras.export.signatures.id_ranges import IdProbe
from kd_keras.export.signatures.names import (
    distinct,
    file_name,
    named_leaves,
)
from kd_keras.export.signatures.signature import (
    DEFAULT,
    STEPS,
    Signature,
    compiled,
)
from kd_keras.export.size.coded_model import TABLES, CodedModel
from kd_keras.layers.find_layers import ends_reversed
from kd_keras.layers.kd_embedding import KDEmbedding


def model_signature(
    coded: CodedModel,
    batch_size: int | None,
    sequence_length: int | None,
    example: Any,
    default_batch: int | None = None,
) -> Signature:
    """Returns the function of an exported Keras model.

    Args:
        coded: `CodedModel` of a built Keras model.
        batch_size, sequence_length, example: See `export_litert`.
        default_batch: int or None. The batch size if neither `batch_size` nor
            the model sets one.

    Returns:
        A `Signature`.

    Raises:
        ValueError: If the model's inputs are unknown, are not numbers, or have
            other sizes.
    """
    model = coded.model
    structure, is_sample = _structure(model, example)
    flat = [
        x if hasattr(x, "shape") else np.asarray(x)
        for x in keras.tree.flatten(structure)
    ]
    dtypes = [_number_dtype(x) for x in flat]

    def pack(values: Iterable[Any]) -> Any:
        packed = keras.tree.pack_sequence_as(structure, list(values))
        is_single = isinstance(packed, (list, tuple)) and len(packed) == 1
        return packed[0] if is_single else packed

    probe = IdProbe(
        coded,
        lambda arrays: model(
            pack(map(keras.ops.convert_to_tensor, arrays)), training=False
        ),
        [_without_none(x.shape, sequence_length) for x in flat],
        dtypes,
    )
    shares = [
        probe.share_of_ids(number) if "float" in dtype else "int" in dtype
        for number, dtype in enumerate(dtypes)
    ]
    names = _input_names(flat, shares)
    specs: dict[str, Any] = {}
    vocabularies: dict[str, int | np.ndarray] = {}
    embeddings: dict[str, tuple[Any, ...]] = {}
    for number, (x, share) in enumerate(zip(flat, shares, strict=True)):
        name = names[number]
        if share:
            vocabularies[name] = probe.ends(number)
            if reached := probe.layers_reached(number):
                embeddings[name] = reached
        shape = list(x.shape)
        if is_sample:
            # Its number of rows, and of ids in a row, have no meaning, unlike
            # the number of columns of ids of different embeddings.
            alike = np.ndim(vocabularies.get(name, [])) == 0
            shape[: 1 + alike] = [None] * len(shape[: 1 + alike])
        sizes = [batch_size or default_batch, sequence_length]
        shape[:2] = [
            a if b is None else b
            for a, b in zip(sizes, shape[:2], strict=False)
        ]
        # Ids are integers in the file, even if Keras gets them as floats.
        dtype = "int32" if share == 1 else dtypes[number]
        specs[name] = tf.TensorSpec(shape, dtype, name)
    _check_sizes(specs, batch_size, sequence_length)

    def call(**inputs: Any) -> dict[str, Any]:
        values = pack(inputs[name] for name in specs)
        return _named(coded, model(values, training=False))

    return Signature(
        DEFAULT,
        call,
        specs,
        vocabularies,
        compiled(call),
        first_id=probe.first_id,
        embeddings=embeddings,
        aliases=dict(zip(_keras_names(flat), names, strict=True)),
    )


def _input_names(flat: Sequence[Any], shares: Sequence[Any]) -> list[str]:
    """Names the inputs in the file; the only one of ids is `token_ids`."""
    given = _keras_names(flat)
    if np.count_nonzero(shares) != 1:
        return distinct(map(file_name, given))
    place = int(np.flatnonzero(shares)[0])
    others = [file_name(name) for i, name in enumerate(given) if i != place]
    names = distinct(others, ["token_ids"])
    return [*names[:place], "token_ids", *names[place:]]


def _keras_names(flat: Sequence[Any]) -> list[str]:
    return [
        getattr(x, "name", None) or f"input_{i}" for i, x in enumerate(flat)
    ]


def _named(coded: CodedModel, outputs: Any) -> dict[str, Any]:
    """Names the outputs; if there are several, as Keras does."""
    if isinstance(outputs, dict) or any(
        isinstance(value, (dict, list, tuple))
        for value in (outputs if isinstance(outputs, (list, tuple)) else ())
    ):
        leaves = list(named_leaves(outputs))
        prefix = "" if isinstance(outputs, dict) else "output_"
        named = distinct(f"{prefix}{name}" or "output" for name, _ in leaves)
        values = [value for _, value in leaves]
        return dict(zip(named, values, strict=True))
    if not isinstance(outputs, (list, tuple)):
        kinds = (KDEmbedding, *TABLES)
        is_embedding = isinstance(coded.output, kinds) and not ends_reversed(
            coded.model
        )
        return {"embeddings" if is_embedding else "output": outputs}
    names = getattr(coded.model, "output_names", None)
    if names is None or len(set(names)) < len(outputs):
        names = [f"output_{i}" for i in range(len(outputs))]
    return dict(zip(names, outputs, strict=True))


def _structure(model: Any, example: Any) -> tuple[Any, bool]:
    """Returns inputs as the model takes them, and if they are a sample."""
    if example is not None:
        return example, True
    tensors = getattr(model, "inputs", None)
    if not tensors:
        raise ValueError(
            "The inputs of a subclassed model are unknown: pass `example`, "
            "arrays that the model can be called on. "
            f"Received: {model!r}, example=None"
        )
    # A Sequential model without an Input has the shape of its first call.
    is_sample = (
        isinstance(model, keras.Sequential) and tensors[0].shape[0] is not None
    )
    return getattr(model, "_inputs_struct", tensors), is_sample


def _number_dtype(x: Any) -> str:
    dtype = getattr(x.dtype, "name", x.dtype)
    if "int" not in dtype and "float" not in dtype and dtype != "bool":
        raise ValueError(
            "An export needs a model whose inputs are ids or other numbers. "
            f"Received: {getattr(x, 'name', 'example')}, dtype={dtype}"
        )
    # Ids have 32 bits in a file.
    return "int32" if "int" in dtype else dtype


def _without_none(
    shape: Sequence[int | None], sequence_length: int | None
) -> list[int]:
    free = sequence_length or STEPS
    return [
        size or (2 if axis == 0 else free) for axis, size in enumerate(shape)
    ]


def _check_sizes(
    specs: dict[str, Any], batch_size: int | None, sequence_length: int | None
) -> None:
    """Checks that the requested sizes are those of the inputs."""
    shapes = [spec.shape.as_list() for spec in specs.values()]
    said = ", ".join(f"{name} {spec.shape}" for name, spec in specs.items())
    if batch_size is not None and any(s[0] != batch_size for s in shapes):
        raise ValueError(
            "`batch_size` must be None or the batch size of the model's "
            "inputs. "
            f"Received: batch_size={batch_size}, inputs {said}"
        )
    if sequence_length is not None and all(
        s[1:2] != [sequence_length] for s in shapes
    ):
        raise ValueError(
            "`sequence_length` must be None or the second size of an input. "
            f"Received: sequence_length={sequence_length}, inputs {said}"
        )
