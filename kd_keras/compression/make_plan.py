"""Decides what form each table of a model gets."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from kd_keras.compression.budget import check_budget, read_budget
from kd_keras.compression.distil import has_loss
from kd_keras.compression.file_size import FileContents, FileSize
from kd_keras.compression.forms import Form
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.model_tables import (
    OUTPUT,
    LeftAlone,
    ModelTable,
    find_tables,
)
from kd_keras.compression.plan import Alternative, Plan
from kd_keras.compression.planner import BEST, WAYS, Planner
from kd_keras.compression.states import keeps_states, stateful_layers
from kd_keras.compression.steps import NOTHING_KEPT, Steps
from kd_keras.compression.weigh_tables import set_counts, weigh_tables
from kd_keras.export.litert.precisions import PRECISIONS
from kd_keras.learning.replace_layers import replace_uncompiled
from kd_keras.utils.checks import check_choice, check_seed, short_repr
from kd_keras.utils.errors import BadInputError, as_bad_input
from kd_keras.utils.progress_bar import Say


@dataclasses.dataclass
class Planned:
    """A plan, and what it was made from.

    Attributes:
        plan: `Plan`.
        tables: list of `ModelTable`, as `plan.tables` has them.
        size: `FileSize` of the model.
        data, validation: `ModelData` or None.
        planner: `Planner`, or None if there is nothing to do.
    """

    plan: Plan
    tables: list[ModelTable]
    size: FileSize
    data: ModelData | None
    validation: ModelData | None
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
    say: Say = lambda line: None,
    counts: np.ndarray | None = None,
    needs_file: bool = False,
    contents: FileContents | None = None,
    steps: Steps = NOTHING_KEPT,
) -> Planned:
    """Makes a plan; see `plan` for the arguments.

    Args:
        say: Called with a line of text at the start of each step.
        counts: array of float, or None. How often each symbol occurs, for the
            tables of as many symbols.
        needs_file: bool. Whether a model that cannot be exported is refused.
        contents: `FileContents` or None. What the file holds.
        steps: `Steps`. Runs the steps that take long.
    """
    check_model(model)
    check_budget(budget)
    as_bad_input(check_choice, "quantization", quantization, PRECISIONS)
    as_bad_input(check_seed, "`seed`", seed)
    given = read_data(model, data, validation_data)
    tables, left = find_tables(model, layers)
    _check_targets(model, given[0])
    say("Writing the model's file, to see its size")
    example = _example(model, given[0])
    size = FileSize(model, quantization, example, contents)
    if size.note and needs_file:
        raise BadInputError(f"model.tflite cannot be written: {size.note}")
    before = int(size.before.total)
    most = read_budget(budget, before)
    notes = [size.note] if size.note else []
    if given[0] is not None and given[0] is given[1]:
        notes.append(
            "no validation data: the small model is judged by what it is "
            "trained on"
        )
    empty = Plan(
        model.name, quantization, most, before, before, before,
        left=tuple(left), notes=tuple(notes),
    )  # fmt: skip
    if most >= before:
        note = "the file is within the budget already: nothing to do"
        done = dataclasses.replace(empty, notes=(*notes, note))
        return Planned(done, [], size, *given)
    tables, more, dissolved = _replaceable(model, tables)
    left += more
    if not tables:
        raise BadInputError(_no_table(model, left))
    if given[0] is not None:
        say("Counting the symbols in the data")
        weigh_tables(model, tables, given[0])
    if counts is not None:
        _count(tables, counts)
    notes += _told(tables)
    if dissolved:
        notes.append(
            "the small model is a plain functional model, without the methods "
            f"of {' and '.join(sorted(dissolved))}, whose layers are its own "
            "layers now"
        )
    planner = Planner(model, tables, size, most, seed, verbose, steps)
    planner.draft()
    alternatives, forms = planner.compare(*given, say, left)
    say("Writing files of this plan, to see their size")
    for way in (*(x.way for x in sorted(alternatives, key=_rank)), BEST):
        if (fitted := planner.fit(forms[way], WAYS[way])) is not None:
            break
    assert fitted is not None  # that of BEST did fit
    chosen, total = fitted
    plan = dataclasses.replace(
        empty,
        left=tuple(left),
        way=way,
        alternatives=tuple(alternatives),
        notes=tuple(notes),
    )
    plan = _with(plan, planner, chosen, total)
    return Planned(plan, tables, size, *given, planner)


def _with(
    plan: Plan, planner: Planner, forms: list[Form], total: int | None = None
) -> Plan:
    """Returns a plan with these forms; its bytes are estimated if not known."""
    if total is None:
        total = planner.in_file(forms)
    return dataclasses.replace(
        plan,
        bytes=total,
        rest=total - sum(planner.bytes_of(forms)),
        tables=tuple(planner.table_plans(forms)),
    )


def _check_targets(model: Any, data: ModelData | None) -> None:
    """Checks that the model can learn from data, on one batch."""
    if data is None:
        return
    if not (data.has_targets and has_loss(model)):
        outputs = getattr(model, "outputs", None)
        if outputs and not any("float" in str(x.dtype) for x in outputs):
            raise BadInputError(
                "`data` need targets, and the model a loss, if no output of "
                "the model is floats. Received: outputs of "
                + ", ".join(sorted({str(x.dtype) for x in outputs}))
            )
        return
    x, y, weights = next(data.batches(1))
    try:
        # By name: keras-hub's tasks have the arguments in another order.
        model.evaluate(x=x, y=y, sample_weight=weights, verbose=0, steps=1)
    except Exception as error:
        raise BadInputError(
            "`data` must be what the model takes, as `model.fit` gets it. "
            f"Received: {' '.join(str(error).split())[:300]}"
        ) from error


def _example(model: Any, data: ModelData | None) -> Any:
    """Returns inputs of a model that does not say what it takes."""
    if data is None or getattr(model, "inputs", None):
        return None
    x, *_ = next(data.batches(1))
    return x


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


def read_data(
    model: Any, data: Any, validation_data: Any
) -> tuple[ModelData | None, ModelData | None]:
    """Reads the data; without validation data a part is held back."""
    if data is None:
        if validation_data is not None:
            raise BadInputError(
                "`validation_data` needs `data`. Received: data=None"
            )
        return None, None
    batch_size = _batch_size(model)
    train = ModelData("data", data, batch_size)
    if validation_data is None:
        return train.split()
    valid = ModelData("validation_data", validation_data, batch_size)
    if train.has_targets != valid.has_targets:
        raise BadInputError(
            "`data` and `validation_data` must both have targets, or neither. "
            f"Received: {train.has_targets} and {valid.has_targets}"
        )
    return train, valid


def _batch_size(model: Any) -> int | None:
    """Returns the batch size that a model must be called with, if any."""
    inputs = getattr(model, "inputs", None) or ()
    if isinstance(model, keras.Sequential) and not stateful_layers(model):
        # It takes any; without an `Input`, its shape is that of its first call.
        return None
    return inputs[0].shape[0] if inputs else None


def _replaceable(
    model: Any, tables: list[ModelTable]
) -> tuple[list[ModelTable], list[LeftAlone], set[str]]:
    """Sorts out the tables that a copy of the model cannot replace.

    Returns:
        `(tables, left, names of classes of models that the copy lacks)`.
    """

    def outline(table: ModelTable) -> Any:
        return Form(K=2, D=(1,)).outline(table)

    try:
        copy = replace_uncompiled(model, {x.layer: outline(x) for x in tables})
        return tables, [], _classes(model) - _classes(copy)
    except ValueError:
        pass
    kept, left, dissolved = [], [], set()
    for table in tables:
        try:
            copy = replace_uncompiled(model, {table.layer: outline(table)})
            kept.append(table)
            dissolved |= _classes(model) - _classes(copy)
        except ValueError as error:
            reason = " ".join(str(error).split())
            numbers = table.layer.count_params()
            left.append(LeftAlone(table.name, numbers, reason))
    return kept, left, dissolved


def _classes(model: Any) -> set[str]:
    """Names the classes of a model and of those in it."""
    layers = model._flatten_layers()
    return {type(x).__name__ for x in layers if isinstance(x, keras.Model)}


def _count(tables: Sequence[ModelTable], counts: np.ndarray) -> None:
    fitting = [table for table in tables if len(table.rows) == len(counts)]
    for table in fitting:
        set_counts(table, counts)
    if not fitting:
        sizes = ", ".join(f"{len(x.rows):,} of {x.name}" for x in tables)
        raise BadInputError(
            "--counts must have one count for each symbol of a table. "
            f"Received: {len(counts):,} counts; the tables have {sizes}"
        )


def _no_table(model: Any, left: Sequence[LeftAlone]) -> str:
    reasons = "; ".join(f"{x.name}: {x.reason}" for x in left)
    return (
        "compress needs a model with an embedding or an output layer as wide "
        f"as a vocabulary. Received: {model.name!r}, "
        + (f"where all are left alone ({reasons})" if left else "without one")
    )


def _told(tables: Sequence[ModelTable]) -> list[str]:
    """Lists settings of layers that are lost."""
    notes = []
    for table in tables:
        for name in (
            "embeddings_regularizer", "embeddings_constraint",
            "kernel_regularizer", "kernel_constraint", "bias_regularizer",
            "bias_constraint", "activity_regularizer",
        ):  # fmt: skip
            value = getattr(table.layer, name, None)
            if value is not None and (
                table.kind == OUTPUT
                or name.startswith(("embeddings", "activity"))
            ):
                kind = type(value).__name__
                notes.append(f"{table.name} loses its {name}, {kind}")
    return notes
