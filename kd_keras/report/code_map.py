"""A picture of how often the values of each position are used."""

from collections.abc import Iterable

import numpy as np

from kd_keras.codes.usage import LEVEL_NAMES, usage_levels


def code_map(codes: np.ndarray, K: int) -> str:
    """Draws how often values are used as SVG, one row per position.

    Args:
        codes: array of int, 0 to K-1, shape `(N, D)`.
        K: int, 2 to 65536.

    Returns:
        A str, an `svg` element whose paths have the classes u0 (unused) to u6.
    """
    levels = usage_levels(codes, K)
    D, columns = levels.shape
    label = f"Use of {K} values at each of {codes.shape[1]} positions"
    paths = "".join(
        f'<path class="u{level}" d="{_cells(np.argwhere(levels == level))}"/>'
        for level in range(len(LEVEL_NAMES))
        if (levels == level).any()
    )
    return (
        f'<svg class="map" viewBox="0 0 {columns} {D}" role="img" '
        f'preserveAspectRatio="none" aria-label="{label}">{paths}</svg>'
    )


def _cells(places: Iterable[np.ndarray]) -> str:
    """Returns the SVG path of cells at the given rows and columns."""
    return "".join(f"M{column} {row}h.92v.9h-.92z" for row, column in places)
