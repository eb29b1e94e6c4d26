"""Code embeddings side by side, as in product quantisation."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kd_keras.layers.compositions.composition import Composition, Tables


@keras.saving.register_keras_serializable(package="kd_keras")
class ConcatComposition(Composition):
    """Puts the code embeddings side by side: D slices of size d / D.

    This is what product quantisers do. Nothing is added or multiplied, so it
    is the cheapest composition on a device.

    Args, call arguments and output shape: see `Composition`. `output_dim`
    must be a multiple of D, and `code_dim` is `output_dim / D`.

    Example:

    >>> import numpy as np
    >>> from kd_keras import ConcatComposition
    >>> layer = ConcatComposition(K=4, D=2, output_dim=8)
    >>> print(layer(np.array([[0, 3]])).shape)
    (1, 8)

    References:
        [Jegou, Douze and Schmid, 2011](https://doi.org/10.1109/TPAMI.2010.57)
    """

    def __init__(
        self,
        K: int,
        D: int,
        output_dim: int,
        code_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(K, D, output_dim, code_dim, **kwargs)
        if output_dim % D:
            raise ValueError(
                "The concat composition needs an `output_dim` that D divides. "
                f"Received: output_dim={output_dim}, D={D}"
            )
        if self.code_dim * D != output_dim:
            raise ValueError(
                "The code_dim of the concat composition is output_dim / D = "
                f"{output_dim // D}. Received: code_dim={code_dim}"
            )

    def default_code_dim(self) -> int:
        return self.output_dim // self.D

    def has_own_scale(self) -> bool:
        return True

    def compose(self, embedded: Any) -> Any:
        return ops.reshape(
            embedded, (*ops.shape(embedded)[:-2], self.output_dim)
        )

    def compose_on_device(self, embedded: Any) -> Any:
        return ops.reshape(embedded, (-1, self.output_dim))

    def tables(self) -> Tables:
        rows = np.asarray(self.code_embeddings.numpy(), np.float32)
        return Tables("slices", rows)
