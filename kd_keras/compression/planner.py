"""Chooses forms for the tables of a model within a number of bytes."""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kd_keras.compression.allocate import allocate
from kd_keras.compression.curve import Curve, curve_of
from kd_keras.compression.file_bytes import FileBytes
from kd_keras.compression.file_size import FileSize
from kd_keras.compression.forms import (
    AS_IT_IS,
    CODES,
    CUT,
    CUT_AND_NARROW,
    KINDS,
    NARROW,
    TIERS,
    Form,
)
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.model_tables import LeftAlone, ModelTable
from kd_keras.compression.plan import Alternative, TablePlan
from kd_keras.compression.steps import Arrays, Steps, digest_of
from kd_keras.compression.trial import loss_of_trial
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.progress_bar import Progress, Say, progress_bar

# The ways of which each is tried in the same bytes. In each, tables may also
# stay as they are, and a table that has no such form (an output layer cannot
# be cut) takes any.
BEST = "the best of all for each table"
WAYS = {
    CODES: (CODES,),
    TIERS: (TIERS,),
    CUT: (CUT,),
    NARROW: (NARROW,),
    CUT_AND_NARROW: (CUT, NARROW, CUT_AND_NARROW),
    BEST: KINDS,
}
# Share of the bytes that must turn out to be free for new drafts.
MORE_ROOM = 0.05
ROUNDS = 4  # of writing a file to see what the graph takes
# By so many bytes the file of the same forms may be larger next time, since
# names in it are counted up.
SPARE_BYTES = 16


@dataclasses.dataclass(frozen=True)
class Fitted:
    """Forms of the tables of which the file fits.

    Attributes:
        forms: list of `Form`.
        bytes: int. Those of the file.
        added: int. What it has more than is estimated.
    """

    forms: list[Form]
    bytes: int
    added: int


class Planner:
    """Chooses forms for the tables of one model within a number of bytes."""

    def __init__(
        self,
        model: Any,
        tables: list[ModelTable],
        size: FileSize,
        most: int,
        seed: int,
        verbose: int,
        steps: Steps,
    ) -> None:
        self.steps = steps
        self.model, self.tables, self.size = model, tables, size
        self.most, self.seed, self.verbose = most, seed, verbose
        self.files = FileBytes(model, tables, size)
        self.curves: list[Curve] = []
        self.ways: dict[str, Fitted] = {}

    def draft(self) -> None:
        """Estimates the curve of each table."""
        room = max(0, self.most - self.files.of_others())
        # Not to the byte: names in a file may differ from run to run.
        room -= room % 256
        count = len(self.tables)
        self.curves = []
        with progress_bar("Drafting codes", self.verbose) as progress:
            for i, table in enumerate(self.tables):
                part = progress.part(i / count, (i + 1) / count)
                drafted = functools.partial(self._curve_of, table, room, part)
                found = self.steps.run(f"draft-{i}-{room}", drafted)
                self.curves.append(Curve.from_arrays(found))

    def _curve_of(self, table: ModelTable, room: int, part: Progress) -> Arrays:
        quantization = self.size.quantization
        found = curve_of(table, quantization, room, self.seed, part)
        return found.to_arrays()

    def forms_of(self, kinds: Sequence[str]) -> list[Form] | None:
        """Chooses forms of some kinds; other tables stay as they are."""
        curves = []
        for curve in self.curves:
            some = curve.of_kinds((*kinds, AS_IT_IS))
            curves.append(some if len(some.forms) > 1 else curve)
        return allocate(curves, self.most - self.files.of_others())

    def errors_of(self, forms: Sequence[Form]) -> list[float]:
        return [
            float(curve.errors[curve.forms.index(form)])
            for form, curve in zip(forms, self.curves, strict=True)
        ]

    def fit(
        self, forms: list[Form], kinds: Sequence[str], rounds: int = ROUNDS
    ) -> tuple[list[Form], int] | None:
        """Changes forms until the file that they make fits.

        Returns:
            `(forms, bytes)` with the least error that fits, or None.
        """
        best, least = None, math.inf
        for _ in range(rounds):
            total = self.files.written(forms)
            missing = self.files.missing(forms, total)
            error = sum(self.errors_of(forms))
            fits = total <= self.most
            self.files.added += missing if fits else max(0, missing)
            if fits and error < least:
                best, least = (forms, total), error
            again = self.forms_of(kinds)
            if again is None or again == forms:
                break
            forms = again
        return best

    def _fit_best(self) -> tuple[list[Form], int] | None:
        first = self.forms_of(KINDS)
        return None if first is None else self.fit(first, KINDS)

    def smaller(
        self, forms: list[Form], total: int, way: str
    ) -> tuple[str, list[Form]] | None:
        """Chooses forms anew if a file has turned out to be too large.

        How finely the matrices of a model must be rounded depends on their
        values, so learned and trained ones may take more bytes than planned.
        From now on, files are estimated to be larger by what was missing.

        Args:
            forms: list of `Form` of the file.
            total: int. Its bytes.
            way: str. One of `WAYS`, the way of the plan.

        Returns:
            `(way, forms)`, of `BEST` if that way has none; or None.
        """
        self.files.added += self.files.missing(forms, total)
        for other in (way, BEST):
            found = self.forms_of(WAYS[other])
            if found is not None:
                return other, found
        return None

    def compare(
        self,
        data: ModelData | None,
        validation: ModelData | None,
        say: Say,
        left: Sequence[LeftAlone] = (),
    ) -> list[Alternative]:
        """Compares the ways, by a short training if there are data.

        Args:
            data, validation: `ModelData` or None.
            say: Called with a line of text at the start of each trial.
            left: list of `LeftAlone`, for an error.

        Returns:
            list of `Alternative`. Their files fit.

        Raises:
            BadInputError: If none does.
        """
        fitted = self._fit_best() or self._smallest(left)
        if self.files.added < -MORE_ROOM * self.most:
            # The graph without the tables is smaller than with them, so there
            # is room for codes that have not been drafted.
            before = self.curves, self.files.added
            self.draft()
            if (again := self._fit_best()) is not None:
                fitted = again
            else:  # their curves know these forms
                self.curves, self.files.added = before
        self._fit_ways(fitted)
        alternatives = []
        some = len(self.ways) > 1  # one alone needs no trial
        for way, found in self.ways.items():
            loss = None
            if data is not None and validation is not None and some:
                loss = self._loss(way, found.forms, data, validation, say)
            error = sum(self.errors_of(found.forms))
            alternatives.append(Alternative(way, found.bytes, error, loss))
        return alternatives

    def _fit_ways(self, best: tuple[list[Form], int]) -> None:
        """Finds forms of each way of which the file fits."""
        added = self.files.added
        for way, kinds in WAYS.items():
            self.files.added = added
            found = best[0] if way == BEST else self.forms_of(kinds)
            if found is None:
                continue
            is_best = found == best[0]
            fitted = best if is_best else self.fit(found, kinds, rounds=2)
            if fitted is None:
                continue
            forms, total = fitted
            known = any(x.forms == forms for x in self.ways.values())
            if not known and any(form.kind in kinds for form in forms):
                self.ways[way] = Fitted(forms, total, self.files.added)
        if not self.ways:
            self.ways[BEST] = Fitted(*best, added)

    def choose(self, way: str) -> tuple[list[Form], int]:
        """Returns the forms of a way, and the bytes of their file."""
        found = self.ways[way]
        self.files.added = found.added
        # None if their errors are no numbers.
        fitted = self.fit(found.forms, WAYS[way])
        return fitted or (found.forms, found.bytes)

    def _loss(
        self,
        way: str,
        forms: list[Form],
        data: ModelData,
        validation: ModelData,
        say: Say,
    ) -> float:
        def tried() -> Arrays:
            say(f"Trying {way}")
            tables, seed = self.tables, self.seed
            found = loss_of_trial(
                self.model, tables, forms, data, validation, seed
            )
            return {"loss": np.array(found)}

        name = f"trial-{digest_of(repr(forms))}"
        return float(self.steps.run(name, tried)["loss"])

    def table_plans(self, forms: Sequence[Form]) -> list[TablePlan]:
        now = self.files.of_tables([Form()] * len(forms))
        rows = zip(
            self.tables, forms, now, self.files.of_tables(forms),
            self.errors_of(forms), strict=True,
        )  # fmt: skip
        return [
            TablePlan(
                table.name, table.kind, *table.shape, form, before, after,
                error / table.cost, table.weights is not None,
            )
            for table, form, before, after, error in rows
        ]  # fmt: skip

    def _smallest(self, left: Sequence[LeftAlone]) -> tuple[list[Form], int]:
        """Returns the smallest forms and the bytes of their file.

        Raises:
            BadInputError: If even this file is too large.
        """
        forms = [x.forms[int(x.bytes.argmin())] for x in self.curves]
        total = self.files.written(forms)
        if total > self.most:
            rest = total - sum(self.files.of_tables(forms))
            raise BadInputError(self._too_small(total, rest, left))
        self.files.added += self.files.missing(forms, total)
        return forms, total

    def _too_small(
        self, least: int, rest: int, left: Sequence[LeftAlone]
    ) -> str:
        other = sum(x.numbers for x in left)
        return (
            f"The budget must be at least {least + SPARE_BYTES:,} bytes, of "
            f"which {rest:,} are not tables that can be made small"
            + (
                f" ({other:,} weights of tables are left alone)"
                if other
                else ""
            )
            + f". Received: budget={self.most:,} bytes"
        )
