"""The layer that replaces the output layer over a vocabulary."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy.typing as npt
from keras import activations, initializers, ops

from kd_keras.codes.tiers import tier_config
from kd_keras.layers.coded_layer import CodedLayer
from kd_keras.layers.compositions.composition import Composition
from kd_keras.layers.kd_embedding import KDEmbedding
from kd_keras.utils.checks import check_integer, is_integer

DEFAULT_K, DEFAULT_D = 16, 32


@keras.saving.register_keras_serializable(package="kd_keras")
class KDLogits(CodedLayer):
    """Computes a logit for each symbol by way of K-way D-dimensional codes.

    Use it in place of the output layer `keras.layers.Dense(units)` over a
    vocabulary. That layer multiplies hidden states by a kernel with a vector
    for each symbol; here these vectors V `(units, d)` are composed from codes,
    as in `KDEmbedding`:

        logits = hidden V^T + bias

    There is no `(units, d)` weight. Fixed codes of the linear composition and
    of concat give logits in two ways, and the sizes decide which:

    - by look-up: with T_j = W_j H hidden^T, a number for each value of
      position j, logit i is sum_j T_j[c_ij]. This suits few hidden states.
    - by composing V first, and one matrix product. This suits many.

    With `embedding` the output is tied to a `KDEmbedding`: codes and code
    embeddings are the same weights, so that the output layer adds only its
    bias. `embedding(hidden, reverse=True)` is the same without a bias.

    Args:
        units: int, at least 1. Number of symbols N.
        K: int, 2 to 65,536. Number of values of a code position. None: 16.
        D: int, at least 1. Number of code positions. None: 32. With `tiers`,
            several.
        codes: None for random fixed codes; an array of int, shape `(N, D)`,
            for given fixed codes; `"learn"`, or a `KDCodeLearner`, for codes
            that are learned while the layer trains.
        composition: One of `"linear"`, `"lstm"`, `"concat"`, `"residual"`, or
            a composition layer. None: `"linear"`.
        code_dim: int or None. Size d' of a code embedding. None: d, or d / D
            for concat.
        use_bias: bool. Whether each symbol has a bias.
        embedding: `KDEmbedding` to share codes and composition with, or None.
            `codes`, `composition`, `code_dim` and `tiers` are then left out,
            and `units`, K and D are those of the embedding.
        use_projection: bool. Only with `embedding`: whether hidden states are
            multiplied by a trained matrix `(size of a hidden state, d)` first,
            which is needed if the sizes differ.
        embeddings_initializer: Initializer of the code embeddings.
        bias_initializer: Initializer of the bias.
        seed: int or None. Seed of random codes.
        tiers: See `KDEmbedding`.
        activation: Activation of the logits, for instance `"softmax"`. None
            leaves them as they are.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: tensor of float, shape `(..., d)`. The hidden states.
        training: bool. Whether learned codes are estimated.

    Output shape:
        `(..., units)`.

    Raises:
        ValueError: If an argument is out of its range, the composition or
            learner has other sizes, or hidden states have another size than
            the embedding and there is no projection.

    Example:

    >>> import keras, kd_keras
    >>> ids = keras.Input((None,), dtype="int32")
    >>> embedding = kd_keras.KDEmbedding(1000, 64, K=16, D=8)
    >>> hidden = keras.layers.LSTM(64, return_sequences=True)(embedding(ids))
    >>> untied = kd_keras.KDLogits(1000, K=16, D=8)(hidden)
    >>> tied = kd_keras.KDLogits(embedding=embedding)(hidden)
    >>> print(untied.shape, tied.shape)
    (None, None, 1000) (None, None, 1000)

    References:
        - [Chen, Min and Sun, 2017](https://arxiv.org/abs/1711.03067): the
          codes and compositions, there for the input only.
        - [Jegou, Douze and Schmid, 2011](https://doi.org/10.1109/TPAMI.2010.57):
          inner products by look-up.
        - [Press and Wolf, 2017](https://arxiv.org/abs/1608.05859): tied
          input and output.
    """

    def __init__(
        self,
        units: int | None = None,
        K: int | None = None,
        D: int | Sequence[int] | None = None,
        codes: Any = None,
        composition: str | Composition | None = None,
        code_dim: int | None = None,
        use_bias: bool = True,
        embedding: KDEmbedding | None = None,
        use_projection: bool = False,
        embeddings_initializer: Any = "uniform",
        bias_initializer: Any = "zeros",
        seed: int | None = None,
        tiers: Sequence[int] | None = None,
        activation: Any = None,
        **kwargs: Any,
    ) -> None:
        if embedding is not None:
            _check_tie(
                embedding, units, K, D, codes, composition, code_dim, tiers
            )
            units, K, D = embedding.symbols, embedding.K, embedding.D
        elif use_projection:
            raise ValueError(
                "`use_projection` is only for an output that is tied by "
                "`embedding`. Received: use_projection=True, embedding=None"
            )
        units = check_integer("`units`", units)
        super().__init__(
            units,
            None,
            DEFAULT_K if K is None else K,
            DEFAULT_D if D is None else D,
            codes,
            "linear" if composition is None else composition,
            code_dim,
            embeddings_initializer,
            seed,
            tiers,
            **kwargs,
        )
        self.autocast = True  # the inputs are no ids
        self.supports_masking = True
        self.units = units
        self.use_bias = use_bias
        self.use_projection = use_projection
        self.bias_initializer = initializers.get(bias_initializer)
        self.activation = activations.get(activation)
        self.embedding = embedding
        if embedding is not None:
            embedding.is_tied = True
            self.learner = embedding.learner
            self.tiers = embedding.tiers
            self.composition = embedding.composition
            self.output_dim = embedding.output_dim
            self.code_dim = embedding.code_dim

    @classmethod
    def from_embedding(
        cls,
        embedding: KDEmbedding,
        bias: npt.ArrayLike | None = None,
        **kwargs: Any,
    ) -> "KDLogits":
        """Makes an output layer with a copy of an embedding's codes.

        It is for an embedding that `learn_codes` made of the table of a
        trained output layer. Unlike with `KDLogits(embedding=...)`, the two
        share nothing.

        Args:
            embedding: `KDEmbedding`, built. Learned codes become fixed.
            bias: array of float, shape `(N,)`, or None for zeros.
            **kwargs: `name`, `dtype` and other keyword arguments of
                `KDLogits`.

        Returns:
            A built `KDLogits` for hidden states of size d.

        Raises:
            ValueError: If the embedding is not built or the bias has another
                shape.

        Example:

        >>> import keras, numpy as np, kd_keras
        >>> dense = keras.layers.Dense(300)  # of a trained model
        >>> dense.build((None, 8))
        >>> table = dense.kernel.numpy().T
        >>> learned = kd_keras.learn_codes(table, K=8, D=4, verbose=0)
        >>> output = kd_keras.KDLogits.from_embedding(learned, dense.bias)
        >>> print(output(np.ones((2, 8))).shape)
        (2, 300)
        """
        if not embedding.built:
            raise ValueError(
                "The embedding must be built. Received: "
                f"{embedding!r}, not built"
            )
        given = embedding.composition
        logits = cls(
            embedding.symbols,
            embedding.K,
            **tier_config(embedding.D, embedding.tiers),
            codes=embedding.codes,
            composition=type(given).from_config(given.get_config()),
            **kwargs,
        )
        logits.build((None, embedding.output_dim))
        logits.composition.set_weights(given.get_weights())
        if bias is not None:
            numbers = ops.convert_to_numpy(bias)
            if logits.bias is None or numbers.shape != (logits.units,):
                raise ValueError(
                    "`bias` must have a number for each of the "
                    f"{logits.units:,} symbols, and `use_bias` be True. "
                    f"Received: shape={numbers.shape}"
                )
            logits.bias.assign(numbers)
        return logits

    def build(self, input_shape: Any = None) -> None:
        if self.built:  # type: ignore[has-type]
            return
        size = None if input_shape is None else input_shape[-1]
        if size is None:
            raise ValueError(
                "The size of a hidden state must be known: call the layer, or "
                "`build((None, d))`. Received: "
                f"input_shape={input_shape and tuple(input_shape)}"
            )
        if self.embedding is None:
            if isinstance(self.composition, str):
                self.make_composition(size)
                # As in a layer that is made from a configuration, which has
                # its composition at once: a file holds an optimizer's variables
                # in the order of the layers.
                self._layers.sort(key=lambda x: x is not self.composition)
            self.build_codes()
            self.composition.build()
        else:
            self.embedding.build()
        self.projection = None
        if self.use_projection:
            self.projection = self.add_weight(
                shape=(size, self.output_dim),
                initializer="glorot_uniform",
                name="projection",
            )
        elif size != self.output_dim:
            raise ValueError(
                "Hidden states must have the size of a vector, "
                f"{self.output_dim}, or `use_projection=True` if an embedding "
                f"is tied. Received: shape={tuple(input_shape)}"
            )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.units,),
                initializer=self.bias_initializer,
                name="bias",
            )
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: size})
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if self.projection is not None:
            inputs = ops.matmul(inputs, self.projection)
        # A composition or a tied embedding may have a dtype of its own.
        logits = ops.cast(self.score(inputs, training), self.compute_dtype)
        if self.bias is not None:
            form = self.device_form()
            bias = self.bias if form is None else form.read_bias(inputs)
            logits = logits + bias
        return self.activation(logits)

    def code_source(self) -> keras.layers.Layer:
        return self.learner or self.embedding or self

    def code_variables(self) -> list[Any]:
        if self.embedding is not None:
            return self.embedding.code_variables()
        return super().code_variables()

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config() | {
            "units": self.units,
            "code_dim": self.code_dim,
            "use_bias": self.use_bias,
            "use_projection": self.use_projection,
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "activation": activations.serialize(self.activation),
            "embedding": None,
        }
        del config["output_dim"]
        if self.embedding is not None:
            for name in ("codes", "composition", "code_dim", "tiers"):
                del config[name]
            config["D"] = self.D
            config["embedding"] = keras.saving.serialize_keras_object(
                self.embedding
            )
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "KDLogits":
        if isinstance(config.get("embedding"), dict):
            embedding = keras.saving.deserialize_keras_object(
                config["embedding"]
            )
            config = config | {"embedding": embedding}
        return super().from_config(config)


def _check_tie(
    embedding: Any, units: Any, K: Any, D: Any, codes: Any, *others: Any
) -> None:
    if not isinstance(embedding, KDEmbedding):
        raise ValueError(
            "`embedding` must be a KDEmbedding, or None. Received: "
            f"embedding={embedding!r}"
        )
    if codes is not None or others != (None, None, None):
        raise ValueError(
            "`codes`, `composition`, `code_dim` and `tiers` are those of "
            f"`embedding`: leave them out. Received: codes={codes!r}, "
            f"composition={others[0]!r}, code_dim={others[1]!r}, "
            f"tiers={others[2]!r}"
        )
    sizes = {
        "units": (units, embedding.symbols),
        "K": (K, embedding.K),
        "D": (D, embedding.D),
    }
    for name, (given, size) in sizes.items():
        if given is not None and not (is_integer(given) and given == size):
            raise ValueError(
                f"`{name}` must agree with `embedding` ({size}) or be left "
                f"out. Received: {name}={given!r}"
            )
