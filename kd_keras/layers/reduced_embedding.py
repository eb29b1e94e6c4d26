"""A table with fewer rows, shorter rows, or both."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import initializers, ops

from kd_keras.layers.gather import (
    gather_rows,
    integer_ids,
    nan_out_of_range,
    on_flat_values,
)
from kd_keras.layers.integer_weights import weight_dtype
from kd_keras.utils.checks import check_integer
from kd_keras.vectors.checks import check_rows
from kd_keras.vectors.row_sums import weighted_mean, weighted_squares
from kd_keras.vectors.weights import check_weights

# Rows are numbered in 16 bits if that is enough: LiteRT gathers int16.
_MOST_IN_16_BITS = 1 << 15


@keras.saving.register_keras_serializable(package="kd_keras")
class ReducedEmbedding(keras.layers.Layer):
    """A table with fewer rows, shorter rows, or both.

    These are the simple ways to make a table small, which `compress` chooses
    where they serve better than codes. `kept` symbols have a row each, all
    others share one more row. The rows have `width` numbers, and a matrix
    turns them into vectors of size d.

    Args:
        input_dim: int, at least 2. Number of symbols N.
        output_dim: int, at least 1. Size d of a vector.
        kept: int, below N, or None. How many symbols have a row of their own;
            None for all.
        width: int, below d, or None. Size of a row; None for d.
        in_order: bool. Whether the symbols that have a row are those with ids
            below `kept`. Otherwise the weight `places` holds the row of each
            symbol; `from_table` sets it.
        mask_zero: bool. See `keras.layers.Embedding`.
        embeddings_initializer: initializer of the rows.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Input: ids, any shape, any integer dtype.

    Output: float, shape `ids.shape + (d,)`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import numpy as np, kd_keras
    >>> layer = kd_keras.ReducedEmbedding(1000, 64, kept=100, width=8)
    >>> vectors = np.asarray(layer(np.array([3, 500, 900])))
    >>> print(vectors.shape, (vectors[1] == vectors[2]).all())
    (3, 64) True
    >>> print([tuple(w.shape) for w in layer.weights])
    [(101, 8), (8, 64)]
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        kept: int | None = None,
        width: int | None = None,
        in_order: bool = True,
        mask_zero: bool = False,
        embeddings_initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        N = check_integer("`input_dim`", input_dim, "at least 2", 2)
        d = check_integer("`output_dim`", output_dim)
        if kept is not None:
            kept = check_integer("`kept`", kept, f"1 to {N - 1:,}", 1, N - 1)
        if width is not None:
            width = check_integer("`width`", width, f"1 to {d - 1:,}", 1, d - 1)
        if kept is None and not in_order:
            raise ValueError(
                "`in_order=False` needs `kept`. Received: kept=None"
            )
        super().__init__(**kwargs)
        # Ids given as floats must not be rounded to the compute dtype.
        self.autocast = False
        self.input_dim, self.output_dim = N, d
        self.kept, self.width, self.in_order = kept, width, in_order
        self.mask_zero = self.supports_masking = mask_zero
        self.embeddings_initializer = initializers.get(embeddings_initializer)

    @classmethod
    def from_table(
        cls,
        table: npt.ArrayLike,
        kept: int | None = None,
        width: int | None = None,
        weights: npt.ArrayLike | None = None,
        in_order: bool = False,
        **kwargs: Any,
    ) -> "ReducedEmbedding":
        """Reduces a trained table.

        The heaviest rows are kept, and the others share their weighted mean.
        Shorter rows are the best approximation of that rank: the weighted
        squared error is the least.

        Args:
            table: array of float, shape `(N, d)`.
            kept, width: See `ReducedEmbedding`.
            weights: array of float, shape `(N,)`, positive, or None. How much
                each row counts; without them the first rows are kept.
            in_order: bool. Whether to keep the first rows whatever the
                weights, which saves two or four bytes a symbol.
            **kwargs: `name` and other keyword arguments of the layer.

        Returns:
            A built `ReducedEmbedding`.

        Raises:
            ValueError: If the table or the weights are not of this kind.

        Example:

        >>> table = np.random.default_rng(0).normal(size=(100, 8))
        >>> layer = ReducedEmbedding.from_table(table, kept=50, width=4)
        >>> print(layer(np.arange(100)).shape)
        (100, 8)
        """
        vectors = check_rows(table)[:]
        N, d = vectors.shape
        given = None if weights is None else check_weights(weights, N)
        shares = np.ones(N) if given is None else given.astype(np.float64)
        places = np.arange(N)
        if kept is not None:
            kept = check_integer("`kept`", kept, f"1 to {N - 1:,}", 1, N - 1)
            order = np.arange(N)
            if not in_order:
                order = np.argsort(-shares, kind="stable")
            places[order] = np.minimum(places, kept)
            in_order = bool((places == np.minimum(np.arange(N), kept)).all())
            rest, own = order[kept:], order[:kept]
            shared = weighted_mean(vectors[rest], shares[rest])
            shared = shared.astype(vectors.dtype)
            vectors = np.concatenate([vectors[own], shared[None]])
            shares = np.append(shares[own], shares[rest].sum())
        layer = cls(N, d, kept, width, kept is None or in_order, **kwargs)
        layer.build()
        values: list[np.ndarray] = [vectors]
        if width is not None:
            # Projecting on the strongest directions loses the least.
            squares = weighted_squares(vectors, shares)
            matrix = np.linalg.eigh(squares)[1][:, ::-1].T[:width]
            matrix = matrix.astype(vectors.dtype)
            values = [vectors @ matrix.T, matrix]
        if layer.places is not None:
            values.append(places)
        for variable, value in zip(layer.weights, values, strict=True):
            variable.assign(value.astype(variable.dtype))
        return layer

    def build(self, input_shape: Any = None) -> None:
        rows = self.input_dim if self.kept is None else self.kept + 1
        size = self.output_dim if self.width is None else self.width
        self.embeddings = self.add_weight(
            shape=(rows, size),
            initializer=self.embeddings_initializer,
            name="embeddings",
        )
        self.matrix = self.places = None
        if self.width is not None:
            self.matrix = self.add_weight(
                shape=(size, self.output_dim), name="matrix"
            )
        if self.kept is not None and not self.in_order:
            is_short = places_bytes(1, self.kept) == 2
            self.places = self.add_weight(
                shape=(self.input_dim,),
                dtype=weight_dtype("int16" if is_short else "int32"),
                initializer="zeros",
                trainable=False,
                name="places",
            )
        self.built = True

    def call(self, inputs: Any) -> Any:
        return on_flat_values(self._embed, inputs)

    def _embed(self, inputs: Any) -> Any:
        ids = integer_ids(inputs, self.input_dim)
        rows = ids
        if self.places is not None:
            rows = ops.cast(gather_rows(self.places, ids), "int32")
        elif self.kept is not None:
            # Ids out of range stay wrong, as in `keras.layers.Embedding`.
            N = self.input_dim
            rows = ops.where(ids < 0, ids + N, ids)
            known = ops.logical_and(rows >= 0, rows < N)
            rows = ops.where(known, ops.minimum(rows, self.kept), N)
        vectors = ops.cast(
            gather_rows(self.embeddings, rows), self.compute_dtype
        )
        if self.matrix is not None:
            vectors = vectors @ ops.cast(self.matrix, self.compute_dtype)
        return nan_out_of_range(vectors, ids, self.input_dim)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if not self.mask_zero:
            return None
        return on_flat_values(lambda ids: ops.not_equal(ids, 0), inputs)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        shape = self.compute_output_shape(inputs.shape)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "kept": self.kept,
            "width": self.width,
            "in_order": self.in_order,
            "mask_zero": self.mask_zero,
            "embeddings_initializer": initializers.serialize(
                self.embeddings_initializer
            ),
        }


def places_bytes(N: int, kept: int) -> int:
    """Returns the bytes of the numbers of N symbols' rows."""
    return N * (2 if kept + 1 <= _MOST_IN_16_BITS else 4)
