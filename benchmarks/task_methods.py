"""What makes the tables of a task small: ours, and what others would do.

Each method returns a trained model. All train for the same number of epochs:
`FIRST`, and `MORE` after the tables have been replaced, or all at once.
"""

import keras
import numpy as np
from keras import layers, ops

import kd_keras

FIRST, MORE = 6, 3
EFFORT = 0.3
TUNED = 0.6  # of `compress`: as many epochs as `MORE`
RECIPES = {4: "dynamic_wi4_afp32", 2: "dynamic_wi2c_afp32"}


def table(task, seed):
    if "table" not in task.kept:
        task.kept["table"] = _from_the_start(task, _embedding)
    return task.kept["table"]


def rounded(task, seed, bits):
    """Google's ai-edge-quantizer for the tables, scales by its OCTAV.

    It leaves Keras' look-ups alone (see `chart_methods.quantizer`), so the
    tables are rounded apart. Returns the model, and how many bytes they take
    less than in int8 by the converter, which has one scale for a table.
    """
    from chart_methods import lookup_file, quantizer

    whole = table(task, seed)
    model = keras.models.clone_model(whole)
    model.set_weights(whole.get_weights())
    model.compile_from_config(whole.get_compile_config())
    saved = 0
    for t in task.tables:
        layer = model.get_layer(t.name)
        [vectors] = layer.get_weights()
        size, rebuilt = quantizer(vectors, RECIPES[bits], "OCTAV")
        layer.set_weights([rebuilt])
        operator = len(lookup_file(vectors)) - vectors.nbytes
        saved += vectors.size - (size - operator)
    return model, saved


def smaller(task, seed, d):
    """Vectors of size d; trained vectors are cut to their main directions."""

    def layer(t):
        start = t.start
        if start is not None:
            directions = np.linalg.svd(start, full_matrices=False)[2]
            start = start @ directions[:d].T
        return _embedding(t, d=d, start=start)

    return _from_the_start(task, layer)


def cut(task, seed, share):
    """Only the most frequent symbols have vectors; others share one."""
    return _from_the_start(
        task, lambda t: Mapped(_embedding(t, N=_kept(t, share)), "cut")
    )


def hashing(task, seed, share):
    return _from_the_start(
        task,
        lambda t: Mapped(
            _embedding(t, N=_kept(t, share), start=None), "remainder"
        ),
    )


def quotient_remainder(task, seed, share):
    """Shi et al., "Compositional embeddings", KDD 2020: a product of two."""
    return _from_the_start(
        task, lambda t: Product(t.N, _kept(t, share), t.d, name=t.name)
    )


def low_rank(task, seed, rank):
    """The best product of two matrices, tuned."""

    def layer(t, trained):
        left, strengths, right = np.linalg.svd(trained, full_matrices=False)
        made = LowRank(t.N, rank, t.d)
        made.build()
        made.matrix.assign(right[:rank])
        made.narrow.set_weights([left[:, :rank] * strengths[:rank]])
        return made

    small = _replaced(task, seed, layer)
    task.fit(small, MORE)
    return small


def random_codes(task, seed, K, D):
    return _from_the_start(
        task,
        lambda t: kd_keras.KDEmbedding(t.N, t.d, K, D, seed=seed, name=t.name),
    )


def codes(task, seed, K, D, code_dim=None, counted=True, tiers=None):
    """Codes of the trained tables, tuned. D and tiers may have shares of N."""
    small = _coded(task, seed, K, D, code_dim, counted, tiers)
    task.fit(small, MORE)
    return small


def unfrozen(task, seed, K, D, last_rate=None):
    """Codes of the trained tables that go on learning, then frozen again.

    With `last_rate` as the learning rate of the last epoch, whose Adam is new.
    """
    model = kd_keras.unfreeze(_coded(task, seed, K, D))
    task.fit(model, MORE - 1)
    small = kd_keras.freeze(model)
    small.compile_from_config(model.get_compile_config())
    if last_rate is not None:
        small.optimizer.learning_rate = last_rate
    task.fit(small, 1)
    return small


def _coded(task, seed, K, D, code_dim=None, counted=True, tiers=None):
    def layer(t, trained):
        ends = tiers and tuple(max(K, int(share * t.N)) for share in tiers)
        if ends and (ends[-1] >= t.N or sorted(set(ends)) != list(ends)):
            ends = None  # a table that is too small for tiers
        return kd_keras.learn_codes(
            trained,
            K,
            D if ends or not tiers else D[0],
            code_dim=code_dim,
            seed=seed,
            verbose=0,
            effort=EFFORT,
            weights=np.sqrt(t.counts) if counted else None,
            tiers=ends or None,
        )

    return _replaced(task, seed, layer)


def learned(task, seed, K, D, code_dim=None):
    """Codes learned in the task from the start, then frozen and tuned."""
    model = task.build(
        {
            t.name: kd_keras.KDEmbedding(
                t.N, t.d, K, D, "learn", code_dim=code_dim, name=t.name
            )
            for t in task.tables
        }
    )
    task.fit(model, FIRST)
    small = kd_keras.freeze(model)
    small.compile_from_config(model.get_compile_config())
    task.fit(small, MORE)
    return small


def trained(task, seed):
    """Returns the model that is made small, trained once for all methods."""
    if "trained" not in task.kept:
        keras.utils.set_random_seed(seed)
        model = task.build({t.name: _embedding(t) for t in task.tables})
        task.fit(model, FIRST)
        task.kept["trained"] = model
    return task.kept["trained"]


METHODS = {
    f.__name__: f
    for f in (
        table,
        smaller,
        cut,
        hashing,
        quotient_remainder,
        low_rank,
        random_codes,
        codes,
        unfrozen,
        learned,
        rounded,
    )
}


def _kept(t, share):
    return max(2, int(share * t.N))


def _embedding(t, N=None, d=None, start="its own"):
    if isinstance(start, str):
        start = t.start
    N, d = N or t.N, d or t.d
    layer = layers.Embedding(N, d, name=t.name)
    layer.build()
    if start is not None:
        layer.set_weights([start[:N]])
    return layer


def _from_the_start(task, layer):
    model = task.build({t.name: layer(t) for t in task.tables})
    task.fit(model, FIRST + MORE)
    return model


def _replaced(task, seed, layer):
    model = trained(task, seed)
    keras.utils.set_random_seed(seed)
    made = {
        t.name: layer(t, model.get_layer(t.name).get_weights()[0])
        for t in task.tables
    }
    return kd_keras.replace_layers(model, made)


class Mapped(layers.Layer):
    """A table whose ids are cut or hashed."""

    def __init__(self, inner, how):
        super().__init__(name=inner.name)
        self.inner, self.how = inner, how

    def call(self, ids):
        N = self.inner.input_dim
        if self.how == "cut":
            return self.inner(ops.minimum(ids, N - 1))
        return self.inner(ops.mod(ids, N))


class Product(layers.Layer):
    """The product of the vectors of an id's quotient and its remainder."""

    def __init__(self, N, bins, d, **kwargs):
        super().__init__(**kwargs)
        self.bins = bins
        self.quotients = layers.Embedding(-(-N // bins), d, "ones")
        self.remainders = layers.Embedding(bins, d)

    def call(self, ids):
        return self.quotients(ops.floor_divide(ids, self.bins)) * (
            self.remainders(ops.mod(ids, self.bins))
        )


@keras.saving.register_keras_serializable(package="benchmarks")
class LowRank(layers.Layer):
    """A narrow table and a matrix."""

    def __init__(self, N, rank, d, **kwargs):
        super().__init__(**kwargs)
        self.sizes = N, rank, d
        self.narrow = layers.Embedding(N, rank, name="narrow")

    def build(self, shape=None):
        self.narrow.build()
        self.matrix = self.add_weight(shape=self.sizes[1:], name="matrix")
        self.built = True

    def call(self, ids):
        return self.narrow(ids) @ self.matrix

    def get_config(self):
        sizes = dict(zip(("N", "rank", "d"), self.sizes, strict=True))
        return super().get_config() | sizes
