"""The scale and the offset of a scaled composition."""

from typing import Any

import numpy as np

from kd_keras.layers.compositions.composition import Composition


def add_scale(composition: Composition) -> None:
    """Makes a composition that is not built yet a scaled one.

    Args:
        composition: `Composition`. It is changed in place.

    Raises:
        ValueError: If it is built and not scaled.
    """
    if composition.built and not composition.scaled:
        raise ValueError(
            "A composition layer that is built must have been made with "
            "`scaled=True`, so that it can be learned for vectors of any "
            f"scale. Received: {composition!r}, built, with scaled=False"
        )
    composition.scaled = True


def set_scale(composition: Composition, scale: float = 1.0) -> None:
    """Sets the output scale of a composition, and its offset to zero."""
    composition.output_scale.assign(scale)
    composition.output_offset.assign(np.zeros(composition.output_dim))


def rescale(composition: Composition, scale: float, offset: Any) -> None:
    """Makes a composition compute `scale * v + offset` instead of v.

    Args:
        composition: `Composition`, built and scaled. It is changed in place.
        scale: float.
        offset: array of float, shape `(d,)`.
    """
    before = np.asarray(composition.output_offset.numpy(), np.float64)
    composition.output_scale.assign(
        scale * float(composition.output_scale.numpy())
    )
    composition.output_offset.assign(scale * before + offset)
