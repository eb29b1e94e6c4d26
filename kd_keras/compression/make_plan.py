"""Decides what form each table of a model gets."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import keras

from kd_keras.compression.budget import check_budget, read_budget
from kd_keras.compression.coded_forms import ENOUGH
from kd_keras.compression.file_size import (
    FileContents,
    FileSize,
    NotExportedError,
)
from kd_keras.compression.forms import Form
from kd_keras.compression.given_counts import given_counts
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.model_tables import (
    LeftAlone,
    ModelTable,
    find_tables,
)
from kd_keras.compression.plan import Alternative, Plan
from kd_keras.compression.planner import BEST, Planner
from kd_keras.compression.read_data import (
    check_targets,
    check_teacher,
    example_of,
    read_data,
)
from kd_keras.compression.replaceable import (
    lost_settings,
    no_table,
    replaceable,
)
from kd_keras.compression.states import keeps_states
from kd_keras.compression.steps import NOTHING_KEPT, Steps
from kd_keras.compression.weigh_tables import set_counts, weigh_tables
from kd_keras.export.litert.precisions import PRECISIONS
from kd_keras.utils.checks import check_choice, check_seed, short_repr
from kd_keras.utils.errors import BadInputError, as_bad_input
from kd_keras.utils.progress_bar import Say

MOST_USED = 0.9  # share of the budget below which a plan says why


@dataclasses.dataclass
class Planned:
    """A plan, and what it was made from.

    Attributes:
        plan: `Plan`.
        tables: list of `ModelTable`, as `plan.tables` has them.
        size: `FileSize` of the model.
        data, validation: `ModelData` or None.
        teacher: Keras model that the small one learns from, or None for the
            large one.
        planner: `Planner`, or None if there is nothing to do.
    """

    plan: Plan
    tables: list[ModelTable]
    size: FileSize
    data: ModelData | None
    validation: ModelData | None
    teacher: Any
    planner: Planner | None = None

    def smaller(self, total: int) -> "Planned | None":
        """Plans anew after a file of this plan has had too many bytes.

        Args:
            total: int. The bytes of that file.

        Returns:
            `Planned` of a smaller file, or None if there is none.
        """
        planner, way = self.planner, self.plan.way
        if planner is None or way is None:
            return None
        forms = [table.form for table in self.plan.tables]
        found = planner.smaller(forms, total, way)
        if found is None:
            return None
        plan = _with(self.plan, planner, found[1])
        plan = dataclasses.replace(plan, way=found[0])
        return dataclasses.replace(self, plan=plan)


@keeps_states
def make_plan(
    model: Any,
    budget: Any,
    data: Any = None,
    validation_data: Any = None,
    quantization: str | None = "int8",
    layers: Iterable[Any] | None = None,
    seed: int = 0,
    verbose: int = 1,
    counts: Any = None,
    say: Say = lambda line: None,
    needs_file: bool = False,
    contents: FileContents | None = None,
    steps: Steps = NOTHING_KEPT,
    teacher: Any = None,
) -> Planned:
    """Makes a plan; see `compress` for the arguments.

    Args:
        say: Called with a line of text at the start of each step.
        needs_file: bool. Whether a model that cannot be exported is refused,
            and tables are left alone with which it could not be saved.
        contents: `FileContents` or None. What the file holds.
        steps: `Steps`. Runs the steps that take long.
    """
    check_model(model)
    check_budget(budget)
    as_bad_input(check_choice, "quantization", quantization, PRECISIONS)
    as_bad_input(check_seed, "`seed`", seed)
    given = read_data(model, data, validation_data)
    tables, left = find_tables(model, layers)
    for part in dict.fromkeys(given):
        check_targets(model, part)
    check_teacher(model, teacher, given[0])
    counted = {} if counts is None else given_counts(tables, counts)
    say("Writing the model's file, to see its size")
    example = example_of(model, given[0])
    size = FileSize(model, quantization, example, contents)
    if needs_file and not size.is_measured:
        raise BadInputError(f"model.tflite cannot be written: {size.note}")
    notes = [size.note] if size.note else []
    if given[0] is not None and given[0] is given[1]:
        notes.append(
            "no validation data: the small model is judged by what it is "
            "trained on"
        )
    plan = _empty(model, size, budget)
    if plan.budget >= plan.before:
        note = "the file is within the budget already: nothing to do"
        plan = dataclasses.replace(plan, left=tuple(left), notes=(*notes, note))
        return Planned(plan, [], size, *given, teacher)
    tables, more, dissolved = replaceable(model, tables, needs_file, given[0])
    left += more
    if not tables:
        raise BadInputError(no_table(model, left))
    if given[0] is not None:
        say("Counting the symbols in the data")
        weigh_tables(model, tables, given[0], given[1])
    for table in tables:
        set_counts(table, counted.get(id(table)))
    notes += lost_settings(tables)
    if dissolved:
        notes.append(
            "the small model is a plain functional model, without the methods "
            f"of {' and '.join(sorted(dissolved))}, whose layers are its own "
            "layers now"
        )
    options = seed, verbose, steps
    planner = Planner(model, tables, size, plan.budget, *options)
    try:
        plan = _choose(planner, plan, given, say, left)
    except NotExportedError as error:
        if needs_file:
            raise
        size.count_weights(
            model, f"the small model cannot be exported: {error.why}"
        )
        notes.append(str(size.note))
        plan = _empty(model, size, budget)
        planner = Planner(model, tables, size, plan.budget, *options)
        plan = _choose(planner, plan, given, say, left)
    coded = [x.error for x in plan.tables if x.form.K]
    if plan.bytes < MOST_USED * plan.budget and sum(coded) < ENOUGH:
        notes.append(
            "more bytes would hardly help: the error of the codes is "
            f"{sum(coded):.4f} already"
        )
    plan = dataclasses.replace(plan, left=tuple(left), notes=tuple(notes))
    return Planned(plan, tables, size, *given, teacher, planner)


def _choose(
    planner: Planner,
    empty: Plan,
    given: tuple[ModelData | None, ModelData | None],
    say: Say,
    left: Sequence[LeftAlone],
) -> Plan:
    """Chooses the forms of a plan."""
    planner.draft()
    say("Writing files of several plans, to see their sizes")
    alternatives = planner.compare(*given, say, left)
    way = min(alternatives, key=_rank).way
    forms, total = planner.choose(way)
    error = sum(planner.errors_of(forms))
    alternatives = [
        dataclasses.replace(x, bytes=total, error=error) if x.way == way else x
        for x in alternatives
    ]
    plan = dataclasses.replace(empty, way=way, alternatives=tuple(alternatives))
    return _with(plan, planner, forms, total)


def _empty(model: Any, size: FileSize, budget: Any) -> Plan:
    """Returns the plan in which nothing is done yet."""
    before = int(size.before.total)
    most = read_budget(budget, before)
    return Plan(model.name, size.quantization, most, before, before, before)


def _with(
    plan: Plan, planner: Planner, forms: list[Form], total: int | None = None
) -> Plan:
    """Returns a plan with these forms; its bytes are estimated if not known."""
    if total is None:
        total = planner.files.estimated(forms)
    return dataclasses.replace(
        plan,
        bytes=total,
        rest=total - sum(planner.files.of_tables(forms)),
        tables=tuple(planner.table_plans(forms)),
    )


def _rank(x: Alternative) -> tuple[float, bool]:
    """Ranks ways by their loss, or without data by their error."""
    return x.error if x.loss is None else x.loss, x.way != BEST


def check_model(model: Any) -> None:
    """Checks that a model can be made small at all.

    Raises:
        BadInputError: If it is not a built Keras model.
    """
    if not isinstance(model, keras.Model):
        raise BadInputError(
            f"compress needs a Keras model. Received: {short_repr(model)}"
        )
    if not model.built:
        raise BadInputError(
            "compress needs a built model: call it once on inputs, and train "
            f"it. Received: {short_repr(model)}, not built"
        )
