"""A layer that calls an embedding once per distinct symbol of a batch."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kd_keras")
class UniqueSymbols(keras.layers.Layer):
    """Calls an embedding once for each distinct symbol of a batch.

    A text repeats its words: about half of 400 tokens are distinct. If a
    vector is expensive to compute, as with the LSTM composition, it pays to
    compose it once and copy it to each place of its symbol. Outputs and
    gradients are those of the embedding itself.

    This works on TensorFlow without XLA. Otherwise shapes must be known before
    the step runs, and the embedding is called on all ids.

    Args:
        embedding: `keras.layers.Layer` from ids `(...)` to vectors `(..., d)`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: tensor of int, any shape. The ids.
        training: bool. Passed on to the embedding.

    Output shape:
        The shape of the inputs, followed by d.
    """

    def __init__(self, embedding: keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.autocast = False  # ids must not be rounded
        self.supports_jit = False
        self.embedding = embedding

    def build(self, input_shape: Any) -> None:
        if not self.embedding.built:
            self.embedding.build(input_shape)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if keras.backend.backend() != "tensorflow":
            return self.embedding(inputs, training=training)
        import tensorflow as tf

        unique, places = tf.unique(tf.reshape(inputs, [-1]))
        vectors = self.embedding(unique, training=training)
        shape = (*ops.shape(inputs), vectors.shape[-1])
        return ops.reshape(tf.gather(vectors, places), shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.embedding.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "embedding": keras.saving.serialize_keras_object(self.embedding)
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "UniqueSymbols":
        embedding = keras.saving.deserialize_keras_object(
            config.pop("embedding")
        )
        return cls(embedding, **config)
