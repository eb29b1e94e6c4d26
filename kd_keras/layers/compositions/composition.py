"""The base of the compositions, f in the paper."""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import initializers, ops

from kd_keras.codes.checks import check_kd
from kd_keras.layers.compositions.sum_of_rows import (
    few_positions,
    sum_of_rows,
)
from kd_keras.utils.checks import check_integer


class Tables(NamedTuple):
    """Code embeddings from which vectors follow without any other weight.

    Attributes:
        form: str. `"sum"` if a vector is the sum of the values' rows,
            `"slices"` if it is these rows side by side.
        rows: array of float32, shape `(D, K, d)`, or `(D, K, d / D)` for
            slices.
    """

    form: str
    rows: np.ndarray


class Composition(keras.layers.Layer):
    """Base class of the compositions. It owns the code embeddings W.

    A subclass implements `compose`, which turns the code embeddings of D
    positions into one vector, and `build_composition` for its other weights.
    An instance can be passed as `KDEmbedding(composition=...)`.

    The rest of the package asks a composition for whatever depends on its
    kind. A subclass overrides what differs from these defaults:

    - `runs_over_steps`: whether it is a recurrence over the positions. A
      device then needs fixed shapes, and composing is expensive.
    - `step_weights`: the weights that a recurrence applies at every position.
    - `is_additive`: whether each position adds to a vector what depends only
      on its own value; `score_values` then gives the inner products of these
      with hidden states.
    - `compose_on_device`: its form in an exported graph.
    - `size_arguments`: what its size depends on besides K, D, d and d'.
    - `has_own_scale`: whether its weights alone give vectors of any scale.
    - `tables`: its code embeddings as a quantiser holds them, if there is
      nothing else to it.

    What a subclass computes may be limited, as the outputs of an LSTM are to 1
    per position. With `scaled=True` the layer has two more weights, a scale
    and an offset, which are applied to whatever `compose` returns.

    Args:
        K: int, 2 to 65,536. Number of values of a code position.
        D: int, at least 1. Number of code positions.
        output_dim: int, at least 1. Size d of a composed vector.
        code_dim: int or None. Size d' of a code embedding. None: d.
        embeddings_initializer: Initializer of the code embeddings.
        scaled: bool. Whether vectors are multiplied by `output_scale`, a
            single weight, and shifted by `output_offset` `(d,)`. Not for the
            linear and concat compositions, nor for the residual one without
            H: their other weights do that.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        codes: tensor of int, shape `(..., D)`, the codes; or tensor of float,
            shape `(..., D, K)`, one-hot or relaxed codes. Both give the same
            vectors.

    Output shape:
        `(..., output_dim)`.

    Raises:
        ValueError: If an argument is out of its range, or, in a call, if the
            codes have neither of these shapes.

    References:
        [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067),
        section 2.2.
    """

    runs_over_steps = False
    is_additive = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        if own.keys() & {"compose", "compose_one_hot"}:
            # What it inherits may be true of another composition only.
            if "score_values" not in own:
                cls.is_additive = False
            if "score_composed" not in own:
                cls.score_composed = Composition.score_composed  # type: ignore

    def __init__(
        self,
        K: int,
        D: int,
        output_dim: int,
        code_dim: int | None = None,
        embeddings_initializer: Any = "uniform",
        scaled: bool = False,
        **kwargs: Any,
    ) -> None:
        K, D = check_kd(K, D)
        output_dim = check_integer("`output_dim`", output_dim)
        if code_dim is not None:
            code_dim = check_integer("`code_dim`", code_dim)
        super().__init__(**kwargs)
        self.K = K
        self.D = D
        self.output_dim = output_dim
        self.code_dim: int = code_dim or self.default_code_dim()
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        if not isinstance(scaled, bool) or (scaled and self.has_own_scale()):
            wanted = "False" if self.has_own_scale() else "True or False"
            raise ValueError(
                f"`scaled` of this {type(self).__name__} must be {wanted}. "
                f"Received: scaled={scaled!r}"
            )
        self.scaled = scaled

    def default_code_dim(self) -> int:
        """Returns d' for `code_dim=None`."""
        return self.output_dim

    def has_own_scale(self) -> bool:
        """Tells if vectors of any scale and offset need no `scaled=True`."""
        return False

    def build(self, input_shape: Any = None) -> None:
        if self.built:  # type: ignore[has-type]
            return
        self.code_embeddings = self.add_weight(
            shape=(self.D, self.K, self.code_dim),
            initializer=self.embeddings_initializer,
            name="code_embeddings",
        )
        self.build_composition()
        if self.scaled:
            self.output_scale = self.add_weight(
                shape=(), initializer="ones", name="output_scale"
            )
            self.output_offset = self.add_weight(
                shape=(self.output_dim,),
                initializer="zeros",
                name="output_offset",
            )
        self.built = True

    def build_composition(self) -> None:
        """Creates the weights besides the code embeddings."""

    def call(self, codes: Any) -> Any:
        if self.is_one_hot(codes):
            composed = self.compose_one_hot(codes)
        else:
            composed = self.compose(self._embed_codes(codes))
        return self.scale_output(composed)

    def is_one_hot(self, codes: Any) -> bool:
        """Checks codes; returns whether they are one-hot, not integers."""
        return self._code_shape(codes) != (self.D,)

    def scale_output(self, composed: Any) -> Any:
        """Applies the scale and the offset, if there are any."""
        if not self.scaled:
            return composed
        return composed * self.output_scale + self.output_offset

    def _code_shape(self, codes: Any) -> tuple[int, ...]:
        """Returns the shape of one code: `(D,)` integers, `(D, K)` one-hot."""
        is_integer = "int" in keras.backend.standardize_dtype(codes.dtype)
        shape = (self.D,) if is_integer else (self.D, self.K)
        if tuple(codes.shape[-len(shape) :]) != shape:
            raise ValueError(
                "A composition takes integer codes of shape (..., D) or float "
                f"one-hot codes of shape (..., D, K), D={self.D}, K={self.K}. "
                f"Received: shape={tuple(codes.shape)}, dtype={codes.dtype}"
            )
        return shape

    def _embed_codes(self, codes: Any) -> Any:
        return ops.take(self.flat_table(), self.flat_rows(codes), axis=0)

    def flat_rows(self, codes: Any) -> Any:
        """Returns the rows of codes `(..., D)` in `flat_table`."""
        return ops.cast(codes, "int32") + self.K * ops.arange(
            self.D, dtype="int32"
        )

    def flat_table(self) -> Any:
        """Returns W as `(D * K, d')`: position j owns the rows from j K on."""
        return ops.reshape(
            self.code_embeddings, (self.D * self.K, self.code_dim)
        )

    def compose_one_hot(self, one_hot: Any) -> Any:
        """Composes one-hot or relaxed codes `(..., D, K)`: o^T W (eq. 1)."""
        return self.compose(
            ops.einsum("...jk,jkd->...jd", one_hot, self.code_embeddings)
        )

    def sum_one_hot(self, one_hot: Any) -> Any:
        """Sums the code embeddings of one-hot or relaxed codes."""
        # The sum over positions is part of one matrix product.
        flat = ops.reshape(one_hot, (*ops.shape(one_hot)[:-2], self.D * self.K))
        return ops.matmul(flat, self.flat_table())

    def compose(self, embedded: Any) -> Any:
        """Composes embedded codes `(..., D, d')` to `(..., output_dim)`."""
        raise NotImplementedError

    def score(self, hidden: Any, codes: Any, training: bool = False) -> Any:
        """Multiplies hidden states by the vectors of codes.

        There are two ways, and the sizes decide which. Both give the same.

        Args:
            hidden: tensor of float, shape `(n, d)`.
            codes: codes of N symbols, in either form that `call` takes.
            training: bool. See `sum_of_rows`.

        Returns:
            Tensor of float, shape `(n, N)`.
        """
        is_looked_up = (
            self.can_look_up()
            and not self.is_one_hot(codes)
            and few_positions(
                hidden.shape[0],
                codes.shape[0],
                self.D,
                self.code_dim,
                self.output_dim,
            )
        )
        if not is_looked_up:
            return self.score_composed(hidden, codes, training)
        values = self.score_values(hidden, self.code_embeddings)
        values = ops.reshape(values, (self.D, self.K, -1))
        return ops.transpose(sum_of_rows(values, codes, training))

    def can_look_up(self) -> bool:
        """Tells whether scores are sums of `score_values`."""
        return self.is_additive and not self.scaled

    def score_composed(
        self, hidden: Any, codes: Any, training: bool = False
    ) -> Any:
        """Does what `score` does, composing all vectors first."""
        return ops.matmul(hidden, ops.transpose(self(codes)))

    def score_values(self, hidden: Any, code_embeddings: Any) -> Any:
        """Multiplies hidden states by what each value adds to a vector.

        Only of additive compositions. The score of a symbol is the sum of the
        products of its D values.

        Args:
            hidden: tensor of float, shape `(n, d)`.
            code_embeddings: tensor of float, shape `(D, K, d')`.

        Returns:
            Tensor of float, shape `(D * K, n)`.
        """
        raise NotImplementedError

    def compose_on_device(self, embedded: Any) -> Any:
        """Does what `compose` does, in the graph of an exported file.

        `scale_output` comes after it, as after `compose`.

        Args:
            embedded: tensor of float32, shape `(n, D, d')` or `(n * D, d')`.

        Returns:
            Tensor of float32, shape `(n, output_dim)`.
        """
        if len(embedded.shape) == 2:
            embedded = ops.reshape(embedded, (-1, self.D, self.code_dim))
        return self.compose(embedded)

    def step_weights(self) -> list[Any]:
        """Returns the weights that a recurrence applies at every position."""
        return []

    def size_arguments(self) -> dict[str, Any]:
        """Returns further arguments of `kd_keras.parameter_count`."""
        return {"scaled": True} if self.scaled else {}

    def tables(self) -> Tables | None:
        """Returns the `Tables` that replace this composition, if any."""
        return None

    def compute_output_spec(self, codes: Any) -> keras.KerasTensor:
        # Not from the shape alone: the dtype decides whether K is part of it.
        shape = codes.shape[: -len(self._code_shape(codes))]
        return keras.KerasTensor(
            (*shape, self.output_dim), dtype=self.compute_dtype
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config() | {
            "K": self.K,
            "D": self.D,
            "output_dim": self.output_dim,
            "code_dim": self.code_dim,
            "embeddings_initializer": initializers.serialize(
                self.embeddings_initializer
            ),
        }
        # Not for others: a subclass may not know this argument.
        return config | ({"scaled": True} if self.scaled else {})


def output_kernel(layer: Composition) -> Any:
    """Creates H `(d', d)`; returns None if d' = d, which needs no H."""
    if layer.code_dim == layer.output_dim:
        return None
    return layer.add_weight(
        shape=(layer.code_dim, layer.output_dim),
        initializer="glorot_uniform",
        name="kernel",
    )


def apply_kernel(total: Any, kernel: Any) -> Any:
    """Multiplies the sum of code embeddings by H, if there is one."""
    return total if kernel is None else ops.matmul(total, kernel)
