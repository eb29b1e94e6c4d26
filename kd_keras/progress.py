"""How work tells how far it is."""

from collections.abc import Callable

# Called with the share that is done, 0 to 1, and the mean squared error so far.
Progress = Callable[[float, float], None]
