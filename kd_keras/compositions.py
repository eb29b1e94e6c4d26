"""The compositions by name, as `KDEmbedding(composition=...)` takes them."""

from kd_keras.composition import (
    ConcatComposition,
    LinearComposition,
    LSTMComposition,
)
from kd_keras.residual_composition import ResidualComposition

COMPOSITIONS = {
    "linear": LinearComposition,
    "lstm": LSTMComposition,
    "concat": ConcatComposition,
    "residual": ResidualComposition,
}
