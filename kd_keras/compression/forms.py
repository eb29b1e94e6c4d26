"""The forms that a table can have in a small model."""

import dataclasses
from typing import Any

import keras
import numpy as np

from kd_keras.codes.int8_scales import scale_bytes
from kd_keras.codes.sizes import packed_code_bytes
from kd_keras.codes.tiers import read_tiers
from kd_keras.compression.model_tables import OUTPUT, TIED, ModelTable
from kd_keras.export.litert.precisions import LEAST_ROUNDED, PRECISIONS
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.layers.kd_logits import KDLogits
from kd_keras.layers.reduced_embedding import (
    ReducedEmbedding,
    places_bytes,
)
from kd_keras.learning.learn_codes import learn_codes
from kd_keras.learning.source_layer import in_place_of
from kd_keras.vectors.row_sums import weighted_mean, weighted_squares

AS_IT_IS, CUT, NARROW, CUT_AND_NARROW = (
    "as it is", "cut", "narrow", "cut and narrow",
)  # fmt: skip
CODES, TIERS = "codes", "codes with tiers"
KINDS = (AS_IT_IS, CUT, NARROW, CUT_AND_NARROW, CODES, TIERS)


@dataclasses.dataclass(frozen=True)
class Form:
    """A form of a table: as it is, reduced, or codes.

    Attributes:
        kept, width: int or None. Of a reduced table, see `ReducedEmbedding`.
        K: int, or 0 for no codes.
        D: tuple of int. Positions of the codes in each tier.
        tiers: tuple of int. Ends of the tiers; empty for one length.
        code_dim: int or None. Size of the code embeddings; None for d.
    """

    kept: int | None = None
    width: int | None = None
    K: int = 0
    D: tuple[int, ...] = ()
    tiers: tuple[int, ...] = ()
    code_dim: int | None = None

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        if self.K:
            return TIERS if self.tiers else CODES
        if self.kept is None:
            return AS_IT_IS if self.width is None else NARROW
        return CUT if self.width is None else CUT_AND_NARROW

    def __str__(self) -> str:
        told = []
        if self.K:
            D = ", ".join(map(str, self.D))
            told.append(f"codes K={self.K} D={D}")
            if self.tiers:
                told.append(f"tiers {', '.join(f'{x:,}' for x in self.tiers)}")
            if self.code_dim:
                told.append(f"code_dim={self.code_dim}")
        if self.kept is not None:
            told.append(f"{self.kept:,} rows")
        if self.width is not None:
            told.append(f"{self.width} numbers a row")
        return ", ".join(told) or "as it is"

    def bytes(self, table: ModelTable, quantization: str | None) -> int:
        """Returns the bytes of the table's weights in a file, without a graph.

        Args:
            table: `ModelTable`.
            quantization: See `export_litert`.
        """
        N, d = table.shape
        if self.K:
            codes = packed_code_bytes(N, self.K, *self._lengths, table.in_order)
            size = self.code_dim or d
            parts = self.K * self.D[0] * size * PRECISIONS[quantization].bytes
            if quantization == "int8":
                parts += scale_bytes(self.K, self.D[0], size)
            return codes + parts + _matrix_bytes(self.code_dim, d, quantization)
        rows = N if self.kept is None else self.kept + 1
        size = _stored(rows * (self.width or d), quantization)
        if self.kind == AS_IT_IS:
            return size * table.times
        if self.kept is not None and not table.in_order:
            size += places_bytes(N, self.kept)
        return size + _matrix_bytes(self.width, d, quantization)

    def graph_bytes(self, kind: str) -> int:
        """Estimates what the operators of this form take in a file.

        Measured on small models; `Planner.fit` replaces the estimate by what
        a file has.

        Args:
            kind: str. The kind of a `ModelTable`.
        """
        if not self.K:
            graphs = {NARROW: 200, CUT: 770, CUT_AND_NARROW: 970}
            return graphs.get(self.kind, 0)
        size = {4: 3400, 6: 2100, 8: 1000}.get((self.K - 1).bit_length(), 2500)
        if self.tiers:
            size += {True: 1600, False: 2500}[self.D[1] == 0]
            size += 300 * (len(self.tiers) - 1)
        if self.code_dim:
            size += 150
        return int(size * {OUTPUT: 1.6, TIED: 2.4}.get(kind, 1))

    def make(
        self, table: ModelTable, seed: int, effort: float, verbose: int = 0
    ) -> Any:
        """Makes the layer that takes the table's place.

        Args:
            table: `ModelTable`.
            seed, effort, verbose: See `learn_codes`.

        Returns:
            A built Keras layer with the name and the settings of the table's
            layer, or that layer itself for a table as it is.
        """
        if self.kind == AS_IT_IS:
            return table.layer
        weights = table.ordered_weights
        if not self.K:
            layer = table.layer
            made = ReducedEmbedding.from_table(
                table.measured_rows,
                self.kept,
                self.width,
                weights,
                table.in_order,
                name=layer.name,
                dtype=layer.dtype_policy,
                mask_zero=layer.mask_zero,
            )
            _take_back(
                table, made.embeddings if made.matrix is None else made.matrix
            )
            made.trainable = layer.trainable
            return made
        D, tiers = self._lengths
        embedding = learn_codes(
            table.measured_rows,
            self.K,
            D,
            code_dim=self.code_dim,
            seed=seed,
            verbose=verbose,
            effort=effort,
            weights=weights,
            tiers=tiers,
        )
        # Vectors are sums of code embeddings, or these times a matrix: what
        # comes last is taken back as vectors are.
        composition = embedding.composition
        last = composition.kernel
        _take_back(table, composition.code_embeddings if last is None else last)
        return coded(table, embedding)

    def outline(self, table: ModelTable, seed: int = 0) -> Any:
        """Makes a layer of this form with random codes, for its size.

        Args:
            table: `ModelTable`.
            seed: int.

        Returns:
            A built Keras layer.
        """
        if not self.K:
            return self.make(table, seed, 0)
        N, d = table.shape
        D, tiers = self._lengths
        K, most, found = read_tiers(self.K, D, tiers, N)
        rng = np.random.default_rng(seed)
        codes = rng.integers(1, K, (N, most))
        if found is not None:
            codes = found.cut(codes)
            if not table.in_order:
                codes = codes[::-1]
        embedding = KDEmbedding(
            N, d, K, D, codes, code_dim=self.code_dim, seed=seed,
            tiers=tiers, dtype="float32",
        )  # fmt: skip
        embedding.build()
        kernel = embedding.composition.kernel
        if kernel is not None:
            # How finely a matrix must be rounded depends on its values.
            kernel.assign(_main_directions(table, self.code_dim or d))
        return coded(table, embedding)

    @property
    def _lengths(self) -> tuple[Any, tuple[int, ...] | None]:
        """D and the tiers, as `KDEmbedding` takes them."""
        return (self.D, self.tiers) if self.tiers else (self.D[0], None)


def coded(table: ModelTable, embedding: Any) -> Any:
    """Returns a layer with given codes that can take a table's place.

    Args:
        table: `ModelTable`.
        embedding: `KDEmbedding`, built. Codes of the table's rows.
    """
    layer = table.layer
    if table.kind != OUTPUT:
        return in_place_of(layer, embedding)
    logits = KDLogits.from_embedding(
        embedding,
        layer.bias if layer.use_bias else None,
        use_bias=layer.use_bias,
        activation=keras.activations.serialize(layer.activation),
        name=layer.name,
        dtype=layer.dtype_policy,
    )
    logits.trainable = layer.trainable
    return logits


def _main_directions(table: ModelTable, count: int) -> np.ndarray:
    """Returns the strongest directions of a table, `(count, d)`."""
    rows, even = table.measured_rows, np.ones(len(table.rows))
    mean = weighted_mean(rows, even)
    squares = weighted_squares(rows, even) - len(rows) * np.outer(mean, mean)
    found = np.linalg.eigh(squares)[1]
    return table.from_measured(found.T[::-1][:count])


def _take_back(table: ModelTable, variable: Any) -> None:
    """Takes a variable back from the space of `measured_rows`."""
    values = keras.ops.convert_to_numpy(variable)
    variable.assign(table.from_measured(values.astype(np.float64)))


def _matrix_bytes(size: int | None, d: int, quantization: str | None) -> int:
    """Returns the bytes of a matrix `(size, d)`, if there is one."""
    if size is None or size == d:
        return 0
    return _stored(size * d, quantization)


def _stored(numbers: int, quantization: str | None) -> int:
    """Returns the bytes of a table; int8 leaves small ones in float32."""
    is_rounded = quantization != "int8" or numbers >= LEAST_ROUNDED
    return numbers * PRECISIONS[quantization if is_rounded else None].bytes
