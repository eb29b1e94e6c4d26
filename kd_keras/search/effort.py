"""The effort of a search."""

import numbers

MOST_EFFORT = 1000


def check_effort(effort: float) -> None:
    """Checks the effort of a search.

    Args:
        effort: float, 0 to 1,000. How long to search; 1 is the default.

    Raises:
        ValueError: If it is not a number or out of range.
    """
    real = isinstance(effort, numbers.Real) and not isinstance(effort, bool)
    if not (real and 0 <= effort <= MOST_EFFORT):
        raise ValueError(
            f"`effort` must be a number from 0 to {MOST_EFFORT:,}. "
            f"Received: effort={effort!r}"
        )
