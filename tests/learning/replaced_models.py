"""Models and layers for the tests of `replace_layers`."""

import keras
import numpy as np
from keras import layers

import kd_keras

N, SIZE, STEPS = 40, 6, 5
IDS = np.random.default_rng(0).integers(0, N, (3, STEPS))


def table(**options):
    return layers.Embedding(N, SIZE, name="words", **options)


def exact(layer):
    """Returns a `KDEmbedding` that rebuilds a table to the last bit.

    Each symbol has a value of its own, so the code embeddings are the table.
    """
    if not layer.built:
        layer.build()
    coded = kd_keras.KDEmbedding(
        N,
        SIZE,
        K=N,
        D=1,
        codes=np.arange(N)[:, None],
        mask_zero=layer.mask_zero,
        dtype=layer.dtype_policy,
    )
    coded.build()
    coded.composition.set_weights([np.array(layer.get_weights())])
    return coded


def sequential():
    return keras.Sequential(
        [keras.Input((STEPS,)), table(mask_zero=True), layers.LSTM(4)]
    )


def functional():
    ids = keras.Input((STEPS,), dtype="int32")
    other = keras.Input((2,))
    hidden = layers.GlobalAveragePooling1D()(table(mask_zero=True)(ids))
    return keras.Model([ids, other], layers.Dense(3)(hidden) + other[:, :1])


def nested():
    ids = keras.Input((STEPS,), dtype="int32")
    encoder = keras.Sequential([table(), layers.Dense(4)], name="encoder")
    return keras.Model(ids, layers.Dense(2)(encoder(ids)))


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    def __init__(self, words, **kwargs):
        super().__init__(**kwargs)
        self.words = words
        self.out = layers.Dense(2)

    def call(self, ids):
        return self.out(self.words(ids))

    def get_config(self):
        return super().get_config() | {
            "words": keras.saving.serialize_keras_object(self.words)
        }

    @classmethod
    def from_config(cls, config):
        words = keras.saving.deserialize_keras_object(config.pop("words"))
        return cls(words, **config)


@keras.saving.register_keras_serializable(package="tests")
class Scaled(Subclassed):
    """Has a weight that is in no layer of it."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(), initializer="ones")
        self.out.build((*shape, self.words.output_dim))
        self.built = True

    def call(self, ids):
        return self.scale * super().call(ids)


def words_of(model):
    [found] = [x for x in model._flatten_layers() if x.name == "words"]
    return found
