"""Carries out the plan of a small model."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras

from kd_keras.compression.distil import EPOCHS, distil, measure
from kd_keras.compression.file_size import FileSize
from kd_keras.compression.forms import Form
from kd_keras.compression.make_plan import Planned
from kd_keras.compression.model_tables import ModelTable
from kd_keras.compression.plan import Plan
from kd_keras.compression.planner import with_forms
from kd_keras.compression.steps import (
    Steps,
    are_of,
    arrays_of,
    assign,
    digest_of,
)
from kd_keras.report.model_page import metric_lines
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.progress_bar import Say

# The effort of `learn_codes` at effort 1.
SEARCH = 0.2
# How often a model is made anew because its file is too large.
ATTEMPTS = 3


@dataclasses.dataclass(frozen=True)
class Compressed:
    """A small model and how it came about.

    Attributes:
        model: Keras model.
        plan: `Plan`.
        losses: list of float. The validation's loss with new tables, and after
            each epoch of training, see `distil`. Empty if nothing was trained.
        measured: dict of dict of float. The model's own loss and metrics of
            the validation data: `"before"`, `"with new tables"`, and
            `"trained"`. Empty without targets.
        size: `FileSize` of the original: what an export needs.
    """

    model: Any
    plan: Plan
    losses: list[float]
    measured: dict[str, dict[str, float]] = dataclasses.field(
        default_factory=dict
    )
    size: FileSize | None = None


def carry_out(
    planned: Planned,
    model: Any,
    tune: bool,
    effort: float,
    seed: int,
    verbose: int,
    say: Say,
    steps: Steps,
) -> Compressed:
    """Learns the codes of a plan and trains the small model.

    Either may lead to matrices that must be rounded more finely than those of
    the plan, so that the file is too large. Then less is planned.

    Args:
        planned: `Planned`.
        model: Keras model that it is of.
        tune, effort, seed, verbose: See `compress`.
        say: Called with a line of text at the start of each step.
        steps: `Steps`. Runs the steps that take long.

    Returns:
        `Compressed`.

    Raises:
        BadInputError: If no file is within the budget, or the model cannot be
            copied.
    """
    for attempt in range(ATTEMPTS):
        say(str(planned.plan))
        small, forms = _with_tables(
            planned, model, effort, seed, verbose, steps
        )
        total = planned.size.of(small)
        if total > planned.plan.budget:
            found = planned.smaller(total)
            if found is None:
                break
            say(f"With these codes the file has {total:,} bytes: planning anew")
            planned = found
            continue
        weights = small.get_weights()
        result = _trained(
            planned, model, small, forms, total, tune, effort, seed, say, steps
        )
        if result.plan.bytes <= planned.plan.budget:
            return result
        found = planned.smaller(result.plan.bytes)
        if found is None or attempt == ATTEMPTS - 1:
            small.set_weights(weights)
            return _untrained(result, total)
        say(
            f"The file of the trained model has {result.plan.bytes:,} bytes: "
            "planning anew"
        )
        planned = found
    raise BadInputError(
        f"With these codes the file has {total:,} bytes, which was not "
        "foreseen: give a smaller budget. Received: "
        f"budget={planned.plan.budget:,} bytes"
    )


def _untrained(result: Compressed, total: int) -> Compressed:
    """Tells of a small model whose training was taken back."""
    note = "the file of the trained model was too large: it is not trained"
    plan = dataclasses.replace(
        result.plan, bytes=total, notes=(*result.plan.notes, note)
    )
    measured = {x: y for x, y in result.measured.items() if x != "trained"}
    return dataclasses.replace(result, plan=plan, losses=[], measured=measured)


def _with_tables(
    planned: Planned,
    model: Any,
    effort: float,
    seed: int,
    verbose: int,
    steps: Steps,
) -> tuple[Any, list[Form]]:
    """Returns a model with the tables of a plan, and their forms."""
    forms = [table.form for table in planned.plan.tables]
    layers = {}
    for i, (form, table) in enumerate(zip(forms, planned.tables, strict=True)):
        make = functools.partial(
            form.make, table, seed, SEARCH * effort, verbose
        )
        name = f"table-{i}-{digest_of(repr(form))}"
        layers[table.layer] = _made(form, table, make, name, steps)
    keras.utils.set_random_seed(seed)  # of what the copy draws, as in dropout
    try:
        small = with_forms(
            model,
            planned.tables,
            forms,
            lambda form, table: layers[table.layer],
        )
    except ValueError as error:
        if planned.tables:
            raise
        # There is nothing to do, so nobody has tried to copy it.
        raise BadInputError(
            "The file is within the budget already, and no copy of the model "
            f"can be made. {error}"
        ) from error
    return small, forms


def _trained(
    planned: Planned,
    model: Any,
    small: Any,
    forms: list[Form],
    total: int,
    tune: bool,
    effort: float,
    seed: int,
    say: Say,
    steps: Steps,
) -> Compressed:
    """Trains a small model, if there are data, and measures it."""
    losses: list[float] = []
    measured = {}
    train, validation = planned.data, planned.validation
    if planned.tables and train is not None and validation is not None:
        measured = {
            "before": measure(model, validation),
            "with new tables": measure(small, validation),
        }
        if tune:
            say("Training the small model")
            losses = distil(
                small,
                model,
                train,
                validation,
                max(1, round(EPOCHS * effort)),
                seed,
                steps=steps,
                name=f"training-{digest_of(repr(forms))}",
                on_epoch=lambda i, loss: say(f"Epoch {i}: loss {loss:.4f}"),
            )
            total = planned.size.of(small)
            measured["trained"] = measure(small, validation)
        measured = {name: x for name, x in measured.items() if x}
        for line in metric_lines(measured):
            say(line)
    final = dataclasses.replace(planned.plan, bytes=total)
    return Compressed(small, final, losses, measured, planned.size)


def _made(
    form: Form,
    table: ModelTable,
    make: Callable[[], Any],
    name: str,
    steps: Steps,
) -> Any:
    """Makes a layer, or takes it from an interrupted run."""
    if not form.K:
        return make()  # in no time
    layer = form.outline(table)
    found = steps.run(
        name,
        lambda: arrays_of(make().weights),
        lambda found: are_of(found, layer.weights),
    )
    assign(layer.weights, found)
    return layer
