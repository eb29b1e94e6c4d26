"""How long to search."""

import numbers

MOST_EFFORT = 1000


def check_effort(effort: float) -> None:
    """Checks how long is to be searched.

    Args:
        effort: number, 0 to 1,000; 1 is the default.

    Raises:
        ValueError: If it is no number or out of this range.
    """
    real = isinstance(effort, numbers.Real) and not isinstance(effort, bool)
    if not (real and 0 <= effort <= MOST_EFFORT):
        raise ValueError(
            f"`effort` must be a number from 0 to {MOST_EFFORT:,}. "
            f"Received: effort={effort!r}"
        )
