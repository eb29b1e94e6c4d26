import contextlib
import random

import keras
import numpy as np
from keras import initializers, ops

from kd_keras.codes.checks import check_codes, check_kd, code_dtype
from kd_keras.codes.random_codes import random_codes
from kd_keras.layers.compositions.by_name import COMPOSITIONS
from kd_keras.layers.compositions.code_search import encode
from kd_keras.layers.compositions.composition import Composition
from kd_keras.layers.gather import gather_rows, integer_ids, nan_out_of_range
from kd_keras.layers.kd_code_learner import KDCodeLearner
from kd_keras.search.effort import check_effort
from kd_keras.vectors.checks import check_rows

_fixing_codes = False


@contextlib.contextmanager
def codes_fixed_in_copies():
    """Makes every `KDEmbedding` built inside hold fixed codes.

    `freeze` copies a model through its configuration; this is how the copies
    of layers that learn their codes come out fixed, also where a subclassed
    model writes `codes="learn"` into its own `__init__`.
    """
    global _fixing_codes
    _fixing_codes = True
    try:
        yield
    finally:
        _fixing_codes = False


@keras.saving.register_keras_serializable(package="kd_keras")
class KDEmbedding(keras.layers.Layer):
    """Turns ids into vectors by way of K-way D-dimensional codes.

    Stands where `keras.layers.Embedding` stood. Each symbol has a code of D
    small integers; its vector is composed from D code embeddings. There is no
    `(input_dim, output_dim)` table and no `embeddings` attribute: call the
    layer on ids. Ids out of range behave as in `keras.layers.Embedding`.

    Others call K the codebook size and D the number of codebooks.

    Args:
        input_dim: Integer. Number of symbols N, i.e. largest id + 1.
        output_dim: Integer. Size d of a vector.
        K: Integer, 2 to 65,536. Number of values of a code position.
        D: Integer, at least 1. Number of code positions.
        codes: None for random fixed codes; an integer array `(N, D)` for
            given fixed codes; `"learn"`, or a `KDCodeLearner`, for codes that
            are learned while the layer trains. Fixed codes are weights: they
            are saved with the model, not in its configuration.
        composition: `"linear"` or `"lstm"` (the paper's two), `"concat"`,
            `"residual"`, or a composition layer.
        code_dim: Integer or None. Size d' of a code embedding. None:
            `output_dim`, or `output_dim / D` for concat.
        mask_zero: Boolean. Whether id 0 is padding to be masked.
        embeddings_initializer: Initializer of the code embeddings.
        seed: Integer or None. Seed of random codes.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Integer tensor of ids, any shape `(...)`.

    Output shape:
        `(..., output_dim)`.

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
        input_dim,
        output_dim,
        K=16,
        D=32,
        codes=None,
        composition="linear",
        code_dim=None,
        mask_zero=False,
        embeddings_initializer="uniform",
        seed=None,
        **kwargs,
    ):
        K, D = check_kd(K, D)
        if not isinstance(input_dim, int) or input_dim < 1:
            raise ValueError(
                "`input_dim` must be a positive integer. "
                f"Received: input_dim={input_dim!r}"
            )
        super().__init__(**kwargs)
        # Ids given as floats must not be rounded to the compute dtype.
        self.autocast = False
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.K = K
        self.D = D
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.seed = seed
        self.composition = self._make_composition(composition, code_dim)
        self.code_dim = self.composition.code_dim
        self.learner = None
        self.device_form = None  # while the layer is traced for an export
        self._given_codes = None
        if codes is None:
            pass
        elif isinstance(codes, (KDCodeLearner, str)):
            learner = self._make_learner(codes)
            self.learner = None if _fixing_codes else learner
        else:
            self._given_codes = check_codes(codes, K, D, input_dim)

    def _make_composition(self, composition, code_dim):
        if isinstance(composition, Composition):
            for name in ("K", "D", "output_dim"):
                if getattr(composition, name) != getattr(self, name):
                    raise ValueError(
                        "A composition layer must agree with the embedding "
                        f"in `{name}` ({getattr(self, name)}). Received: "
                        f"{name}={getattr(composition, name)}"
                    )
            if code_dim not in (None, composition.code_dim):
                raise ValueError(
                    "`code_dim` is the composition layer's "
                    f"({composition.code_dim}). Received: code_dim={code_dim}"
                )
            return composition
        if composition not in COMPOSITIONS:
            raise ValueError(
                f"`composition` must be one of {', '.join(COMPOSITIONS)} or "
                f"a composition layer. Received: composition={composition!r}"
            )
        return COMPOSITIONS[composition](
            self.K,
            self.D,
            self.output_dim,
            code_dim,
            embeddings_initializer=self.embeddings_initializer,
            dtype=self.dtype_policy,
            name="composition",
        )

    def _make_learner(self, codes):
        if codes == "learn":
            return KDCodeLearner(
                self.input_dim,
                self.K,
                self.D,
                dtype=self.dtype_policy,
                name="learner",
            )
        if isinstance(codes, str):
            raise ValueError(
                '`codes` must be None, an (N, D) integer array, "learn" or a '
                f"KDCodeLearner. Received: codes={codes!r}"
            )
        for name in ("input_dim", "K", "D"):
            if getattr(codes, name) != getattr(self, name):
                raise ValueError(
                    f"A KDCodeLearner must agree with the embedding in "
                    f"`{name}` ({getattr(self, name)}). Received: "
                    f"{name}={getattr(codes, name)}"
                )
        return codes

    def build(self, input_shape=None):
        if self.built:  # type: ignore[has-type]
            return
        if self.learner is not None:
            self.learner.build()
        else:
            self._codes = self.add_weight(
                shape=(self.input_dim, self.D),
                initializer=self._initial_codes,
                dtype=code_weight_dtype(self.K),
                trainable=False,
                autocast=False,  # of the weight: integers stay integers
                name="codes",
            )
        self.composition.build()
        self.built = True

    def _initial_codes(self, shape, dtype):
        codes = self._given_codes
        if codes is None:
            seed = self.seed
            if seed is None:
                # What `keras.utils.set_random_seed` seeds.
                seed = random.randint(0, 2**31 - 1)
            codes = random_codes(shape[0], self.K, self.D, seed)
        self._given_codes = None
        return ops.convert_to_tensor(codes, dtype=dtype)

    def call(self, inputs, training=False):
        if self.device_form is not None:
            return self.device_form(inputs)
        if self.learner is not None:
            return self.composition(self.learner(inputs, training=training))
        ids = integer_ids(inputs, self.input_dim)
        vectors = self.composition(gather_rows(self._codes, ids))
        return nan_out_of_range(vectors, ids, self.input_dim)

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.output_dim)

    @property
    def codes(self):
        """The current codes, numpy `(N, D)`, uint8 up to K = 256."""
        if not self.built:
            self.build()
        if self.learner is not None:
            return self.learner.codes
        return np.array(self._codes.numpy(), dtype=code_dtype(self.K))

    @codes.setter
    def codes(self, codes):
        codes = check_codes(codes, self.K, self.D, self.input_dim)
        if self.learner is not None:
            raise ValueError(
                "Only fixed codes can be set; these are learned. Received: "
                "codes for a KDEmbedding with a learner"
            )
        if not self.built:
            self.build()
        self._codes.assign(codes)

    def encode(self, vectors, seed=0, effort=1.0):
        """Finds codes of vectors not seen before, the composition fixed.

        With them a vocabulary can grow without learning anything again: the
        vectors of the new codes are `composition(codes)`, and
        `kd_keras.grow_embedding` gives a layer that has them too.

        Args:
            vectors: Array `(M, output_dim)`, finite. A memory map may be
                larger than memory: it is read block by block.
            seed: Integer. Decides the search.
            effort: Float, 0 to 1,000. How long to search, in units of the
                default.

        Returns:
            Codes, numpy `(M, D)`, uint8 up to K = 256, else uint16. A row's
            depend on its block of 16,384 rows only.
        """
        check_effort(effort)
        vectors = check_rows(vectors)
        if vectors.shape[1] != self.output_dim:
            raise ValueError(
                f"The vectors must have output_dim={self.output_dim} columns. "
                f"Received: shape={vectors.shape}"
            )
        if not self.built:
            self.build()
        return encode(self, vectors, seed, effort)

    def get_config(self):
        return super().get_config() | {
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "K": self.K,
            "D": self.D,
            "codes": _serialize_shared(self.learner) if self.learner else None,
            "composition": _serialize_shared(self.composition),
            "mask_zero": self.mask_zero,
            "embeddings_initializer": initializers.serialize(
                self.embeddings_initializer
            ),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("codes", "composition"):
            if isinstance(config[name], dict):
                config[name] = keras.saving.deserialize_keras_object(
                    config[name]
                )
        return cls(**config)


def _serialize_shared(layer):
    """Serializes a layer that other layers may hold too.

    Keras marks an object that it meets twice, but not inside a layer's
    configuration; without the mark a saved model could not be loaded again.
    """
    config = keras.saving.serialize_keras_object(layer)
    return config | {"shared_object_id": id(layer)}


def code_weight_dtype(K: int) -> str:
    """Gives the dtype of a weight of codes: the smallest that can be held.

    That is `code_dtype(K)`, but under a `MultiWorkerMirroredStrategy` int32:
    the workers send each other the first value of every weight, for which
    TensorFlow has no 8 or 16 bit integers. Saved models do not care: a layer
    built elsewhere loads the same codes into its own type.

    Args:
        K: Integer, values of a position.

    Returns:
        String, name of a dtype.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if isinstance(
            tf.distribute.get_strategy(),
            tf.distribute.MultiWorkerMirroredStrategy,
        ):
            return "int32"
    return str(code_dtype(K).name)
