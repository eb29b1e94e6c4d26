import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kd_keras")
class UniqueSymbols(keras.layers.Layer):
    """Calls an embedding once for every different symbol of a batch.

    A text repeats its words: of 400 tokens about half are different. Where a
    vector is dear, as with the LSTM composition, it is composed once and
    copied to where its symbol stands. The outputs and gradients are those of
    the embedding itself.

    On TensorFlow without XLA. Elsewhere shapes must be known before the step
    runs, and the embedding is called on all ids.

    Args:
        embedding: Layer from ids `(...)` to vectors `(..., d)`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.
    """

    def __init__(self, embedding, **kwargs):
        super().__init__(**kwargs)
        self.autocast = False  # ids must not be rounded
        self.supports_jit = False
        self.embedding = embedding

    def build(self, input_shape):
        if not self.embedding.built:
            self.embedding.build(input_shape)
        self.built = True

    def call(self, inputs, training=False):
        if keras.backend.backend() != "tensorflow":
            return self.embedding(inputs, training=training)
        import tensorflow as tf

        unique, places = tf.unique(tf.reshape(inputs, [-1]))
        vectors = self.embedding(unique, training=training)
        shape = (*ops.shape(inputs), vectors.shape[-1])
        return ops.reshape(tf.gather(vectors, places), shape)

    def compute_output_shape(self, input_shape):
        return self.embedding.compute_output_shape(input_shape)

    def get_config(self):
        return super().get_config() | {
            "embedding": keras.saving.serialize_keras_object(self.embedding)
        }

    @classmethod
    def from_config(cls, config):
        embedding = keras.saving.deserialize_keras_object(
            config.pop("embedding")
        )
        return cls(embedding, **config)
