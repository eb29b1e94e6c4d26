"""Carries out the plan of a small model."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras

from kd_keras.compression.calibrated_loss import has_temperature
from kd_keras.compression.distil import EPOCHS, distil, measure
from kd_keras.compression.file_size import FileSize
from kd_keras.compression.forms import Form
from kd_keras.compression.make_plan import Planned
from kd_keras.compression.model_data import ModelData
from kd_keras.compression.model_tables import ModelTable
from kd_keras.compression.plan import Plan
from kd_keras.compression.states import states_kept
from kd_keras.compression.steps import (
    NOTHING_KEPT,
    Steps,
    are_of,
    arrays_of,
    assign,
    digest_of,
)
from kd_keras.compression.with_forms import with_forms
from kd_keras.report.model_page import metric_lines
from kd_keras.utils.errors import BadInputError
from kd_keras.utils.progress_bar import Say

# Trains a small model, and keeps its steps under a name. Returns the losses of
# the validation with new tables, and after each epoch.
Train = Callable[[Any, str], list[float]]

# The effort of `learn_codes` at effort 1.
SEARCH = 0.2
# How often a model is made anew because its file is too large.
ATTEMPTS = 3
NOT_TRAINED = "the file of the trained model is too large: it is not trained"


@dataclasses.dataclass(frozen=True)
class Compressed:
    """A small model and how it came about.

    Attributes:
        model: Keras model.
        plan: `Plan`.
        losses: list of float. The validation's loss with new tables, and after
            each epoch of training, see `distil` and `Work.train`. Empty if
            nothing was trained. The model's weights may lie between those, see
            `measured`.
        size: `FileSize` of the original: what an export needs.
        measured: dict of dict of float. The model's own loss and metrics of
            the validation data: `"before"`, `"with new tables"`, and
            `"trained"`. Empty without targets.
    """

    model: Any
    plan: Plan
    losses: list[float]
    size: FileSize
    measured: dict[str, dict[str, float]]


@dataclasses.dataclass(frozen=True)
class Work:
    """What a plan is carried out on, and how.

    Attributes:
        model: Keras model that the plan is of.
        tune, effort, seed, verbose: See `compress`.
        teachers_share: float or None. See `distil`.
        say: Called with a line of text at the start of each step.
        steps: `Steps`. Runs the steps that take long.
        train: `Train` or None. None: `distil`.
    """

    model: Any
    tune: bool = True
    effort: float = 1.0
    seed: int = 0
    verbose: int = 0
    teachers_share: float | None = None
    say: Say = lambda line: None
    steps: Steps = NOTHING_KEPT
    train: Train | None = None


def carry_out(planned: Planned, work: Work) -> Compressed:
    """Learns the codes of a plan and trains the small model.

    Either may lead to matrices that must be rounded more finely than those of
    the plan, so that the file is too large. Then less is planned. If that does
    not help either, the training is taken back.

    Args:
        planned: `Planned`.
        work: `Work`.

    Returns:
        `Compressed`.

    Raises:
        BadInputError: If no file is within the budget, or the model cannot be
            copied.
    """
    budget, untrained = planned.plan.budget, None
    for _ in range(ATTEMPTS):
        work.say(str(planned.plan))
        result = _with_tables(planned, work)
        if result.plan.bytes <= budget:
            weights = result.model.get_weights() if work.tune else []
            trained = _trained(planned, result, work)
            if trained.plan.bytes <= budget:
                return trained
            untrained = untrained or (result, weights)
            result = trained
        again = planned.smaller(result.plan.bytes)
        if again is None:
            break
        work.say(f"The file has {result.plan.bytes:,} bytes: planning anew")
        planned = again
    if untrained is None:
        raise BadInputError(
            f"The file has {result.plan.bytes:,} bytes with the learned codes, "
            "more than was foreseen: give a larger budget. Received: "
            f"budget={budget:,} bytes"
        )
    result, weights = untrained
    result.model.set_weights(weights)
    work.say(NOT_TRAINED)
    notes = (*result.plan.notes, NOT_TRAINED)
    plan = dataclasses.replace(result.plan, notes=notes)
    return dataclasses.replace(result, plan=plan)


def _with_tables(planned: Planned, work: Work) -> Compressed:
    """Makes the model with the tables of a plan, and measures it."""
    forms = [table.form for table in planned.plan.tables]
    layers = {}
    for i, (form, table) in enumerate(zip(forms, planned.tables, strict=True)):
        make = functools.partial(
            form.make, table, work.seed, SEARCH * work.effort, work.verbose
        )
        name = f"table-{i}-{digest_of(repr(form))}"
        layers[table.layer] = _made(form, table, make, name, work.steps)
    # Of what the copy draws, as in dropout.
    keras.utils.set_random_seed(work.seed)
    try:
        small = with_forms(
            work.model,
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
    plan = dataclasses.replace(
        planned.plan, bytes=planned.size.of(small, is_last=True)
    )
    measured = {}
    if planned.tables and planned.validation is not None:
        measured = {
            "before": measure(work.model, planned.validation),
            "with new tables": measure(small, planned.validation),
        }
        measured = {name: x for name, x in measured.items() if x}
    return Compressed(small, plan, [], planned.size, measured)


def _trained(planned: Planned, made: Compressed, work: Work) -> Compressed:
    """Trains a small model, if there are data and that is wanted."""
    small, train, validation = made.model, planned.data, planned.validation
    if not planned.tables or train is None or validation is None:
        return made
    measured, losses = made.measured, made.losses
    plan = made.plan
    if work.tune:
        work.say("Training the small model")
        forms = [table.form for table in plan.tables]
        name = f"training-{digest_of(repr(forms))}"
        if work.train is None:
            losses = _distilled(planned, train, validation, small, name, work)
        else:
            losses = work.train(small, name)
        plan = dataclasses.replace(
            plan, bytes=planned.size.of(small, is_last=True)
        )
        if found := measure(small, validation):
            measured = measured | {"trained": found}
    for line in metric_lines(measured):
        work.say(line)
    return dataclasses.replace(
        made, plan=plan, losses=losses, measured=measured
    )


def _distilled(
    planned: Planned,
    data: ModelData,
    validation: ModelData,
    small: Any,
    name: str,
    work: Work,
) -> list[float]:
    teacher = work.model if planned.teacher is None else planned.teacher
    with states_kept(teacher):
        return distil(
            small,
            work.model,
            data,
            validation,
            max(1, round(EPOCHS * work.effort)),
            work.seed,
            teacher,
            steps=work.steps,
            name=name,
            share=work.teachers_share,
            is_calibrated=has_temperature(small, validation),
            on_epoch=lambda i, x: work.say(f"Epoch {i}: loss {x:#.5g}"),
        )


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
