"""The layer that replaces `keras.layers.Embedding`."""

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

# The layer that Keras has for this sets masks by this function too.
from keras.src.backend import set_keras_mask

from kd_keras.codes.tiers import check_lengths
from kd_keras.layers.coded_layer import CodedLayer
from kd_keras.layers.compositions.code_search import (
    check_has_tiers,
    encode,
)
from kd_keras.layers.compositions.composition import Composition
from kd_keras.layers.gather import (
    dense,
    integer_ids,
    nan_out_of_range,
    on_flat_values,
)
from kd_keras.layers.shared_layers import made_before, made_now
from kd_keras.search.effort import check_effort
from kd_keras.utils.checks import check_integer, check_seed
from kd_keras.vectors.checks import check_rows


@keras.saving.register_keras_serializable(package="kd_keras")
class KDEmbedding(CodedLayer):
    """Turns ids into vectors by way of K-way D-dimensional codes.

    Use it in place of `keras.layers.Embedding`. Each symbol has a code of D
    small integers; its vector is composed from D code embeddings. There is no
    `(input_dim, output_dim)` table and no `embeddings` attribute: call the
    layer on ids. Ids out of range behave as in `keras.layers.Embedding`.

    Others call K the codebook size and D the number of codebooks.

    Args:
        input_dim: int, at least 1. Number of symbols N, i.e. largest id + 1.
        output_dim: int, at least 1. Size d of a vector.
        K: int, 2 to 65,536. Number of values of a code position.
        D: int, at least 1. Number of code positions. With `tiers`, several.
        codes: None for random fixed codes; an array of int, shape `(N, D)`,
            for given fixed codes; `"learn"`, or a `KDCodeLearner`, for codes
            that are learned while the layer trains. Fixed codes are weights:
            they are saved with the model, not in its configuration.
        composition: One of `"linear"`, `"lstm"` (the paper's two),
            `"concat"`, `"residual"`, or a composition layer.
        code_dim: int or None. Size d' of a code embedding. None:
            `output_dim`, or `output_dim / D` for concat.
        mask_zero: bool. Whether id 0 is padding to be masked.
        embeddings_initializer: Initializer of the code embeddings.
        seed: int or None. Seed of random codes.
        tiers: None, or a sequence of rising ints, for shorter codes of rare
            symbols. D is then a sequence of falling ints: with
            `D=(32, 16, 0), tiers=(2000, 10000)`, the ids below 2,000 have 32
            positions, those below 10,000 have 16, and all others none, so
            they share one vector. A short code has the value 0 at the other
            positions. Given codes may have the tiers in any order of ids; a
            file then stores that order, two or four bytes a symbol.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: tensor of int, any shape `(...)`. The ids.
        training: bool. Whether learned codes are estimated.
        reverse: bool. Whether the inputs are hidden states of float, shape
            `(..., output_dim)`, to be multiplied by the vectors of all
            symbols, as in `keras.layers.ReversibleEmbedding`. `KDLogits` does
            the same with a bias.

    Output shape:
        `(..., output_dim)`; `(..., input_dim)`, without a mask, if `reverse`.

    Raises:
        ValueError: If an argument is out of its range, or the composition or
            learner has other sizes.

    Example:

    >>> import keras, numpy as np, kd_keras
    >>> model = keras.Sequential(
    ...     [kd_keras.KDEmbedding(1000, 64, K=16, D=8, codes="learn")]
    ... )
    >>> vectors = np.random.default_rng(0).normal(size=(1000, 64))
    >>> model.compile(kd_keras.LazyAdam(), "mse")
    >>> history = model.fit(np.arange(1000), vectors, verbose=0)
    >>> small = kd_keras.freeze(model)
    >>> print(small(np.array([4, 20, 7])).shape)
    (3, 64)

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        K: int = 16,
        D: int | Sequence[int] = 32,
        codes: Any = None,
        composition: str | Composition = "linear",
        code_dim: int | None = None,
        mask_zero: bool = False,
        embeddings_initializer: Any = "uniform",
        seed: int | None = None,
        tiers: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        # An argument of Keras 2, which `keras.layers.Embedding` still takes.
        if kwargs.pop("input_length", None) is not None:
            warnings.warn(
                "`input_length` is not needed and ignored: remove it",
                stacklevel=2,
            )
        input_dim = check_integer("`input_dim`", input_dim)
        super().__init__(
            input_dim,
            output_dim,
            K,
            D,
            codes,
            composition,
            code_dim,
            embeddings_initializer,
            seed,
            tiers,
            **kwargs,
        )
        self.input_dim = input_dim
        self.is_tied = False
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero

    def call(
        self, inputs: Any, training: bool = False, reverse: bool = False
    ) -> Any:
        if reverse:
            return self.score(ops.cast(inputs, self.compute_dtype), training)
        inputs = dense(inputs)
        vectors = on_flat_values(lambda ids: self._embed(ids, training), inputs)
        if self.mask_zero and self._are_hidden_states(inputs):
            # They are ids, but Keras does not tell this to `compute_mask`.
            set_keras_mask(vectors, ops.not_equal(inputs, 0))
        return vectors

    def _embed(self, inputs: Any, training: bool) -> Any:
        form = self.device_form()
        if form is not None:
            return form(inputs)
        learner = self.learner_in_use()
        if learner is not None:
            vectors = self.composition(learner(inputs, training=training))
            return ops.cast(vectors, self.compute_dtype)
        ids = integer_ids(inputs, self.input_dim)
        # A given composition may have a dtype of its own.
        vectors = ops.cast(
            self.composition(self.codes_of(ids)), self.compute_dtype
        )
        return nan_out_of_range(vectors, ids, self.input_dim)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        # Logits have none, as those of `keras.layers.ReversibleEmbedding`.
        if not self.mask_zero or self._are_hidden_states(inputs):
            return None
        return on_flat_values(lambda ids: ops.not_equal(ids, 0), inputs)

    def _are_hidden_states(self, inputs: Any) -> bool:
        """Tells whether inputs look like what `reverse` takes."""
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        shape = tuple(inputs.shape)
        return "int" not in dtype and shape[-1:] == (self.output_dim,)

    def compute_output_shape(
        self, input_shape: Any, reverse: bool = False
    ) -> tuple:
        if reverse:
            self.check_hidden(input_shape)
            return (*input_shape[:-1], self.input_dim)
        return (*input_shape, self.output_dim)

    def compute_output_spec(
        self, inputs: Any, training: bool = False, reverse: bool = False
    ) -> keras.KerasTensor:
        shape = self.compute_output_shape(inputs.shape, reverse)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    @property
    def embeddings(self) -> Any:
        """What `keras.layers.Embedding` has: there is no table here."""
        raise AttributeError(
            "KDEmbedding has no table `embeddings`: call it with hidden states "
            "and `reverse=True` for their products with all vectors (as "
            "keras.layers.ReversibleEmbedding), or with ids for vectors"
        )

    def encode(
        self,
        vectors: npt.ArrayLike,
        seed: int = 0,
        effort: float = 1.0,
        lengths: npt.ArrayLike | None = None,
    ) -> np.ndarray:
        """Finds codes of new vectors without changing the composition.

        A vocabulary can grow this way without learning anything again: the
        vectors of the new codes are `composition(codes)`, and
        `kd_keras.grow_embedding` returns a layer that includes them.

        Args:
            vectors: array of float or int, shape `(M, output_dim)`, finite. A
                memory map may be larger than memory: it is read block by
                block.
            seed: int. Decides the search.
            effort: float, 0 to 1,000. How long to search, in units of the
                default.
            lengths: array of int, 0 to D, shape `(M,)`, or None. How many
                positions each code has (see `tiers`); it has the value 0 at
                the others. Only for the linear composition. None: all D.

        Returns:
            Array of int, shape `(M, D)`, uint8 up to K = 256, else uint16.
            The codes of a row depend only on its block of 16,384 rows.

        Raises:
            ValueError: If the vectors are not finite or not of this size, or
                `lengths` is out of its range.
        """
        check_effort(effort)
        seed = check_seed("`seed`", seed)
        rows = check_rows(vectors)
        if rows.shape[1] != self.output_dim:
            raise ValueError(
                f"The vectors must have output_dim={self.output_dim} columns. "
                f"Received: shape={rows.shape}"
            )
        if not self.built:
            self.build()
        if lengths is not None:
            lengths = check_lengths(lengths, len(rows), self.D)
            check_has_tiers(self.composition)
        return encode(self, rows, seed, effort, lengths=lengths)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config() | {
            "input_dim": self.input_dim,
            "mask_zero": self.mask_zero,
        }
        # An output layer that is tied to this one has it in its configuration
        # too: one layer is made of both.
        return config | {"tied": id(self)} if self.is_tied else config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "KDEmbedding":
        config = dict(config)
        tied = config.pop("tied", None)
        layer = made_before(tied)
        if layer is None:
            layer = super().from_config(config)
            made_now(tied, layer)
        return layer
