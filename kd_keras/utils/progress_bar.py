"""A progress bar that shows the share done and the current error."""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich import progress as rich_progress
from rich.console import Console

# Called with the share that is done, 0 to 1, and the current error, which is
# NaN if there is none.
Progress = Callable[[float, float], None]
# Called with a line of text at the start of each step of a command.
Say = Callable[[str], object]


@dataclass(frozen=True)
class Part:
    """Progress of a part of the work, shown as part of the whole bar.

    Call it with the share of this part that is done, 0 to 1, and the error.

    Attributes:
        report: Function of the share of the whole that is done and the error.
        begin: float, 0 to 1. Share of the whole that comes before this part.
        end: float, 0 to 1. Share of the whole when this part is done.
    """

    report: Callable[[float, float], None]
    begin: float = 0.0
    end: float = 1.0

    def __call__(self, done: float, error: float) -> None:
        self.report(self.begin + done * (self.end - self.begin), error)

    def part(self, begin: float, end: float) -> "Part":
        """Returns a part of this part, from share `begin` to share `end`."""
        return Part(self, begin, end)


@contextlib.contextmanager
def progress_bar(description: str, verbose: int) -> Iterator[Part]:
    """Shows a progress bar while the body runs.

    Args:
        description: str. Text before the bar.
        verbose: int. 0 shows nothing.

    Yields:
        A `Part` that is the whole of the work.
    """
    if not verbose:
        yield Part(lambda done, error: None)
        return
    with rich_progress.Progress(
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.TaskProgressColumn(),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TimeRemainingColumn(),
        rich_progress.TextColumn("{task.fields[error]}"),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task(description, total=1.0, error="")

        def report(done: float, error: float) -> None:
            told = "" if math.isnan(error) else f"error {error:.4g}"
            bar.update(task, completed=done, error=told)

        yield Part(report)
        bar.update(task, completed=1.0)
