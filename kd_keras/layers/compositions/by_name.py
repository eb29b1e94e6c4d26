"""The compositions by name, as `KDEmbedding(composition=...)` takes them."""

from kd_keras.layers.compositions.concat import ConcatComposition
from kd_keras.layers.compositions.linear import LinearComposition
from kd_keras.layers.compositions.lstm import LSTMComposition
from kd_keras.layers.compositions.residual import ResidualComposition

COMPOSITIONS = {
    "linear": LinearComposition,
    "lstm": LSTMComposition,
    "concat": ConcatComposition,
    "residual": ResidualComposition,
}
