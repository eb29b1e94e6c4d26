"""The inputs of a recipe for learning codes, besides the layer."""

import dataclasses

import numpy as np

from kd_keras.utils.progress_bar import Part


@dataclasses.dataclass(frozen=True)
class Task:
    """Vectors to be coded, and how to go about it.

    Attributes:
        vectors: array of float32, shape `(N, d)`.
        seed: int. Decides every random choice.
        effort: float, 0 to 1,000. How long to search, in units of the default.
        for_others: bool. Whether the composition is learned from a sample, to
            encode other vectors too. Their codes get less search than those of
            a sample could get, so these are searched no longer.
        progress: `Part`, called with (share done, error so far).
    """

    vectors: np.ndarray
    seed: int
    effort: float
    for_others: bool
    progress: Part

    def part(self, begin: float, end: float, effort: float = 1.0) -> "Task":
        """Returns the same task as a part of the work.

        Args:
            begin: float. Share of the work that is done before this part.
            end: float. Share that is done after it.
            effort: float. Effort of this part, relative to the whole.
        """
        return dataclasses.replace(
            self,
            effort=effort * self.effort,
            progress=self.progress.part(begin, end),
        )
