"""The inputs of a recipe for learning codes, besides the layer."""

import dataclasses

import numpy as np

from kd_keras.search.methods.weighted_rows import Weights
from kd_keras.utils.power_of_two import power_of_two
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
        weights: array of float32, shape `(N,)`, positive, with mean 1, or
            None. How many times the error of each vector counts.
        lengths: array of int, shape `(N,)`, or None. Number of positions of
            each vector's code, see `Tiers`; None if all have D.
        unit: float. What the recipe must multiply the vectors by that its
            composition makes. It is a power of two, so this changes no digit.
    """

    vectors: np.ndarray
    seed: int
    effort: float
    for_others: bool
    progress: Part
    weights: Weights = None
    lengths: np.ndarray | None = None
    unit: float = 1.0

    @classmethod
    def near_one(
        cls,
        vectors: np.ndarray,
        seed: int,
        effort: float,
        for_others: bool,
        progress: Part,
        weights: Weights = None,
        lengths: np.ndarray | None = None,
    ) -> "Task":
        """Returns a task of which the largest value is between 0.5 and 1.

        In float32, the squares of 1e20 overflow, and those of 1e-20 are 0.
        """
        unit = power_of_two(vectors)
        return cls(
            vectors / np.float32(unit),
            seed,
            effort,
            for_others,
            Part(lambda done, error: progress(done, error * unit**2)),
            weights,
            lengths,
            unit,
        )

    def standardised(self) -> tuple["Task", float, np.ndarray]:
        """Returns a task of vectors with zero mean and unit variance.

        A step of Adam is then equally large for every table.

        Returns:
            `(task, scale, offset)`: the composition that was learned for the
            task must be made to compute `scale * v + offset` instead of v. The
            offset is an array of float64, shape `(d,)`.
        """
        mean = self.vectors.mean(axis=0, dtype=np.float64)
        rows = self.vectors - mean
        scale = float(np.sqrt(np.square(rows).mean())) or 1.0
        task = dataclasses.replace(
            self,
            vectors=(rows / scale).astype(np.float32),
            progress=Part(
                lambda done, error: self.progress(done, error * scale**2)
            ),
            unit=1.0,
        )
        return task, scale * self.unit, mean * self.unit

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
