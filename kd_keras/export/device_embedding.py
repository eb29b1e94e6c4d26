"""The forms of embeddings and logits in an exported graph."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from kd_keras.export.litert.bias_steps import in_steps
from kd_keras.export.litert.packed_codes import PackedCodes
from kd_keras.export.litert.rounded_rows import round_rows
from kd_keras.layers.calls_replaced import (
    calls_replaced,
    can_replace,
)
from kd_keras.layers.contexts import computing_on_device
from kd_keras.layers.kd_logits import KDLogits

if TYPE_CHECKING:
    from kd_keras.export.size.coded_model import CodedModel


# Their vectors are stored as floats.
MOST_CONSTANTS = 1024


class DeviceEmbedding(tf.Module):
    """Works with packed codes and quantized code embeddings.

    Called on ids it returns vectors; `score` turns hidden states into logits.
    Rows are gathered first, then unpacked and converted to float32. So the
    only whole tables in memory are the stored ones:

    - codes: see `PackedCodes`, transposed if no layer reads single rows;
    - code embeddings `(D * K, d')`: float32; or int8 with scales, see
      `round_rows`; or float16, whose bits the graph sees as int16, since the
      converter does not support a gather of float16;
    - bias of logits `(N,)`: float32; or uint8 if code embeddings are int8, see
      `in_steps`.

    An id out of range gets the vector of `unknown_id`; if that is None, the
    gather fails. Negative ids are out of range too.

    Args:
        embedding: `KDEmbedding`, built. Learned codes are taken as they are
            now.
        quantization: None, `"int8"` or `"float16"`.
        unknown_id: int or None.
        only_scores: bool. Whether only `score` will be called.
    """

    def __init__(
        self,
        embedding: Any,
        quantization: str | None = None,
        unknown_id: int | None = None,
        only_scores: bool = False,
    ) -> None:
        super().__init__(name="device_embedding")
        composition = embedding.composition
        self.symbols = embedding.symbols
        self.K, self.D = embedding.K, embedding.D
        self.output_dim = embedding.output_dim
        self.unknown_id = unknown_id
        self._composition = composition
        self._table_of_codes = embedding.codes
        self.codes = PackedCodes(
            self._table_of_codes, self.K, embedding.tiers, only_scores
        )
        self._store(
            np.asarray(composition.code_embeddings.numpy(), np.float32),
            quantization,
        )
        self._bias = embedding.bias if isinstance(embedding, KDLogits) else None
        self.bias_steps = None
        if self._bias is not None and quantization == "int8":
            rounded = in_steps(self._bias.numpy())
            if rounded is not None:
                steps, self._low, self._step = rounded
                self.bias_steps = tf.Variable(
                    steps, trainable=False, name="bias"
                )

    def _store(self, table: np.ndarray, quantization: str | None) -> None:
        """Stores code embeddings `(D, K, d')` as they are in a file."""
        self.position_scales = self.row_scales = None
        stored = table.reshape(-1, table.shape[-1])
        if quantization == "float16":
            stored = stored.astype(np.float16).view(np.int16)
        elif quantization == "int8":
            stored, self.position_scales, row_scales = round_rows(table)
            if row_scales is not None:
                self.row_scales = tf.Variable(
                    row_scales, trainable=False, name="row_scales"
                )
        self.code_embeddings = tf.Variable(
            stored, trainable=False, name="code_embeddings"
        )

    def take_table(self, other: "DeviceEmbedding") -> None:
        """Takes the code embeddings of another form, which are the same."""
        self.code_embeddings = other.code_embeddings
        self.row_scales = other.row_scales

    def scales(self) -> list[np.ndarray]:
        """Returns the scales of the code embeddings in a file."""
        if self.position_scales is None:
            return []
        rows = [] if self.row_scales is None else [self.row_scales.numpy()]
        return [self.position_scales, *rows]

    def __call__(self, inputs: Any) -> Any:
        if (constant := tf.get_static_value(inputs)) is not None:
            return self._of_constants(np.asarray(constant))
        ids = tf.cast(inputs, tf.int32)
        flat = ids if len(ids.shape) == 1 else tf.reshape(ids, [-1])
        vectors = self._embed(in_range(flat, self.symbols, self.unknown_id))
        if len(ids.shape) == 1:
            return vectors
        if None not in ids.shape:
            shape = [*ids.shape, self.output_dim]
        else:
            # LiteRT can work out the concatenation of a SHAPE and a constant
            # before it runs. Its CompiledModel fails on other dynamic shapes.
            shape = tf.concat([tf.shape(ids), [self.output_dim]], 0)
        return tf.reshape(vectors, shape)

    def _of_constants(self, ids: np.ndarray) -> Any:
        """Returns the vectors of ids that are no input, as constants.

        The converter would fold codes and code embeddings into an N x d table,
        and silently drop the sum over the positions.
        """
        most = min(MOST_CONSTANTS, self.symbols - 1)
        if ids.size > most:
            raise ValueError(
                f"A KDEmbedding can be exported with at most {most:,} ids that "
                "are not inputs of the model; for logits of all symbols, call "
                "it with `reverse=True`. "
                f"Received: constant ids, shape={ids.shape}"
            )
        with tf.init_scope():
            vectors = self._composition(self._table_of_codes[ids.astype(int)])
            rows = np.asarray(vectors, np.float32)
        return tf.constant(rows)

    def _embed(self, ids: Any) -> Any:
        codes = self.codes.of(ids)
        # One table of D * K rows: position j owns the rows from j * K on.
        offsets = tf.constant(self.K * np.arange(self.D)[None], tf.int32)
        rows = tf.reshape(codes + offsets, [-1])
        embedded = _as_float32(tf.gather(self.code_embeddings, rows))
        if self.position_scales is not None:
            factors = tf.constant(self.position_scales[:, None])
            if self.row_scales is not None:
                own = tf.cast(tf.gather(self.row_scales, rows), tf.float32)
                factors *= tf.reshape(own, [-1, self.D, 1])
            embedded = tf.reshape(embedded, [-1, self.D, embedded.shape[-1]])
            embedded *= factors
        composed = self._composition.compose_on_device(embedded)
        return self._composition.scale_output(composed)

    def score(self, hidden: Any) -> Any:
        """Multiplies hidden states by the vectors of all symbols, by look-up.

        Args:
            hidden: tensor of float32, shape `(..., d)`.

        Returns:
            Tensor of float32, shape `(..., N)`.
        """
        if not self._composition.can_look_up():
            raise ValueError(
                "Logits by codes can only be exported with the linear or "
                "concat composition. Received: "
                f"{type(self._composition).__name__}"
            )
        flat = tf.reshape(hidden, [-1, hidden.shape[-1]])
        zero = _zero(flat)
        table = _as_float32(tf.gather(self.code_embeddings[None], zero))
        table = tf.reshape(table, [self.D, self.K, -1])
        values = self._composition.score_values(flat, table)
        if self.position_scales is not None:
            # Values are fewer numbers than the table has.
            values = tf.reshape(values, [self.D, self.K, -1])
            values *= tf.constant(self.position_scales[:, None, None])
            values = tf.reshape(values, [self.D * self.K, -1])
        if self.row_scales is not None:
            own = tf.gather(self.row_scales[None], zero)
            values *= tf.cast(tf.reshape(own, [-1, 1]), tf.float32)
        scores = self.codes.sum_values(values, zero)
        if None not in hidden.shape:
            shape = [*hidden.shape[:-1], self.symbols]
        else:
            shape = tf.concat([tf.shape(hidden)[:-1], [self.symbols]], 0)
        return tf.reshape(tf.transpose(scores), shape)

    def read_bias(self, hidden: Any) -> Any:
        """Returns the bias of all symbols, float32 `(N,)`.

        Args:
            hidden: tensor of float32, shape `(..., d)`. Any hidden states.
        """
        if self.bias_steps is None:
            return self._bias
        flat = tf.reshape(hidden, [-1, hidden.shape[-1]])
        steps = tf.gather(self.bias_steps[None], _zero(flat))
        # Not `[0]`: LiteRT slices byte by byte.
        steps = tf.reshape(steps, [-1])
        return tf.cast(steps, tf.float32) * self._step + self._low


def _as_float32(stored: Any) -> Any:
    """Converts stored code embeddings; the scales of int8 are not applied."""
    if stored.dtype == tf.int16:
        stored = tf.bitcast(stored, tf.float16)
    return tf.cast(stored, tf.float32)


def _zero(hidden: Any) -> Any:
    """Returns the index 0, `(1,)`, in a way the converter cannot work out.

    It would unfold tables that are read as a whole: codes to int32, code
    embeddings to float32. So they are read from a place that depends on data.
    """
    return tf.cast(hidden[0, :1] > np.finfo(np.float32).max, tf.int32)


@contextlib.contextmanager
def on_device(
    coded: "CodedModel",
    quantization: str | None = None,
    unknown_id: int | Mapping[int, int] | None = None,
) -> Iterator[list[DeviceEmbedding]]:
    """Gives every embedding of a model its device form while it is open.

    Only in this thread: in others the model computes as usual.

    Args:
        coded: `CodedModel`.
        quantization: See `DeviceEmbedding`.
        unknown_id: int for all coded layers; None; or a dict of int by the
            `id` of a coded layer or `keras.layers.Embedding`.

    Yields:
        list of `DeviceEmbedding`, in the order of the model's coded layers.
    """
    unknown: Mapping[int, int] = {}
    if isinstance(unknown_id, Mapping):
        unknown = unknown_id
    elif unknown_id is not None:
        unknown = {id(layer): unknown_id for layer in coded.layers}
    first: dict = {}
    forms = {}
    read = {
        layer.code_source()
        for layer in coded.layers
        if not isinstance(layer, KDLogits)
    }
    for layer in coded.layers:
        form = DeviceEmbedding(
            layer,
            quantization,
            unknown.get(id(layer)),
            only_scores=layer.code_source() not in read,
        )
        forms[id(layer)] = form
        # Codes and compositions that layers share are in the file once.
        codes = first.setdefault(layer.code_source(), form)
        table = first.setdefault(layer.composition, form)
        form.codes = codes.codes
        form.take_table(table)
    tables = {
        table: _with_unknown_id(table, unknown[id(table)])
        for table in coded.tables
        if id(table) in unknown
    }
    with computing_on_device(forms), calls_replaced(tables):
        yield list(forms.values())


def _with_unknown_id(table: Any, unknown_id: int) -> Callable[[Any], Any]:
    """Returns what an `Embedding` computes of ids that may be out of range."""
    if not can_replace(table):
        raise ValueError(
            "`unknown_id` must be for a KDEmbedding or an Embedding with the "
            f"usual `call`. Received: {table.name!r}, {type(table).__name__}"
        )

    def call(inputs: Any) -> Any:
        ids = in_range(tf.cast(inputs, tf.int32), table.input_dim, unknown_id)
        return type(table).call(table, ids)

    return call


def in_range(ids: Any, size: int, unknown_id: int | None) -> Any:
    """Replaces ids out of range by the unknown id.

    Args:
        ids: tensor of int32.
        size: int. The number of symbols.
        unknown_id: int; None leaves the ids as they are.

    Returns:
        Tensor of int32 of the same shape.
    """
    if unknown_id is None:
        return ids
    return tf.where((ids >= 0) & (ids < size), ids, unknown_id)
