"""The list of all compositions, and how `KDEmbedding` makes one by name."""

from typing import Any

from kd_keras.layers.compositions.composition import Composition
from kd_keras.layers.compositions.concat import ConcatComposition
from kd_keras.layers.compositions.linear import LinearComposition
from kd_keras.layers.compositions.lstm import LSTMComposition
from kd_keras.layers.compositions.residual import ResidualComposition

# `codes.sizes.FORMULAS` has a size for each name, `learning.recipes.RECIPES`
# the way to learn it.
COMPOSITIONS: dict[str, type[Composition]] = {
    "linear": LinearComposition,
    "lstm": LSTMComposition,
    "concat": ConcatComposition,
    "residual": ResidualComposition,
}


def make_composition(
    composition: str | Composition,
    K: int,
    D: int,
    output_dim: int,
    code_dim: int | None,
    **options: Any,
) -> Composition:
    """Makes a composition by name, or checks one that is given as a layer.

    Args:
        composition: str, a key of `COMPOSITIONS`; or a `Composition`.
        K, D, output_dim, code_dim: See `Composition`.
        **options: Further arguments of a composition made by name.

    Returns:
        A `Composition`; the given layer itself, if one is given.

    Raises:
        ValueError: If there is no such composition, or if the layer has other
            sizes.
    """
    if not isinstance(composition, Composition):
        check_composition(composition)
        return COMPOSITIONS[composition](K, D, output_dim, code_dim, **options)
    sizes = {"K": K, "D": D, "output_dim": output_dim}
    for name, size in sizes.items():
        if getattr(composition, name) != size:
            raise ValueError(
                "A composition layer must agree with the embedding "
                f"in `{name}` ({size}). Received: "
                f"{name}={getattr(composition, name)}"
            )
    if code_dim not in (None, composition.code_dim):
        raise ValueError(
            "`code_dim` is the composition layer's "
            f"({composition.code_dim}). Received: code_dim={code_dim}"
        )
    return composition


def check_composition(composition: Any) -> None:
    """Checks the name of a composition.

    Args:
        composition: Any object, as a caller passed it.

    Raises:
        ValueError: If it is not a key of `COMPOSITIONS`.
    """
    if not isinstance(composition, str) or composition not in COMPOSITIONS:
        raise ValueError(
            f"`composition` must be one of {', '.join(COMPOSITIONS)} or "
            f"a composition layer. Received: composition={composition!r}"
        )


def name_of(composition: Composition) -> str:
    """Returns a name such as `"linear"`, or the class name if not listed."""
    for name, kind in COMPOSITIONS.items():
        if type(composition) is kind:
            return name
    return type(composition).__name__
