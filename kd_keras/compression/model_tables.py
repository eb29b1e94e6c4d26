"""The tables of a model that can be made small."""

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional

from kd_keras.layers.coded_layer import CodedLayer
from kd_keras.layers.find_layers import is_reversed
from kd_keras.layers.reduced_embedding import ReducedEmbedding
from kd_keras.learning.own_objects import is_own
from kd_keras.learning.source_layer import table_of
from kd_keras.utils.checks import short_repr
from kd_keras.utils.errors import BadInputError

# Codes of smaller tables would take as much as they save.
LEAST_SYMBOLS, LEAST_NUMBERS = 64, 4096
# A `Dense` with at least this many units, and more units than inputs, is taken
# for an output layer whose units are symbols.
LEAST_UNITS = 1000

EMBEDDING, TIED, OUTPUT = "embedding", "tied embedding", "output layer"


@dataclasses.dataclass
class ModelTable:
    """A layer of a model that has a vector for each symbol.

    Attributes:
        layer: The Keras layer.
        kind: One of `EMBEDDING`, `TIED` and `OUTPUT`.
        rows: array of float32, shape `(N, d)`. The vectors; for an output layer
            the columns of its kernel.
        weights: array of float, shape `(N,)`, or None. How much the error of
            each row counts.
        cost: float. What the loss of all of the table costs, compared with
            other tables.
        metric: array of float, shape `(d, d)`, or None. An error e in a vector
            counts as `|e @ metric|^2`: directions on which the model's outputs
            depend count more. None if all count the same.
        reads_padding: bool. Whether outputs depend on the vector of a masked
            symbol, since layers after the table do not heed the mask.
        times: int. How often the file of the model has the table: the
            converter may store one twice that is looked up and multiplied by.
    """

    layer: Any
    kind: str
    rows: np.ndarray
    weights: np.ndarray | None = None
    cost: float = 1.0
    metric: np.ndarray | None = None
    reads_padding: bool = False
    times: int = 1

    @property
    def name(self) -> str:
        return str(self.layer.name)

    @property
    def shape(self) -> tuple[int, int]:
        """N and d."""
        return self.rows.shape[0], self.rows.shape[1]

    @property
    def measured_rows(self) -> np.ndarray:
        """The vectors in a space in which all directions count the same."""
        if self.metric is None:
            return self.rows
        return (self.rows @ self.metric).astype(np.float32)

    def from_measured(self, vectors: np.ndarray) -> np.ndarray:
        """Takes vectors, shape `(..., d)`, back from that space."""
        if self.metric is None:
            return vectors
        return vectors @ np.linalg.inv(self.metric)

    @property
    def in_order(self) -> bool:
        """Whether ids are about in the order of falling weights.

        Then a file need not store ranks. It is so if, for any number of first
        ids from 1 % on, others of the same number weigh at most a few percent
        more. (The very first ids may be of padding and unknown words.)
        """
        if self.weights is None:
            return True
        given = np.cumsum(self.weights)
        best = np.cumsum(np.sort(self.weights)[::-1])
        first = len(given) // 100
        return bool((given >= 0.95 * best)[first:].all())

    @property
    def ordered_weights(self) -> np.ndarray | None:
        """The weights; falling ones if the ids are in order."""
        if self.weights is None or not self.in_order:
            return self.weights
        return np.maximum.accumulate(self.weights[::-1])[::-1]

    @property
    def shares(self) -> np.ndarray:
        """The weights with sum 1."""
        weights = self.ordered_weights
        N = len(self.rows)
        if weights is None:
            return np.full(N, 1 / N)
        return weights / weights.sum()


@dataclasses.dataclass(frozen=True)
class LeftAlone:
    """A layer that stays as it is.

    Attributes:
        name: str. The layer's name.
        numbers: int. How many weights it has.
        reason: str. Why it stays.
    """

    name: str
    numbers: int
    reason: str


def find_tables(
    model: Any, layers: Iterable[Any] | None = None
) -> tuple[list[ModelTable], list[LeftAlone]]:
    """Finds the embeddings and wide output layers of a model.

    Args:
        model: Keras model, built.
        layers: iterable of layers or their names: only these. None for all.

    Returns:
        `(tables, left)`.

    Raises:
        BadInputError: If one of `layers` is not in the model or cannot be
            replaced.
    """
    wanted = None if layers is None else _wanted(model, layers)
    tables: list[ModelTable] = []
    left: list[LeftAlone] = []
    found = model._flatten_layers(include_self=False)
    inside = {
        id(part)
        for layer in found
        if isinstance(layer, (CodedLayer, ReducedEmbedding))
        for part in layer._flatten_layers(include_self=False)
    }
    for layer in found:
        if wanted is not None and not any(layer is x for x in wanted):
            continue
        kind = kind_of(layer, named=wanted is not None)
        if kind == TIED and _is_never_reversed(model, layer):
            kind = EMBEDDING
        if id(layer) in inside or kind is None:
            if wanted is not None:
                raise BadInputError(
                    "`layers` must be embeddings or Dense output layers. "
                    f"Received: {layer.name!r}, {type(layer).__name__}"
                )
            if id(layer) not in inside and (reason := _may_be_table(layer)):
                left.append(LeftAlone(layer.name, layer.count_params(), reason))
            continue
        reason = _reason_to_leave(layer)
        if reason is None:
            rows = _rows_of(layer, kind)
            if not np.isfinite(rows).all():
                raise BadInputError(
                    "A table must consist of finite numbers. Received: "
                    f"{layer.name!r}, with others"
                )
            if not np.ptp(rows, axis=0).any():
                reason = "all of its vectors are the same: is it trained?"
            else:
                tables.append(ModelTable(layer, kind, rows))
        if reason is not None:
            left.append(LeftAlone(layer.name, layer.count_params(), reason))
    return tables, left


def kind_of(layer: Any, named: bool = False) -> str | None:
    """Returns the kind of a table that a layer is, or None.

    Args:
        layer: Keras layer.
        named: bool. Whether the user says that a `Dense` layer has a unit for
            each symbol; else that is guessed from its sizes.
    """
    if isinstance(layer, keras.layers.ReversibleEmbedding):
        return TIED
    if isinstance(
        layer, (keras.layers.Embedding, CodedLayer, ReducedEmbedding)
    ):
        return EMBEDDING
    if type(layer) is keras.layers.Dense and layer.built:
        inputs = int(layer.kernel.shape[0])
        if named or (layer.units >= LEAST_UNITS and layer.units > inputs):
            return OUTPUT
    return None


def _is_never_reversed(model: Any, layer: Any) -> bool:
    """Whether the graph of a functional model only looks vectors up."""
    nodes = layer._inbound_nodes
    if not getattr(model, "inputs", None) or not nodes:
        return False
    graphs = (Functional, keras.Sequential)
    for other in model._flatten_layers():
        # The `call` of another layer may do anything with it.
        inside = other._flatten_layers(include_self=False)
        if not isinstance(other, graphs) and any(x is layer for x in inside):
            return False
    return not any(map(is_reversed, nodes))


def _wanted(model: Any, layers: Iterable[Any]) -> Sequence[Any]:
    if isinstance(layers, str | keras.layers.Layer):
        layers = [layers]
    if not isinstance(layers, Collection) or not len(layers):
        raise BadInputError(
            "`layers` must be a list of layers or their names. "
            f"Received: {short_repr(layers)}"
        )
    found = model._flatten_layers(include_self=False)
    wanted = []
    for key in layers:
        matches = [x for x in found if x is key or x.name == key]
        if not matches:
            names = sorted(x.name for x in found if kind_of(x))
            raise BadInputError(
                "`layers` must be layers of the model. Received: "
                f"{short_repr(getattr(key, 'name', key))}; the model has "
                f"{', '.join(names)}"
            )
        wanted += matches
    return wanted


def _rows_of(layer: Any, kind: str) -> np.ndarray:
    if kind == OUTPUT:
        kernel = keras.ops.convert_to_numpy(layer.kernel)
        return np.ascontiguousarray(kernel.T, np.float32)
    return table_of(layer)


def _computes_otherwise(kind: type) -> bool:
    """Whether a class of embeddings has a `call` or weights of its own."""
    own = kind.__mro__[
        : min(
            kind.__mro__.index(x)
            for x in (keras.layers.Embedding, keras.layers.ReversibleEmbedding)
            if x in kind.__mro__
        )
    ]
    methods = {"__call__", "build", "call", "compute_mask", "embeddings"}
    return any(methods & set(vars(x)) for x in own)


def _may_be_table(layer: Any) -> str | None:
    """Tells of a layer that is no table to us why it may be one to a user."""
    for weight in layer._trainable_variables:
        N, *rest = weight.shape or (0,)
        if len(rest) != 1 or N < LEAST_UNITS or N <= rest[0]:
            continue
        if type(layer) is keras.layers.Dense:
            return f"its {N:,} inputs may be symbols, but are no ids"
        if is_own(type(layer)):
            name = type(layer).__name__
            return (
                f"its class, {name}, has a weight of {N:,} x {rest[0]:,}: a "
                "table must be a layer of Keras"
            )
    return None


def _reason_to_leave(layer: Any) -> str | None:
    if isinstance(layer, CodedLayer):
        return "it has codes already"
    if isinstance(layer, ReducedEmbedding):
        return "it is a reduced table already"
    if getattr(layer, "quantization_mode", None):
        return "Keras has quantized it already"
    if getattr(layer, "lora_enabled", False):
        return "it has LoRA weights"
    if isinstance(layer, keras.layers.Embedding):
        if _computes_otherwise(type(layer)):
            name = type(layer).__name__
            return f"its class, {name}, may compute something of its own"
        N, d = layer.input_dim, layer.output_dim
    else:
        if keras.activations.serialize(layer.activation) not in (
            "linear", "softmax", "sigmoid",
        ):  # fmt: skip
            return "its activation is not linear, softmax or sigmoid"
        d, N = (int(size) for size in layer.kernel.shape)
    if getattr(layer, "tie_weights", True) is False:
        return "its two directions have tables of their own"
    if getattr(layer, "logit_soft_cap", None) or getattr(
        layer, "reverse_dtype", None
    ):
        return "it caps or casts its logits"
    if N < LEAST_SYMBOLS or N * d < LEAST_NUMBERS:
        return f"it is small, {N:,} x {d:,} numbers"
    return None
