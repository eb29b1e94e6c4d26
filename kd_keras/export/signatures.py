"""The named functions of an exported file, and what they must compute."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from kd_keras.composition import LSTMComposition
from kd_keras.kd_embedding import KDEmbedding
from kd_keras.language_model.model import LanguageModel
from kd_keras.layer_search import find_layers

# What SavedModel and LiteRT call the only signature of a file.
DEFAULT = "serving_default"


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of an exported file.

    Attributes:
        name: String.
        function: Callable from tensors, by name, to a dictionary of tensors;
            it is traced.
        inputs: Dictionary of `tf.TensorSpec`.
        vocabularies: Dictionary from each input of ids to the number of its
            symbols.
        reference: Callable from numpy arrays, by name, to a dictionary of
            numpy arrays: what Keras computes.
        carried: Dictionary from each input that takes the state of the call
            before to the name of the output that gives it.
        restart: Called before the first of a series of calls.
        one_row: Whether the reference takes the rows of one call only.
    """

    name: str
    function: Callable
    inputs: dict
    vocabularies: dict
    reference: Callable
    carried: dict = dataclasses.field(default_factory=dict)
    restart: Callable = lambda: None
    one_row: bool = False

    @property
    def is_static(self):
        """Whether every size is known."""
        return all(None not in spec.shape for spec in self.inputs.values())


def signatures_of(model, batch_size=None, sequence_length=None, example=None):
    """Lists the functions that an export of a layer or model has.

    Args:
        model: Built `KDEmbedding`, `LanguageModel` or other Keras model.
        batch_size, sequence_length: Integers or None; see `export_litert`.
        example: Arrays of ids as a subclassed model takes them, or None.

    Returns:
        List of `Signature`.

    Raises:
        ValueError: If LiteRT would get such a function wrong.
    """
    batch_size, sequence_length = _static_sizes(
        model, batch_size, sequence_length
    )
    if isinstance(model, KDEmbedding):
        return [_of_embedding(model, batch_size, sequence_length)]
    if isinstance(model, LanguageModel):
        from kd_keras.export.language_model_signatures import (
            language_model_signatures,
        )

        return language_model_signatures(model, sequence_length)
    return [_of_model(model, batch_size, sequence_length, example)]


def is_recurrent(model):
    """Tells whether something in a model runs over steps."""
    recurrent = (keras.layers.RNN, keras.layers.ConvLSTM1D, LSTMComposition)
    return bool(find_layers(model, recurrent))


def _static_sizes(model, batch_size, sequence_length):
    """Gives the sizes of a recurrent model, which must be known."""
    for name, size in (
        ("batch_size", batch_size),
        ("sequence_length", sequence_length),
    ):
        if size is not None and (not isinstance(size, int) or size < 1):
            raise ValueError(
                f"`{name}` must be a positive integer or None. "
                f"Received: {name}={size!r}"
            )
    if not is_recurrent(model):
        return batch_size, sequence_length
    for layer in find_layers(model, keras.layers.RNN):
        if layer.stateful and not isinstance(model, LanguageModel):
            raise ValueError(
                "A stateful layer cannot be exported: rebuild the model with "
                f"stateful=False. Received: {layer.name!r}, stateful=True"
            )
    shapes = [x.shape for x in getattr(model, "inputs", None) or []]
    fixed = [s[1] for s in shapes if len(s) > 1 and s[1] is not None]
    if sequence_length is None and not fixed:
        raise ValueError(
            "LiteRT's CompiledModel computes nonsense for recurrent layers "
            "and LSTM compositions of dynamic shape: pass `sequence_length`. "
            "Received: sequence_length=None"
        )
    return batch_size or 1, sequence_length or fixed[0]


def _of_embedding(embedding, batch_size, sequence_length):
    size = None
    if sequence_length is not None:
        size = (batch_size or 1) * sequence_length
    return Signature(
        DEFAULT,
        lambda token_ids: {"embeddings": embedding(token_ids)},
        {"token_ids": tf.TensorSpec((size,), tf.int32, "token_ids")},
        {"token_ids": embedding.input_dim},
        compiled(lambda token_ids: {"embeddings": embedding(token_ids)}),
    )


def _of_model(model, batch_size, sequence_length, example):
    specs, pack = _inputs_of(model, batch_size, sequence_length, example)

    def call(**inputs):
        return _named(model, model(pack(inputs), training=False))

    return Signature(
        DEFAULT, call, specs, _vocabularies(model, specs), compiled(call)
    )


def compiled(function):
    """Compiles what Keras computes: numpy arrays by name, in and out."""
    graph = tf.function(function, reduce_retracing=True)

    def call(**inputs):
        outputs = graph(**{k: tf.constant(v) for k, v in inputs.items()})
        return {name: value.numpy() for name, value in outputs.items()}

    return call


def _named(model, outputs):
    """Names outputs: the embedding's, the only one, or as Keras does."""
    if isinstance(outputs, dict):
        return outputs
    if not isinstance(outputs, (list, tuple)):
        layers = getattr(model, "layers", [])
        is_embedding = bool(layers) and isinstance(layers[-1], KDEmbedding)
        return {"embeddings" if is_embedding else "output": outputs}
    names = getattr(model, "output_names", None)
    if names is None or len(set(names)) < len(outputs):
        names = [f"output_{i}" for i in range(len(outputs))]
    return dict(zip(names, outputs, strict=True))


def _inputs_of(model, batch_size, sequence_length, example):
    """Gives the inputs' specs by name, and how to hand them to the model."""
    tensors = getattr(model, "inputs", None)
    if example is not None:
        tensors = example
    if not tensors:
        raise ValueError(
            "A subclassed model does not tell its inputs: pass `example`, "
            f"arrays as it takes them. Received: {model!r}, example=None"
        )
    # A Sequential model without an Input took the shape of its first call.
    is_sample = example is not None or (
        isinstance(model, keras.Sequential) and tensors[0].shape[0] is not None
    )
    structure = tensors
    if example is None and hasattr(model, "_inputs_struct"):
        structure = model._inputs_struct
    flat = [
        x if hasattr(x, "shape") else np.asarray(x)
        for x in keras.tree.flatten(structure)
    ]
    ids = [x for x in flat if "int" in keras.backend.standardize_dtype(x.dtype)]
    specs = {}
    for number, x in enumerate(flat):
        dtype = keras.backend.standardize_dtype(x.dtype)
        is_ids = "int" in dtype or _embeds(model, x)
        default = f"input_{number}"
        name = getattr(x, "name", None) or default
        if is_ids and len(ids) <= 1:
            name = "token_ids"
        shape = _shape(x, is_ids, batch_size, sequence_length, is_sample)
        specs[name] = tf.TensorSpec(
            shape, tf.int32 if is_ids else tf.as_dtype(dtype), name
        )
    names = list(specs)

    def pack(inputs):
        values = [inputs[name] for name in names]
        packed = keras.tree.pack_sequence_as(structure, values)
        is_single = isinstance(packed, (list, tuple)) and len(packed) == 1
        return packed[0] if is_single else packed

    return specs, pack


def _shape(x, is_ids, batch_size, sequence_length, is_sample):
    shape = list(x.shape)
    if is_sample:
        # Its number of rows, and of ids in a row, mean nothing.
        axes = len(shape[: 2 if is_ids else 1])
        shape[:axes] = [None] * axes
    if batch_size is not None and shape[0] is None:
        shape[0] = batch_size
    if sequence_length is not None and len(shape) > 1 and shape[1] is None:
        shape[1] = sequence_length
    return shape


def _id_layers(model):
    return find_layers(model, (KDEmbedding, keras.layers.Embedding))


def _embeds(model, tensor):
    """Tells whether an input, of whatever dtype, goes into an embedding."""
    return any(tensor is x for e in _id_layers(model) for x in _fed_by(e))


def _fed_by(layer):
    """Lists the tensors that a layer of a functional model is called on."""
    return [
        tensor
        for node in layer._inbound_nodes
        for tensor in node.arguments.keras_tensors
    ]


def _vocabularies(model, specs):
    """Finds the number of symbols of each input of ids.

    In a functional model that of the embeddings which it feeds; otherwise, or
    where something lies between, the smallest there is.
    """
    layers = _id_layers(model)
    smallest = min(layer.input_dim for layer in layers)
    tensors = getattr(model, "inputs", None) or []
    inputs = dict(zip(specs, tensors, strict=False))
    found = {}
    for name, spec in specs.items():
        if spec.dtype.is_integer:
            fed = [
                layer.input_dim
                for layer in layers
                if any(inputs.get(name) is x for x in _fed_by(layer))
            ]
            found[name] = min(fed, default=smallest)
    return found
