"""The base of the layers that hold codes."""

import random
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import initializers, ops

from kd_keras.codes.checks import check_codes, code_dtype
from kd_keras.codes.random_codes import random_codes
from kd_keras.codes.tiers import read_tiers, tier_config
from kd_keras.layers.compositions.by_name import (
    check_composition,
    make_composition,
)
from kd_keras.layers.compositions.composition import Composition
from kd_keras.layers.contexts import copied, device_forms, looked_up
from kd_keras.layers.gather import gather_rows
from kd_keras.layers.integer_weights import weight_dtype
from kd_keras.layers.kd_code_learner import KDCodeLearner
from kd_keras.layers.shared_layers import (
    deserialize_shared,
    serialize_shared,
)
from kd_keras.utils.checks import check_integer, check_seed


class CodedLayer(keras.layers.Layer):
    """Base class of layers that hold a code for each of N symbols.

    It owns the codes, fixed or learned, and the composition that turns them
    into vectors; a subclass says what these vectors are for. Export, size
    reports and `freeze` treat all such layers alike.

    Args:
        symbols: int, at least 1. Number of symbols N.
        output_dim: int, at least 1. Size d of a vector. None if only `build`
            knows it, which then calls `make_composition`.
        K, D, codes, composition, code_dim, embeddings_initializer, seed, tiers:
            See `KDEmbedding`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Attributes:
        symbols: int. N.
        D: int. Number of positions of the longest codes.
        tiers: `Tiers`, or None if all codes have D positions.
        learner: `KDCodeLearner`, or None for fixed codes.
        composition: `Composition`; what was given as such, until it is made.

    Raises:
        ValueError: If an argument is out of its range, or if a learner or
            composition layer has other sizes.
    """

    def __init__(
        self,
        symbols: int,
        output_dim: int | None,
        K: int,
        D: int | Sequence[int],
        codes: Any,
        composition: str | Composition,
        code_dim: int | None,
        embeddings_initializer: Any,
        seed: int | None,
        tiers: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        K, D, self.tiers = read_tiers(K, D, tiers, symbols)
        super().__init__(**kwargs)
        # Ids given as floats must not be rounded to the compute dtype.
        self.autocast = False
        self.symbols = symbols
        self.K = K
        self.D = D
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.seed = None if seed is None else check_seed("`seed`", seed)
        self.composition: Any = composition
        self.output_dim: Any = output_dim
        self.code_dim: Any = code_dim
        if output_dim is None and isinstance(composition, Composition):
            output_dim = composition.output_dim
        if output_dim is not None:
            self.make_composition(output_dim)
        else:
            check_composition(composition)
            if code_dim is not None:
                self.code_dim = check_integer("`code_dim`", code_dim)
        self.learner: KDCodeLearner | None = None
        self._given_codes: np.ndarray | None = None
        if codes is None:
            pass
        elif isinstance(codes, (KDCodeLearner, str)):
            learner = self._make_learner(codes)
            if copied.get() is None:
                self.learner = learner
        else:
            # A copy: the caller may go on changing the array.
            self._given_codes = np.array(self._check_codes(codes))

    def _check_codes(self, codes: npt.ArrayLike) -> np.ndarray:
        checked = check_codes(codes, self.K, self.D, self.symbols)
        if self.tiers is not None:
            self.tiers.order_of(checked)
        return checked

    def make_composition(self, output_dim: int) -> None:
        """Makes the composition by name, or takes the one that is given."""
        self.composition = make_composition(
            self.composition,
            self.K,
            self.D,
            output_dim,
            self.code_dim,
            embeddings_initializer=self.embeddings_initializer,
            dtype=self.dtype_policy,
            name="composition",
        )
        self.output_dim = self.composition.output_dim
        self.code_dim = self.composition.code_dim

    def _make_learner(self, codes: str | KDCodeLearner) -> KDCodeLearner:
        if codes == "learn":
            return KDCodeLearner(
                self.symbols,
                self.K,
                **self._tier_config(),
                dtype=self.dtype_policy,
                name="learner",
            )
        if isinstance(codes, str):
            raise ValueError(
                '`codes` must be None, an (N, D) integer array, "learn" or a '
                f"KDCodeLearner. Received: codes={codes!r}"
            )
        sizes = {
            "input_dim": self.symbols,
            "K": self.K,
            "D": self.D,
            "tiers": self.tiers,
        }
        for name, size in sizes.items():
            if getattr(codes, name) != size:
                raise ValueError(
                    f"A KDCodeLearner must agree with the layer in "
                    f"`{name}` ({size}). Received: "
                    f"{name}={getattr(codes, name)}"
                )
        return codes

    def build(self, input_shape: Any = None) -> None:
        if self.built:  # type: ignore[has-type]
            return
        self.build_codes()
        self.composition.build()
        self.built = True

    def build_codes(self) -> None:
        """Creates the weights that are the codes, or their logits."""
        if self.learner is not None:
            self.learner.build()
            return
        self._codes = self.add_weight(
            shape=(self.symbols, self.D),
            initializer=self._initial_codes,
            dtype=weight_dtype(code_dtype(self.K).name),
            trainable=False,
            autocast=False,  # of the weight: integers stay integers
            name="codes",
        )

    def _initial_codes(self, shape: tuple[int, ...], dtype: Any) -> Any:
        codes = self._given_codes
        if codes is None:
            seed = self.seed
            if seed is None:
                # `keras.utils.set_random_seed` seeds this generator.
                seed = random.randint(0, 2**31 - 1)
            codes = random_codes(shape[0], self.K, self.D, seed)
            if self.tiers is not None:
                codes = self.tiers.cut(codes)
        self._given_codes = None
        return ops.convert_to_tensor(codes, dtype=dtype)

    @property
    def codes(self) -> np.ndarray:
        """The current codes, numpy `(N, D)`, uint8 up to K = 256."""
        if self.learner is not None:
            return self.learner.codes
        if not self.code_source().built:
            self.code_source().build()
        [codes] = self.code_variables()
        return np.array(codes.numpy(), dtype=code_dtype(self.K))

    @codes.setter
    def codes(self, codes: npt.ArrayLike) -> None:
        codes = self._check_codes(codes)
        if self.learner is not None:
            raise ValueError(
                "Only fixed codes can be set; these are learned. Received: "
                f"codes for a {type(self).__name__} with a learner"
            )
        if not self.built:
            self.build()
        [variable] = self.code_variables()
        variable.assign(np.array(codes))  # TensorFlow may share memory

    # Not properties: Keras evaluates these when it saves a layer, and would
    # follow the layer that they return.
    def code_source(self) -> keras.layers.Layer:
        """Returns the layer whose weights the codes are. It may be shared."""
        return self.learner or self

    def learner_in_use(self) -> KDCodeLearner | None:
        """Returns the learner that `call` is to use, if any."""
        return None if looked_up.get() else self.learner

    def codes_of(self, ids: Any) -> Any:
        """Looks codes up: int `(..., D)` for int ids `(...)`."""
        if self.learner is not None:
            return self.learner.codes_of(ids)
        [codes] = self.code_variables()
        return gather_rows(codes, ids)

    def score(self, hidden: Any, training: bool = False) -> Any:
        """Multiplies hidden states by the vectors of all symbols.

        Args:
            hidden: tensor of float, shape `(..., d)`.
            training: bool. Whether learned codes are estimated.

        Returns:
            Tensor of float, shape `(..., N)`: the inner products.
        """
        self.check_hidden(hidden.shape)
        form = self.device_form()
        if form is not None:
            return form.score(hidden)
        learner = self.learner_in_use()
        symbols = ops.arange(self.symbols, dtype="int32")
        if learner is not None:
            codes = learner(symbols, training=training)
        elif self.learner is not None:
            codes = self.codes_of(symbols)
        else:
            [variable] = self.code_variables()
            codes = ops.convert_to_tensor(variable)
        if len(hidden.shape) == 2:
            return self.composition.score(hidden, codes, training)
        flat = ops.reshape(hidden, (-1, hidden.shape[-1]))
        shape = (*ops.shape(hidden)[:-1], self.symbols)
        scores = self.composition.score(flat, codes, training)
        return ops.reshape(scores, shape)

    def check_hidden(self, shape: Any) -> None:
        """Checks the shape of hidden states."""
        if tuple(shape[-1:]) != (self.output_dim,):
            raise ValueError(
                "Hidden states must have the size of a vector, "
                f"{self.output_dim}. Received: shape={tuple(shape)}"
            )

    def device_form(self) -> Any:
        """Returns the layer's form in the graph that is exported, or None."""
        return (device_forms.get() or {}).get(id(self))

    def code_variables(self) -> list[Any]:
        """Returns the variables that hold the codes, or their logits."""
        if self.learner is not None:
            return self.learner.variables
        return [self._codes]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "output_dim": self.output_dim,
            "K": self.K,
            **self._tier_config(),
            "codes": serialize_shared(self.learner) if self.learner else None,
            "composition": self.composition
            if isinstance(self.composition, str)
            else serialize_shared(self.composition),
            "embeddings_initializer": initializers.serialize(
                self.embeddings_initializer
            ),
            "seed": self.seed,
        }

    def _tier_config(self) -> dict[str, Any]:
        """Returns the arguments D and `tiers` of layers like this one."""
        return tier_config(self.D, self.tiers)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "CodedLayer":
        config = dict(config)
        if copied.get() is not None:
            config["codes"] = None  # a learner would make its logits
        for name in ("codes", "composition"):
            if isinstance(config.get(name), dict):
                config[name] = deserialize_shared(config[name])
        return cls(**config)
